#include "passenger.hpp"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>

#include "os/socket.hpp"

namespace cinit::test {
namespace {

os::Fd lingering_connection() {
  static const os::Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (listen(listener.get(), 64) != 0) throw std::runtime_error("listen");
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  os::Fd connection(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(connection.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) throw std::runtime_error("connect");
  os::sys::setsockopt(connection.get(), SO_LINGER, linger{1, 3600});
  const std::string bytes(1 << 20, 'x');
  while (os::sys::send(connection.get(), bytes) > 0) {
  }
  return connection;
}

}  // namespace

os::Fd lingering_passenger() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("socketpair");
  os::Fd there(ends[0]);
  os::Fd here(ends[1]);
  std::vector<os::Fd> passenger;
  passenger.push_back(lingering_connection());
  if (send_with(there.get(), "x", std::move(passenger)) != 0) throw std::runtime_error("sendmsg");
  return here;
}

int send_with(int socket, std::string text, std::vector<os::Fd> passengers, int flags) {
  iovec part{text.data(), text.size()};
  std::vector<char> control(CMSG_SPACE(passengers.size() * sizeof(int)));
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(passengers.size() * sizeof(int));
  for (std::size_t i = 0; i < passengers.size(); ++i) {
    const int fd = passengers[i].get();
    memcpy(CMSG_DATA(header) + i * sizeof(fd), &fd, sizeof(fd));
  }
  if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT | flags) >= 0) return 0;
  // Not to be closed by this process, which would wait for that.
  for (os::Fd& passenger : passengers) passenger.release();
  return errno;
}

}  // namespace cinit::test
