// The modes of the test programs that talk: by sd_notify(3), TCP and HTTP.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "apps.hpp"

namespace {

struct NotifyAddress {
  sockaddr_un storage{};
  socklen_t size = 0;
};

NotifyAddress notify_address() {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr) {
    say("NOTIFY_SOCKET is not set");
    std::exit(111);
  }
  NotifyAddress address;
  address.storage.sun_family = AF_UNIX;
  const std::size_t size = std::strlen(path);
  std::memcpy(address.storage.sun_path, path, size);
  if (path[0] == '@') address.storage.sun_path[0] = '\0';
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  return address;
}

// Returns 0, or the error.
int send_notification(std::string text, const std::vector<int>& descriptors = {}) {
  NotifyAddress address = notify_address();
  iovec part{text.data(), text.size()};
  msghdr message{};
  message.msg_name = &address.storage;
  message.msg_namelen = address.size;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  std::vector<char> control(CMSG_SPACE(descriptors.size() * sizeof(int)));
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size() * sizeof(int));
  }
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  const int error = sendmsg(fd, &message, 0) < 0 ? errno : 0;
  close(fd);
  return error;
}

std::string joined(Arguments arguments) {
  std::string text;
  for (; *arguments != nullptr; ++arguments) text += std::string(*arguments) + "\n";
  return text;
}

int report(int error) {
  if (error == 0) return 0;
  say(std::string("not notified: ") + std::strerror(error));
  return 1;
}

void pause_for(int milliseconds) {
  const timespec span{milliseconds / 1000, (milliseconds % 1000) * 1'000'000L};
  nanosleep(&span, nullptr);
}

int listening_socket(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) fail("bind");
  if (listen(fd, 16) != 0) fail("listen");
  return fd;
}

int next_connection(int listener) {
  int fd = -1;
  do {
    fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
  if (fd < 0) fail("accept");
  return fd;
}

// Reads a request's head. False: the client has gone before.
bool take_request(int fd) {
  std::string text;
  std::array<char, 1024> buffer{};
  while (text.find("\r\n\r\n") == std::string::npos) {
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size <= 0) return false;
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return true;
}

std::string first_word_of(const char* path) {
  if (path == nullptr) return "";
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  std::array<char, 64> buffer{};
  const ssize_t size = read(fd, buffer.data(), buffer.size());
  close(fd);
  const std::string text(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return text.substr(0, text.find('\n'));
}

// Until the client has lost its patience.
void wait_for_hangup(int fd) {
  char byte = 0;
  while (read(fd, &byte, 1) > 0) {
  }
}

}  // namespace

// notify LINE...: one notification of these lines.
int notify(Arguments arguments) { return report(send_notification(joined(arguments))); }

// notify-with-descriptors N LINE...: the same, and N descriptors along with it.
int notify_with_descriptors(Arguments arguments) {
  std::vector<int> descriptors;
  for (int i = 0; i < number_of(arguments[0], 1); ++i) descriptors.push_back(open("/dev/null", O_RDWR | O_CLOEXEC));
  return report(send_notification(joined(arguments + 1), descriptors));
}

// notify-without-end PATH: as fast as it goes, for as long as the file does not exist.
int notify_without_end(Arguments arguments) {
  while (access(arguments[0], F_OK) != 0) {
    for (int i = 0; i < 100; ++i) {
      if (const int error = send_notification("STATUS=busy")) return report(error);
    }
    say("busy");
  }
  return 0;
}

// barrier: as sd_notify_barrier(3).
int barrier(Arguments) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
  if (const int error = send_notification("BARRIER=1", {ends[1]})) return report(error);
  close(ends[1]);
  pollfd wait_for{ends[0], 0, 0};
  const bool passed = poll(&wait_for, 1, 10'000) == 1 && (wait_for.revents & POLLHUP) != 0;
  say(passed ? "barrier passed" : "barrier not passed");
  return passed ? 0 : 1;
}

// keep-alive MILLISECONDS PATH: says WATCHDOG=1 that often, for as long as the file does not exist; then waits for its end.
int keep_alive(Arguments arguments) {
  while (access(arguments[1], F_OK) != 0) {
    if (const int error = send_notification("WATCHDOG=1")) return report(error);
    say("alive");
    pause_for(number_of(arguments[0], 100));
  }
  say("silent");
  for (;;) pause();
}

// listen PORT: takes every connection on the loopback device, says "accepted", and closes it.
int listen_on(Arguments arguments) {
  const int listener = listening_socket(number_of(arguments[0], 8080));
  say("listening");
  for (;;) {
    const int fd = next_connection(listener);
    say("accepted");
    close(fd);
  }
}

// http PORT FAILURES [PATH]: answers that many requests with 503, and then all with 200. The file may hold another status;
// or "hang": to answer nothing; or "slow": to take a tenth of a second. Says "http: 503" and the like for each request.
int serve_http(Arguments arguments) {
  const int listener = listening_socket(number_of(arguments[0], 8080));
  int failures = number_of(arguments[1], 0);
  const char* const path = arguments[1] == nullptr ? nullptr : arguments[2];
  say("listening");
  for (;;) {
    const int fd = next_connection(listener);
    const std::string wanted = first_word_of(path);
    const bool is_slow = wanted == "slow";
    const std::string status = failures > 0 ? "503" : wanted.empty() || is_slow ? "200" : wanted;
    if (take_request(fd)) {
      if (is_slow) pause_for(100);
      say("http: " + status);
      if (status == "hang") {
        wait_for_hangup(fd);
      } else {
        write_all(fd, "HTTP/1.0 " + status + " As wanted\r\n\r\n");
      }
      if (failures > 0) --failures;
    }
    close(fd);
  }
}
