// What the containers run.
//
//   app                 is there, and ends when it is told to
//   app up              the same, but says so first, by the byte 1
//   app clock           writes the time, and ends
//   app echo            writes the time of each SIGUSR1, until SIGTERM
//   app stream N        N orphans, one after the other: each is left behind by a child that ends; then as without an argument
//   app burst N         N orphans, which end all at once
//   app flood N         N lines of 100 bytes, and ends
//   app drain           reads standard input to its end
//
// A time is CLOCK_MONOTONIC in nanoseconds, eight bytes.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

void put(const void* data, std::size_t size) {
  for (const char* at = static_cast<const char*>(data); size > 0;) {
    const ssize_t written = write(1, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) _exit(1);
    at += written;
    size -= static_cast<std::size_t>(written);
  }
}

void put_time() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t time = now.tv_sec * 1'000'000'000LL + now.tv_nsec;
  put(&time, sizeof(time));
}

[[noreturn]] void stay() {
  while (true) pause();
}

void leave_orphan(int end_of_pipe) {
  const pid_t child = fork();
  if (child == 0) {
    if (fork() == 0) {
      char byte = 0;
      if (end_of_pipe >= 0 && read(end_of_pipe, &byte, 1) < 0) _exit(1);
    }
    _exit(0);
  }
  waitpid(child, nullptr, 0);
}

void stream(int count) {
  for (int i = 0; i < count; ++i) leave_orphan(-1);
}

void burst(int count) {
  int ends[2];
  if (pipe(ends) != 0) _exit(1);
  for (int i = 0; i < count; ++i) leave_orphan(ends[0]);
  // They have copies of this end.
  const char bytes[512] = {};
  for (int left = count; left > 0; left -= 512) {
    if (write(ends[1], bytes, static_cast<std::size_t>(left < 512 ? left : 512)) < 0) _exit(1);
  }
}

void flood(long lines) {
  char block[100 * 100];
  std::memset(block, 'x', sizeof(block));
  for (int i = 99; i < 100 * 100; i += 100) block[i] = '\n';
  for (; lines > 0; lines -= 100) put(block, sizeof(block));
}

void drain() {
  static char buffer[1 << 16];
  while (read(0, buffer, sizeof(buffer)) > 0) continue;
}

}  // namespace

int main(int count, char** arguments) {
  std::signal(SIGTERM, [](int) { _exit(0); });
  const char* const mode = count > 1 ? arguments[1] : "";
  const long number = count > 2 ? std::atol(arguments[2]) : 0;
  if (std::strcmp(mode, "up") == 0) put("\1", 1);
  if (std::strcmp(mode, "clock") == 0) return put_time(), 0;
  if (std::strcmp(mode, "echo") == 0) {
    std::signal(SIGUSR1, [](int) { put_time(); });
    put("\1", 1);
  }
  if (std::strcmp(mode, "stream") == 0) stream(static_cast<int>(number));
  if (std::strcmp(mode, "burst") == 0) burst(static_cast<int>(number));
  if (std::strcmp(mode, "stream") == 0 || std::strcmp(mode, "burst") == 0) put("\1", 1);
  if (std::strcmp(mode, "flood") == 0) return flood(number), 0;
  if (std::strcmp(mode, "drain") == 0) return drain(), 0;
  stay();
}
