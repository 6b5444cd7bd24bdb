#include "os/unix_stream.hpp"

#include <errno.h>

namespace cinit::os {
namespace {

constexpr mode_t kOthers = 0177;  // everything but reading and writing by the owner
constexpr int kBacklog = 64;

}  // namespace

Fd listen_at(const UnixAddress& address) {
  Fd socket(sys::socket(AF_UNIX, SOCK_STREAM));
  if (!socket) return socket;
  // The path must not be there with another mode, not even for a moment.
  const auto before = static_cast<mode_t>(sys::umask(kOthers));
  long result = sys::bind(socket.get(), address.get(), address.size);
  sys::umask(before);
  if (result == 0) result = sys::call(SYS_listen, socket.get(), kBacklog);
  return result == 0 ? std::move(socket) : Fd(result);
}

int try_connect(const UnixAddress& address) {
  const Fd socket(sys::socket(AF_UNIX, SOCK_STREAM));
  if (!socket) return socket.error();
  const long result = sys::connect(socket.get(), address.get(), address.size);
  // EAGAIN: more wait to be accepted than there is room for.
  return result == -EAGAIN ? 0 : static_cast<int>(-result);
}

Fd accept_connection(int listener) { return Fd(sys::call(SYS_accept4, listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK)); }

long peer_uid(int connection) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  const long result =
      sys::call(SYS_getsockopt, connection, SOL_SOCKET, SO_PEERCRED, sys::word(&peer), sys::word(&size));
  return result < 0 ? result : static_cast<long>(peer.uid);
}

bool is_hung_up(int connection) {
  pollfd poll{connection, 0, 0};
  const timespec now{};
  return sys::ppoll(&poll, 1, &now) == 1 && (poll.revents & POLLHUP) != 0;
}

}  // namespace cinit::os
