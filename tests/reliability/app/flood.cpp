// Too much of everything, until SIGTERM (which the fork bomb does not hear).
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "app.hpp"

namespace app {

namespace {

// Processes that lose their parent at once, and end soon.
[[noreturn]] void orphans() {
  while (true) {
    const pid_t child = fork();
    if (child == 0) {
      for (int i = 0; i < 20; ++i) {
        if (fork() == 0) _exit(i);
      }
      _exit(0);
    }
    if (child > 0) waitpid(child, nullptr, 0);
  }
}

[[noreturn]] void lines() {
  std::array<char, 65536> block{};
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = i % 64 == 63 ? '\n' : 'x';
  while (true) {
    if (write(1, block.data(), block.size()) < 0) sleep_ms(1);
  }
}

[[noreturn]] void line_without_end() {
  std::array<char, 65536> block{};
  block.fill('\xff');
  while (true) {
    if (write(1, block.data(), block.size()) < 0) sleep_ms(1);
  }
}

[[noreturn]] void bytes() {
  std::array<char, 4096> block{};
  std::uint64_t random = 1;
  while (true) {
    for (char& byte : block) {
      random = random * 6364136223846793005ULL + 1442695040888963407ULL;
      byte = static_cast<char>(random >> 56);
    }
    if (write(1, block.data(), block.size()) < 0) sleep_ms(1);
  }
}

// `texts`, one after the other, for ever.
[[noreturn]] void notify(const std::vector<std::string>& texts) {
  const char* const path = getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path == nullptr ? "" : path, sizeof address.sun_path - 1);
  const socklen_t length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(address.sun_path));
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (std::size_t i = 0; true; ++i) {
    const std::string& text = texts[i % texts.size()];
    sendto(fd, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&address), length);
  }
}

[[noreturn]] void notifications() {
  const std::string large = "STATUS=" + std::string(8000, 's');
  notify({"READY=1", "STATUS=a\nSTATUS=b", "MAINPID=1", "MAINPID=99999", "WATCHDOG=1", "", "FDSTORE=1", "RELOADING=1",
          "STOPPING=0", "EXTEND_TIMEOUT_USEC=1", "\n\n=\n", large});
}

// With another time each, so that no line about it is like another.
[[noreturn]] void barks() {
  std::vector<std::string> texts{"READY=1"};
  for (int i = 0; i < 1000; ++i) {
    texts.push_back("WATCHDOG=1\nWATCHDOG_USEC=" + std::to_string(60'000'000 + i));
    texts.emplace_back("WATCHDOG=trigger");
  }
  notify(texts);
}

[[noreturn]] void bomb() {
  signal(SIGTERM, SIG_IGN);
  while (true) {
    if (fork() < 0) sleep_ms(1);
  }
}

}  // namespace

// flood NAME KIND: as a service called NAME.
int flood(Arguments arguments) {
  append("/shared/" + std::string(arguments[0]) + ".up", std::to_string(getpid()));
  const std::string_view kind = arguments[1];
  if (kind == "orphans") orphans();
  if (kind == "lines") lines();
  if (kind == "line-without-end") line_without_end();
  if (kind == "bytes") bytes();
  if (kind == "notifications") notifications();
  if (kind == "barks") barks();
  if (kind == "bomb") bomb();
  return 1;
}

}  // namespace app
