// A service that writes down how it was started and how it ended.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "app.hpp"

namespace app {

namespace {

std::string identity() {
  std::array<gid_t, 32> groups{};
  const int count = getgroups(static_cast<int>(groups.size()), groups.data());
  std::sort(groups.begin(), groups.begin() + std::max(count, 0));
  std::string text =
      std::to_string(getuid()) + "/" + std::to_string(geteuid()) + ":" + std::to_string(getegid()) + " [";
  for (int i = 0; i < count; ++i) text += (i > 0 ? "," : "") + std::to_string(groups[static_cast<std::size_t>(i)]);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  const mode_t mask = umask(0);
  umask(mask);
  std::array<char, 256> directory{};
  if (getcwd(directory.data(), directory.size()) == nullptr) directory[0] = '?';
  const auto variable = [](const char* name) { return std::string(getenv(name) == nullptr ? "-" : getenv(name)); };
  return text + "] nofile=" + std::to_string(files.rlim_cur) + " umask=" + std::to_string(mask) +
         " cwd=" + directory.data() + " HOME=" + variable("HOME") + " FILE=" + variable("FROM_FILE") +
         " HOOK=" + variable("FROM_HOOK") + " DIR=" + variable("FROM_DIRECTORY");
}

void tell_systemd(const char* text) {
  const char* const path = getenv("NOTIFY_SOCKET");
  if (path == nullptr) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  socklen_t length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sendto(fd, text, std::strlen(text), 0, reinterpret_cast<sockaddr*>(&address), length);
  close(fd);
}

void listen_on(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 16) != 0) _exit(97);
}

// Writes for as long as it lives; SIGTERM ends it wherever it waits.
[[noreturn]] void chatter(int pause) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const std::string line(50, 'c');
  while (true) {
    if (write(1, (line + "\n").data(), 51) < 0) sleep_ms(30);
    sleep_ms(pause);
  }
}

// The name of a service directory whose ./run this is: "web", and "web.log" for its logger.
std::string name_by_directory() {
  std::array<char, 256> directory{};
  if (getcwd(directory.data(), directory.size()) == nullptr) return "unknown";
  std::string path = directory.data();
  const bool logs = path.ends_with("/log");
  if (logs) path.resize(path.size() - 4);
  return path.substr(path.rfind('/') + 1) + (logs ? ".log" : "");
}

// BYTES of output in lines, so that a log file is put aside.
void speak(int bytes) {
  const std::string line(99, 'x');
  for (int written = 0; written < bytes; written += 100) {
    if (write(1, (line + "\n").data(), 100) < 0) return;
  }
}

}  // namespace

// service NAME [WORD [VALUE]]...: notify, fd N, listen PORT, say TEXT, speak BYTES, chatter (now and then), talk (a lot), deaf. Appends a line to /shared/NAME.up when
// it begins and to /shared/NAME.down at SIGTERM.
int service(Arguments arguments) {
  const std::string name = arguments[0][0] == '.' || arguments[0][0] == '/' ? name_by_directory() : arguments[0];
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigprocmask(SIG_BLOCK, &stop, nullptr);
  bool deaf = false;
  int pause = 0;
  int ready_fd = -1;
  bool notifies = false;
  const char* text = nullptr;
  for (Arguments word = arguments + 1; *word != nullptr; ++word) {
    const std::string_view what = *word;
    if (what == "notify") notifies = true;
    if (what == "deaf") deaf = true;
    if (what == "chatter") pause = 30;
    if (what == "talk") pause = 1;
    if (what == "fd") ready_fd = number(*++word, -1);
    if (what == "listen") listen_on(number(*++word, 0));
    if (what == "say") text = *++word;
    if (what == "speak") speak(number(*++word, 0));
  }
  append("/shared/" + name + ".up", std::to_string(getpid()) + " " + identity());
  if (notifies) tell_systemd("READY=1\nSTATUS=works");
  if (text != nullptr && write(1, (std::string(text) + "\n").data(), std::strlen(text) + 1) < 0) _exit(96);
  if (ready_fd >= 0 && write(ready_fd, "\n", 1) < 0) _exit(95);
  if (pause > 0) chatter(pause);
  while (true) {
    int got = 0;
    sigwait(&stop, &got);
    if (deaf) continue;
    append("/shared/" + name + ".down", std::to_string(getpid()));
    return 0;
  }
}

// deaf-root NAME: as a set-user-id program of root's, becomes root for good, and stays whatever comes.
int deaf_root(Arguments arguments) {
  if (setresuid(0, 0, 0) != 0) return 93;
  signal(SIGTERM, SIG_IGN);
  append("/shared/" + std::string(arguments[0]) + ".up", std::to_string(getpid()) + " " + identity());
  while (true) pause();
}

// with-root-child NAME: a service with such a child in its process group. It ends when that is there.
int with_root_child(Arguments arguments) {
  append("/shared/" + std::string(arguments[0]) + ".up", std::to_string(getpid()) + " " + identity());
  if (fork() == 0) {
    execl("/bin/suid", "suid", "deaf-root", "child", nullptr);
    _exit(92);
  }
  while (access("/shared/child.up", F_OK) != 0) sleep_ms(2);
  return 3;
}

// mark NAME [CODE]: appends a line to /shared/NAME, and exits.
int mark(Arguments arguments) {
  append("/shared/" + std::string(arguments[0]), std::to_string(getpid()) + " " + identity());
  return number(arguments[1], 0);
}

// logger: reads its standard input to the end, as the script of a log directory.
int logger(Arguments) {
  append("/shared/" + name_by_directory() + ".up", std::to_string(getpid()) + " " + identity());
  std::array<char, 4096> buffer{};
  while (read(0, buffer.data(), buffer.size()) > 0) continue;
  append("/shared/" + name_by_directory() + ".down", std::to_string(getpid()));
  return 0;
}

// hook: leaves a variable for everything that starts later.
int hook(Arguments) {
  append("/etc/container_environment/FROM_HOOK", "set");
  append("/shared/hook", std::to_string(getpid()));
  return 0;
}

}  // namespace app
