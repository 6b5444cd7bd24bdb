// A TCP server that does what a test says, one call at a time. Its calls throw when they fail or wait for too long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "os/fd.hpp"

namespace cinit::test {

// One end of a connection.
class Connection {
 public:
  explicit Connection(os::Fd fd) : fd_(std::move(fd)) {}

  void send(std::string_view bytes);
  // Takes bytes until they end with `end`, and returns them.
  std::string receive_until(std::string_view end);
  // How the other end has closed it: "closed", or "reset" when it left something unread.
  std::string end();
  void close() { fd_.reset(); }
  // Closes it so that the other end gets ECONNRESET.
  void reset();

 private:
  os::Fd fd_;
};

// A port of 127.0.0.1, or of ::1.
class Server {
 public:
  enum class Family { V4, V6 };
  // port 0: a free one. Until it listens, connections are refused.
  explicit Server(Family family = Family::V4, std::uint16_t port = 0);

  Server& listen();
  Connection accept();
  std::uint16_t port() const;

 private:
  os::Fd fd_;
};

bool has_ipv6();

}  // namespace cinit::test
