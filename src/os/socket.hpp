// Sockets: the calls of socket(2), as os/syscall.hpp has the others, and addresses of unix(7).
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <optional>
#include <string_view>

#include "os/syscall.hpp"

namespace cinit::os::sys {

// Close-on-exec, and never waits.
inline long socket(int family, int type) { return call(SYS_socket, family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }
inline long connect(int fd, const sockaddr* address, socklen_t size) {
  return call(SYS_connect, fd, word(address), static_cast<long>(size));
}
inline long bind(int fd, const sockaddr* address, socklen_t size) {
  return call(SYS_bind, fd, word(address), static_cast<long>(size));
}
// Of both ends of a connection; `size` goes in and comes out.
inline long getsockname(int fd, sockaddr* address, socklen_t* size) {
  return call(SYS_getsockname, fd, word(address), word(size));
}
inline long getpeername(int fd, sockaddr* address, socklen_t* size) {
  return call(SYS_getpeername, fd, word(address), word(size));
}
template <class Value>
long setsockopt(int fd, int option, const Value& value) {
  return call(SYS_setsockopt, fd, SOL_SOCKET, option, word(&value), sizeof(value));
}
template <class Value>
long getsockopt(int fd, int option, Value& value) {
  socklen_t size = sizeof(value);
  return call(SYS_getsockopt, fd, SOL_SOCKET, option, word(&value), word(&size));
}
// None of these waits, whatever the descriptor's own mode is, and none raises SIGPIPE.
inline long send(int fd, std::string_view data) {
  return call(SYS_sendto, fd, word(data.data()), static_cast<long>(data.size()), MSG_DONTWAIT | MSG_NOSIGNAL);
}
inline long send_to(int fd, std::string_view data, const sockaddr* address, socklen_t size) {
  return call(SYS_sendto, fd, word(data.data()), static_cast<long>(data.size()), MSG_DONTWAIT | MSG_NOSIGNAL,
              word(address), static_cast<long>(size));
}
inline long receive(int fd, void* buffer, std::size_t size) {
  return call(SYS_recvfrom, fd, word(buffer), static_cast<long>(size), MSG_DONTWAIT);
}
// Descriptors that come along are close-on-exec. PID 1 must not call it: see os/discarder.hpp.
inline long receive_message(int fd, msghdr* message) {
  return call(SYS_recvmsg, fd, word(message), MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
}
// The same, but the message stays in the queue. Without room for descriptors none is taken, and MSG_CTRUNC is set in
// `message->msg_flags` when there are some.
inline long peek_message(int fd, msghdr* message) {
  return call(SYS_recvmsg, fd, word(message), MSG_DONTWAIT | MSG_PEEK);
}
inline long shutdown(int fd, int how) { return call(SYS_shutdown, fd, how); }

}  // namespace cinit::os::sys

namespace cinit::os {

struct UnixAddress {
  sockaddr_un storage{};
  socklen_t size = 0;

  // The longest path: one byte is for the NUL at its end.
  static constexpr std::size_t kMostPath = sizeof(sockaddr_un{}.sun_path) - 1;

  // An absolute path, or "@" and an abstract name. Nothing: it is neither, or too long.
  static std::optional<UnixAddress> of(std::string_view text);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

}  // namespace cinit::os
