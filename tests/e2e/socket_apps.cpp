// The modes of the test programs that talk: by sd_notify(3), TCP and HTTP.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
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
int send_with(int socket, std::string text, const std::vector<int>& descriptors, NotifyAddress* address = nullptr) {
  iovec part{text.data(), text.size()};
  msghdr message{};
  message.msg_name = address == nullptr ? nullptr : &address->storage;
  message.msg_namelen = address == nullptr ? 0 : address->size;
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
  return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? errno : 0;
}

int send_notification(const std::string& text, const std::vector<int>& descriptors = {}) {
  NotifyAddress address = notify_address();
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  const int error = send_with(fd, text, descriptors, &address);
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

namespace {

// A TCP connection with bytes that no process reads, so that its last close(2) lasts as long as SO_LINGER says.
int make_lingering_connection(int listener) {
  constexpr int kSeconds = 40;
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) fail("connect");
  const linger lingers{1, kSeconds};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &lingers, sizeof(lingers));
  const std::string bytes(1 << 20, 'x');
  while (send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
  }
  return fd;
}

// A unix socket in whose queue lies such a connection.
int make_passenger(int listener) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail("socketpair");
  const int connection = make_lingering_connection(listener);
  if (send_with(ends[0], "x", {connection}) != 0) fail("sendmsg");
  close(connection);
  close(ends[0]);
  return ends[1];
}

// Makes the kernel answer some calls of this process and its children in another way. Returns the listener, if there is one.
int filter_calls(std::vector<sock_filter> filter, unsigned flags) {
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  const long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (result < 0) fail("seccomp");
  return static_cast<int>(result);
}

constexpr auto kNumber = static_cast<unsigned>(offsetof(seccomp_data, nr));
constexpr unsigned argument(unsigned i) { return static_cast<unsigned>(offsetof(seccomp_data, args)) + 8 * i; }

// Answers each call that `listener` tells of: with ENOSPC as long as the file exists, and with what the kernel says otherwise.
[[noreturn]] void refuse_while(int listener, const char* path) {
  for (;;) {
    seccomp_notif call{};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) {
      if (errno == EINTR || errno == ENOENT) continue;
      _exit(0);
    }
    seccomp_notif_resp answer{};
    answer.id = call.id;
    if (access(path, F_OK) == 0) {
      answer.error = -ENOSPC;
    } else {
      answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    }
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
}

// Sends passengers in a process of its own, whose end drops what is left of them without waiting, and keeps the other ends of
// their connections. `send` returns 0, or the error.
[[noreturn]] void send_passengers(const std::function<int(int listener)>& send) {
  const int listener = listening_socket(0);
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) _exit(send(listener));
  int status = 0;
  waitpid(pid, &status, 0);
  const int error = WEXITSTATUS(status);
  say(error == 0 ? "passengers sent" : std::string("passengers not sent: ") + std::strerror(error));
  for (;;) pause();
}

}  // namespace

// notify-with-passenger TIMES LINE: as often a notification with a descriptor whose last close takes 40 s; then stays.
int notify_with_passenger(Arguments arguments) {
  send_passengers([&](int listener) {
    int error = 0;
    for (int i = number_of(arguments[0], 1); i > 0 && error == 0; --i) {
      error = send_notification(arguments[1], {make_passenger(listener)});
    }
    return error;
  });
}

// ask-with-passenger SOCKET BEFORE TEXT: connects, sends the line BEFORE (empty: none) and waits for an answer, then sends TEXT
// with such a descriptor; closes its end of the connection, and stays.
int ask_with_passenger(Arguments arguments) {
  send_passengers([&](int listener) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, arguments[0], sizeof(address.sun_path) - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return errno;
    const std::string before = arguments[1];
    pollfd answer{fd, POLLIN, 0};
    if (!before.empty()) {
      write_all(fd, before + "\n");
      poll(&answer, 1, 10'000);
    }
    return send_with(fd, arguments[2], {make_passenger(listener)});
  });
}

// without-pass-rights COMMAND...: the command runs as on a kernel that is older than SO_PASSRIGHTS.
int without_pass_rights(Arguments arguments) {
  constexpr unsigned kPassRights = 83;
  filter_calls(
      {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 1, 0),
       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getsockopt, 0, 3), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument(2)),
       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kPassRights, 0, 1),
       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOPROTOOPT), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
      0);
  execv(arguments[0], arguments);
  fail(arguments[0]);
}

// refuse-watches PATH COMMAND...: as long as the file exists, epoll_ctl(2) adds nothing for the command and its children:
// ENOSPC, as at the limit of fs.epoll.max_user_watches.
int refuse_watches(Arguments arguments) {
  const int listener = filter_calls(
      {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_ctl, 0, 3),
       BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument(1)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, EPOLL_CTL_ADD, 0, 1),
       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
      SECCOMP_FILTER_FLAG_NEW_LISTENER);
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    // Nothing ends it before PID 1's own end.
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, nullptr);
    refuse_while(listener, arguments[0]);
  }
  close(listener);
  execv(arguments[1], arguments + 1);
  fail(arguments[1]);
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
