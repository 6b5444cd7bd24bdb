#include "watchdog.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>

namespace cinit::e2e {

namespace {

[[noreturn]] void watch(int pipe) {
  // Not the standard ones: a test's output must end with the test. Nor the pipes of the other watchdogs.
  close_range(0, static_cast<unsigned>(pipe) - 1, 0);
  close_range(static_cast<unsigned>(pipe) + 1, ~0U, 0);
  // Not to be killed together with the test, nor to react as it does.
  setsid();
  for (int signal : {SIGINT, SIGTERM, SIGSEGV, SIGABRT, SIGFPE, SIGILL}) std::signal(signal, SIG_DFL);
  pid_t victim = -1;
  pid_t told = -1;
  while (read(pipe, &told, sizeof told) == static_cast<ssize_t>(sizeof told)) victim = told;
  if (victim > 1) kill(victim, SIGKILL);
  _exit(0);
}

}  // namespace

Watchdog::Watchdog() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) watch(ends[0]);
  close(ends[0]);
  pipe_ = ends[1];
}

Watchdog::~Watchdog() {
  kill_at_the_end(-1);
  close(pipe_);
  waitpid(pid_, nullptr, 0);
}

void Watchdog::kill_at_the_end(pid_t pid) {
  if (::write(pipe_, &pid, sizeof pid) != static_cast<ssize_t>(sizeof pid)) throw std::runtime_error("watchdog");
}

}  // namespace cinit::e2e
