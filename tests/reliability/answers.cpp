#include "answers.hpp"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>

#include "control.hpp"

namespace cinit::reliability {

namespace {

using namespace std::chrono_literals;

constexpr Duration kLongest = 3s;

double part_of(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

double since(Clock::time_point begin) { return milliseconds(Clock::now() - begin); }

}  // namespace

Answers::Answers(std::string socket) : socket_(std::move(socket)) {
  std::array<int, 2> ends{};
  checked(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
  control_pid_ = static_cast<pid_t>(checked(fork(), "fork"));
  if (control_pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    char byte = 0;
    while (read(ends[1], &byte, 1) == 1 && write(ends[1], &byte, 1) == 1) continue;
    _exit(0);
  }
  close(ends[1]);
  control_ = ends[0];
}

Answers::~Answers() {
  close(control_);
  waitpid(control_pid_, nullptr, 0);
}

double Answers::ask_control() const {
  const Clock::time_point begin = Clock::now();
  char byte = 0;
  checked(write(control_, &byte, 1), "write");
  checked(read(control_, &byte, 1), "read");
  return since(begin);
}

void Answers::ask_both() {
  controls_.push_back(ask_control());
  const Clock::time_point begin = Clock::now();
  if (ask(socket_, "status", kLongest).find("end ") == std::string::npos) ++missing_;
  answers_.push_back(since(begin));
}

std::string Answers::failure() const {
  if (missing_ > 0)
    return std::to_string(missing_) + " of " + std::to_string(answers_.size()) + " questions were not answered";
  const double most = 1000 + 3 * part_of(controls_, 1);
  if (part_of(answers_, 1) > most)
    return "an answer took " + std::to_string(static_cast<int>(part_of(answers_, 1))) + " ms";
  return "";
}

std::string Answers::summary() const {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), "%zu answers: p50 %.1f, p99 %.1f, max %.1f ms (other process: max %.1f ms)",
                answers_.size(), part_of(answers_, 0.5), part_of(answers_, 0.99), part_of(answers_, 1),
                part_of(controls_, 1));
  return text.data();
}

}  // namespace cinit::reliability
