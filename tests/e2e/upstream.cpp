#include "upstream.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace cinit::e2e {

Upstream::Upstream() : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  const std::string path = directory_ / "socket";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (fd_ < 0 || bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    throw std::runtime_error("cannot bind " + path);
  }
}

Upstream::~Upstream() { close(fd_); }

Options Upstream::reachable(Options options) const {
  options.volumes.push_back(directory_.path() + ":/upstream");
  options.env["NOTIFY_SOCKET"] = "/upstream/socket";
  return options;
}

std::optional<std::string> Upstream::next(Clock::duration limit) {
  pollfd readable{fd_, POLLIN, 0};
  if (poll(&readable, 1, static_cast<int>(milliseconds(limit))) != 1) return std::nullopt;
  std::array<char, 4096> buffer{};
  const ssize_t size = recv(fd_, buffer.data(), buffer.size(), 0);
  if (size < 0) return std::nullopt;
  return std::string(buffer.data(), static_cast<std::size_t>(size));
}

}  // namespace cinit::e2e
