#include "server.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace cinit::test {
namespace {

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

void wait_for(int fd, short events) {
  pollfd wanted{fd, events, 0};
  require(poll(&wanted, 1, 10'000) == 1, "nothing happened for 10 s");
}

sockaddr_in6 make_ipv6(std::uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  return address;
}

sockaddr_in make_ipv4(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

template <class Address>
bool bind_to(const os::Fd& fd, const Address& address) {
  return bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

os::Fd make_socket(int family) { return os::Fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

}  // namespace

void Connection::send(std::string_view bytes) {
  const auto size = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  require(size == static_cast<ssize_t>(bytes.size()), "send");
}

std::string Connection::receive_until(std::string_view end) {
  std::string text;
  char buffer[65536];
  while (!text.ends_with(end)) {
    wait_for(fd_.get(), POLLIN);
    const auto size = recv(fd_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    require(size > 0, "recv");
    text.append(buffer, static_cast<std::size_t>(size));
  }
  return text;
}

std::string Connection::end() {
  wait_for(fd_.get(), POLLIN);
  char byte = 0;
  const auto size = recv(fd_.get(), &byte, 1, MSG_DONTWAIT);
  require(size <= 0, "more bytes");
  return size == 0 ? "closed" : "reset";
}

void Connection::reset() {
  const linger at_once{1, 0};
  setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close();
}

Server::Server(Family family, std::uint16_t port) : fd_(make_socket(family == Family::V4 ? AF_INET : AF_INET6)) {
  require(family == Family::V4 ? bind_to(fd_, make_ipv4(port)) : bind_to(fd_, make_ipv6(port)), "bind");
}

Server& Server::listen() {
  require(::listen(fd_.get(), 8) == 0, "listen");
  return *this;
}

Connection Server::accept() {
  wait_for(fd_.get(), POLLIN);
  return Connection(os::Fd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
}

std::uint16_t Server::port() const {
  // The port stands at the same place in the addresses of both families.
  sockaddr_in6 address{};
  socklen_t size = sizeof(address);
  require(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  return ntohs(address.sin6_port);
}

bool has_ipv6() {
  const os::Fd fd = make_socket(AF_INET6);
  return fd && bind_to(fd, make_ipv6(0));
}

}  // namespace cinit::test
