#include "os/wait.hpp"

#include <errno.h>

#include "os/syscall.hpp"

namespace cinit::os {
namespace {

WaitStatus status_of(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return WaitStatus::exited(info.si_status);
  return WaitStatus::signaled(Signal{info.si_status}, info.si_code == CLD_DUMPED);
}

ChildChange wait(idtype_t type, pid_t pid, int options) {
  siginfo_t info;
  long result = 0;
  do {
    result = sys::waitid(type, static_cast<id_t>(pid), &info, options | WNOHANG);
  } while (result == -EINTR);
  ChildChange change;
  change.no_children = result == -ECHILD;
  if (result < 0 || info.si_pid == 0) return change;
  change.pid = info.si_pid;
  change.stopped = info.si_code == CLD_STOPPED;
  change.status = change.stopped ? WaitStatus::signaled(Signal{info.si_status}) : status_of(info);
  return change;
}

}  // namespace

ChildChange peek_ended() { return wait(P_ALL, 0, WEXITED | WNOWAIT); }

ChildChange take_stop(pid_t pid) { return wait(P_PID, pid, WSTOPPED); }

void release(pid_t pid) { wait(P_PID, pid, WEXITED); }

ChildChange reap_any() { return wait(P_ALL, 0, WEXITED); }

}  // namespace cinit::os
