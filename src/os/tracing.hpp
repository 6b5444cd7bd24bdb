// Who may trace cinit.
#pragma once

#include <sys/auxv.h>
#include <sys/prctl.h>

#include "os/syscall.hpp"

namespace cinit::os {

// Without root, every process of the container has the same user as cinit, and could stop PID 1 with ptrace(2) or read its
// environment in /proc/1: PR_SET_DUMPABLE of prctl(2) refuses that. Root needs no such wall against its services' users, and
// keeps /proc/1/fd/1 open, where scripts of root write for the container's log. For good: no child undoes it.
inline void refuse_tracing_without_root() {
  if (getauxval(AT_EUID) != 0) sys::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace cinit::os
