// The same container twice: once with a program of Debian as PID 1, once with cinit in its place.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "container.hpp"

namespace cinit::dropin_test {

using e2e::Arguments;
using e2e::Container;

// How it went: the exit code, and all that was printed, line by line, without what differs from run to run.
struct Outcome {
  int code = 0;
  std::string log;
};

// What is not the same, on purpose.
struct Difference {
  std::string reason;
  Outcome original;
  Outcome ours;
};

// One row: what is run, what happens to it, and whether cinit may differ.
struct Row {
  std::string name;
  // The command line of PID 1; "@" stands for the program.
  Arguments command;
  e2e::Options options{};
  // From the start until nothing is left but to wait for the end.
  std::function<void(Container&)> script{};
  // At most one. A failure when it is not as described.
  std::vector<Difference> difference{};
  // Two processes print at the same time: the lines of the log are sorted.
  bool in_any_order = false;
  // The file in /shared that holds the log, when there is no terminal any more to print it to.
  std::string log_file{};
};

// Runs both for each row, and compares. `original`: the program of this machine.
void compare(const std::string& original, const std::vector<Row>& rows);

// Runs one of them: Debian's program, or cinit under its name.
Outcome run_original(const std::string& original, const Row& row);
Outcome run_ours(const std::string& original, const Row& row);

// Sends each of these signals to PID 1, and waits each time until `app print-signals` has told of SIGRTMAX, sent after it.
// A lower number is always fetched first, so what was passed on has been told before.
std::function<void(Container&)> send(const std::vector<int>& signals, int last = SIGTERM);

// What glibc keeps for itself (32 and 33) comes ignored or not from whoever runs the tests: takes it out of lines of
// /proc/PID/status.
void hide_libc_signals(std::string& text);

// The same lines, sorted.
std::string sort_lines(const std::string& text);

// A command line of PID 1: a script in which "$0" is the program.
Arguments script(const std::string& text);

e2e::Options env(const std::map<std::string, std::string>& variables);

inline const e2e::Options kTerminal{.tty = true};

// Scripts for rows. `app print-signals` gets a Ctrl-C; `app pair` gets SIGUSR1, and tells of it so many times;
// `app print-signals` writes to /shared/log, and the terminal hangs up; the command is suspended with a signal, and goes on
// with SIGCONT. All but the third end it with SIGTERM.
void interrupt(Container& container);
std::function<void(Container&)> stop_pair(int reached);
void hang_up(Container& container);
std::function<void(Container&)> suspend_and_resume(int signal);

// All but SIGKILL, SIGSTOP, SIGRTMAX, and `without`; those that a libc keeps for itself, 32 and 33, are among them.
std::vector<int> all_signals(const std::vector<int>& without);

}  // namespace cinit::dropin_test
