// Children: learning that one has ended, and letting it go.
#pragma once

#include <sys/types.h>

#include "base/wait_status.hpp"

namespace cinit::os {

// A child that has ended (or was stopped: then `stopped` is set, and there is no status).
struct ChildChange {
  pid_t pid = 0;  // 0: there is none at present
  bool stopped = false;
  bool no_children = false;  // ECHILD: there is not even one that could end
  WaitStatus status = WaitStatus::exited(0);
};

// The next child that has ended, which stays a zombie: its pid is nobody else's until release() has been called.
ChildChange peek_ended();

// Whether the child `pid` has been stopped by a signal since the last call, and by which (`status`).
ChildChange take_stop(pid_t pid);

// Reaps a child that peek_ended() has named.
void release(pid_t pid);

// Reaps the next child that has ended, in one step: for one whose pid means nothing.
ChildChange reap_any();

}  // namespace cinit::os
