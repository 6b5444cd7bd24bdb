// The way back from a command to who asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cinit::control {

// A client, as long as it is there; then the number may be another's.
enum class ClientId : std::uint32_t {};

// None of these waits. Nothing may be said to a client behind end().
class Replies {
 public:
  // A line each, or several with newlines between them.
  virtual void out(ClientId client, std::string_view text) = 0;
  virtual void err(ClientId client, std::string_view text) = 0;
  virtual void end(ClientId client, int code) = 0;
  // What it asked for is under way, and the client has said that it understands this.
  virtual void wait(ClientId client) = 0;
  // How many bytes wait for the client to read them. More than kMostPending, and the client is closed.
  virtual std::size_t pending(ClientId client) const = 0;

  static constexpr std::size_t kMostPending = std::size_t{1} << 20U;
  // Of all clients together. More, and the one that has not read for longest gets no more than the reason.
  static constexpr std::size_t kMostPendingOfAll = 4 * kMostPending;
  // How many clients may be answered later (a service's start, lines of logs) at once: the others find a place always.
  static constexpr std::size_t kMostLasting = 48;

 protected:
  ~Replies() = default;
};

}  // namespace cinit::control
