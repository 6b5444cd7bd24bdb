#include "terminal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>

namespace cinit::docker {

namespace {

constexpr std::chrono::milliseconds kGlance{100};

}  // namespace

Terminal::Terminal(const Arguments& command) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_ = forkpty(&fd_, nullptr, nullptr, nullptr);
  if (pid_ < 0) throw std::runtime_error("forkpty");
  if (pid_ == 0) {
    execvp(argv[0], argv.data());
    _exit(127);
  }
  fcntl(fd_, F_SETFD, FD_CLOEXEC);
}

Terminal::~Terminal() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(fd_);
}

void Terminal::type(std::string_view text) const {
  if (write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) throw std::runtime_error("type");
}

// Reads once what comes within that time. False when the program has closed the terminal.
bool Terminal::read_screen(Clock::duration limit) {
  pollfd one{fd_, POLLIN, 0};
  if (poll(&one, 1, static_cast<int>(milliseconds(limit))) != 1) return true;
  std::array<char, 4096> buffer{};
  const ssize_t length = read(fd_, buffer.data(), buffer.size());
  if (length <= 0) return false;
  screen_.append(buffer.data(), static_cast<std::size_t>(length));
  return true;
}

bool Terminal::shows(std::string_view text) {
  read_screen(Clock::duration::zero());
  return screen_.find(text) != std::string::npos;
}

void Terminal::wait_for(std::string_view text) {
  const Clock::time_point deadline = Clock::now() + kLimit;
  while (!shows(text)) {
    const bool open = read_screen(kGlance);
    if (!open && !shows(text)) throw std::runtime_error("the program on the terminal ended: " + screen_);
    if (Clock::now() >= deadline) throw std::runtime_error("not in time on the terminal; it shows: " + screen_);
  }
}

int Terminal::wait_exit() {
  const Clock::time_point deadline = Clock::now() + kLimit;
  while (read_screen(kGlance)) {
    if (Clock::now() >= deadline) throw std::runtime_error("not in time; the terminal shows: " + screen_);
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace cinit::docker
