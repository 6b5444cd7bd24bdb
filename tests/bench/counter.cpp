#include "counter.hpp"

#include <poll.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <stdexcept>

#include "text.hpp"

namespace cinit::bench {

using reliability::checked;

namespace {

constexpr int kOptions = PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                         PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
constexpr int kCallStop = SIGTRAP | 0x80;

int event_of(int status) { return status >> 16; }

bool is_stop_of_ptrace(int status) { return event_of(status) != 0 || WSTOPSIG(status) == SIGTRAP; }

// A stop at a call is at its begin or at its return.
bool is_entry(pid_t tracee) {
  __ptrace_syscall_info info{};
  return ptrace(PTRACE_GET_SYSCALL_INFO, tracee, sizeof(info), &info) > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

}  // namespace

Counter::Counter(pid_t pid) : pid_(pid) { checked(ptrace(PTRACE_SEIZE, pid, 0, kOptions), "PTRACE_SEIZE"); }

void Counter::go_on(pid_t tracee, int request, int signal) const {
  ptrace(static_cast<__ptrace_request>(request), tracee, 0, signal);
}

bool Counter::is_at_call(pid_t tracee) const {
  user_regs_struct registers{};
  if (ptrace(PTRACE_GETREGS, tracee, 0, &registers) != 0) return false;
  errno = 0;
  const long word = ptrace(PTRACE_PEEKTEXT, tracee, registers.rip, 0);
  return errno == 0 && (word & 0xffff) == 0x050f;
}

Count Counter::count_instructions_until_exec(const std::function<void()>& release) {
  Count count;
  release();
  while (true) {
    int status = 0;
    const pid_t tracee = static_cast<pid_t>(checked(waitpid(-1, &status, __WALL), "waitpid"));
    if (!WIFSTOPPED(status)) {
      if (tracee == pid_) throw std::runtime_error("PID 1 has ended before its command was started");
      continue;
    }
    const bool is_exec = event_of(status) == PTRACE_EVENT_EXEC;
    if (is_exec && tracee != pid_) {
      ptrace(PTRACE_DETACH, tracee, 0, 0);
      return count;
    }
    has_begun_ = has_begun_ || is_exec;
    if (!has_begun_) {
      go_on(tracee, PTRACE_CONT, is_stop_of_ptrace(status) ? 0 : WSTOPSIG(status));
      continue;
    }
    if (is_at_call(tracee)) ++count.calls;
    ++count.instructions;
    go_on(tracee, PTRACE_SINGLESTEP, is_stop_of_ptrace(status) ? 0 : WSTOPSIG(status));
  }
}

Count Counter::count_calls(const std::function<void()>& release, const std::function<bool()>& done) {
  Count count;
  release();
  while (true) {
    int status = 0;
    const pid_t tracee = waitpid(-1, &status, __WALL | WNOHANG);
    if (tracee <= 0) {
      if (tracee < 0 || done()) return count;
      poll(nullptr, 0, 1);
      continue;
    }
    if (!WIFSTOPPED(status)) {
      if (tracee != pid_) continue;
      has_ended_ = true;
      return count;
    }
    const bool is_exec = event_of(status) == PTRACE_EVENT_EXEC;
    if (is_exec && tracee != pid_) {
      ptrace(PTRACE_DETACH, tracee, 0, 0);
      continue;
    }
    has_begun_ = has_begun_ || is_exec;
    const bool is_call = WSTOPSIG(status) == kCallStop;
    if (is_call && has_begun_ && is_entry(tracee)) ++count.calls;
    go_on(tracee, PTRACE_SYSCALL, is_call || is_stop_of_ptrace(status) ? 0 : WSTOPSIG(status));
  }
}

}  // namespace cinit::bench
