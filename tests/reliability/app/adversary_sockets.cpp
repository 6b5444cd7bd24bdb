// What the adversary sends to PID 1's sockets.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "adversary.hpp"
#include "app.hpp"

namespace app {

namespace {

// A TCP connection whose last close waits: data that is not taken away, and SO_LINGER.
int lingering() {
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  bind(server, reinterpret_cast<sockaddr*>(&address), sizeof address);
  listen(server, 1);
  getsockname(server, reinterpret_cast<sockaddr*>(&address), &length);
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int small = 1;
  setsockopt(client, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address);
  // The other end is never read from, and stays open as long as this process runs.
  const int other = accept(server, nullptr, nullptr);
  close(server);
  const std::string much(65536, 'l');
  for (int i = 0; i < 100; ++i) {
    if (send(client, much.data(), much.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) break;
  }
  const linger wait{1, 40};
  setsockopt(client, SOL_SOCKET, SO_LINGER, &wait, sizeof wait);
  fcntl(client, F_SETFL, 0);
  if (other < 0) append("/shared/adversary.error", "accept");
  return client;
}

bool send_with(int socket, const sockaddr_un* address, socklen_t length, int passenger, const std::string& text) {
  iovec data{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_name = const_cast<sockaddr_un*>(address);
  message.msg_namelen = length;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &passenger, sizeof passenger);
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

socklen_t address_of(const char* path, sockaddr_un& address) {
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  const auto length = offsetof(sockaddr_un, sun_path) + std::strlen(path);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  return static_cast<socklen_t>(length);
}

// A socket in whose queue another one lies, `depth` times, and in the last a connection that lingers.
int wrapped(int depth) {
  int passenger = lingering();
  for (int i = 0; i < depth; ++i) {
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair.data()) != 0) return passenger;
    send_with(pair[0], nullptr, 0, passenger, "x");
    close(passenger);
    close(pair[0]);
    passenger = pair[1];
  }
  return passenger;
}

}  // namespace

void send_passengers(Means& means) {
  const char* const path = getenv("NOTIFY_SOCKET");
  if (path == nullptr) return sleep_ms(10);
  sockaddr_un address{};
  const socklen_t length = address_of(path, address);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int passenger = wrapped(static_cast<int>(means.any(4)));
  constexpr const char* kTexts[] = {"READY=1", "BARRIER=1", "FDSTORE=1", "x", "STATUS=with a passenger"};
  send_with(fd, &address, length, passenger, kTexts[means.any(5)]);
  close(passenger);
  close(fd);
  sleep_ms(20);
}

void notify_nonsense(Means& means) {
  const char* const path = getenv("NOTIFY_SOCKET");
  if (path == nullptr) return sleep_ms(10);
  sockaddr_un address{};
  const socklen_t length = address_of(path, address);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (int i = 0; i < 100; ++i) {
    const std::string texts[] = {"READY=1",
                                 "STOPPING=1",
                                 "MAINPID=" + std::to_string(means.any(400)),
                                 "WATCHDOG=1",
                                 "WATCHDOG=trigger",
                                 "STATUS=\x1b[31m\x9b"
                                 "31m\n",
                                 "ERRNO=1",
                                 std::string(60000, '=')};
    const std::string& text = texts[means.any(8)];
    sendto(fd, text.data(), text.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&address), length);
  }
  close(fd);
  sleep_ms(5);
}

void knock_at_control(Means& means) {
  sockaddr_un address{};
  const socklen_t length = address_of("/run/cinit.sock", address);
  std::array<int, 20> clients{};
  for (int& fd : clients) {
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), length) != 0) continue;
    if (means.any(2) == 0) {
      const int passenger = wrapped(1);
      send_with(fd, nullptr, 0, passenger, "cinit/1 st");
      close(passenger);
    } else {
      send(fd, "\n\n\xff\xff", 4, MSG_NOSIGNAL);
    }
  }
  sleep_ms(static_cast<int>(means.any(20)));
  for (const int fd : clients) close(fd);
}

}  // namespace app
