#include "os/unix_stream.hpp"

#include <errno.h>

#include "os/discarder.hpp"

namespace cinit::os {
namespace {

constexpr mode_t kOthers = 0177;  // everything but reading and writing by the owner
constexpr int kBacklog = 64;

}  // namespace

Fd listen_at(const UnixAddress& address) {
  Fd socket(sys::socket(AF_UNIX, SOCK_STREAM));
  if (!socket) return socket;
  refuse_descriptors(socket.get());
  // The path must not be there with another mode, not even for a moment.
  const auto before = static_cast<mode_t>(sys::umask(kOthers));
  long result = sys::bind(socket.get(), address.get(), address.size);
  sys::umask(before);
  if (result == 0) result = sys::call(SYS_listen, socket.get(), kBacklog);
  return result == 0 ? std::move(socket) : Fd(result);
}

int try_connect(const UnixAddress& address, ucred* peer) {
  const Fd socket(sys::socket(AF_UNIX, SOCK_STREAM));
  if (!socket) return socket.error();
  // The other end gets no chance to send a descriptor, which would be ours to close.
  sys::shutdown(socket.get(), SHUT_RD);
  const long result = sys::connect(socket.get(), address.get(), address.size);
  if (result == 0 && peer) sys::getsockopt(socket.get(), SO_PEERCRED, *peer);
  // EAGAIN: more wait to be accepted than there is room for.
  return result == -EAGAIN ? 0 : static_cast<int>(-result);
}

Fd accept_connection(int listener) {
  Fd connection(sys::call(SYS_accept4, listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK));
  // MSG_PEEK passes over an urgent byte, with the descriptors at it, unless that is an ordinary byte.
  if (connection) sys::setsockopt(connection.get(), SO_OOBINLINE, 1);
  return connection;
}

long receive_text(int connection, void* buffer, std::size_t size) {
  iovec part{buffer, size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const long seen = sys::peek_message(connection, &message);
  if ((message.msg_flags & MSG_CTRUNC) != 0) return -EPERM;
  return seen <= 0 ? seen : sys::receive(connection, buffer, static_cast<std::size_t>(seen));
}

long peer_uid(int connection) {
  ucred peer{};
  const long result = sys::getsockopt(connection, SO_PEERCRED, peer);
  return result < 0 ? result : static_cast<long>(peer.uid);
}

bool is_hung_up(int connection) {
  pollfd poll{connection, 0, 0};
  const timespec now{};
  return sys::ppoll(&poll, 1, &now) == 1 && (poll.revents & POLLHUP) != 0;
}

}  // namespace cinit::os
