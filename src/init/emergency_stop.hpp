// The stop of a container whose PID 1 has no memory left at all.
#pragma once

#include "base/time.hpp"

namespace cinit::init {

// For os::MemoryReserve. emergency_stop() has this much time: the budget of the stop.
void set_emergency_budget(Duration budget);

// SIGTERM to every process, the rest of the budget, SIGKILL, and exit code 70: everything that a stop is without an
// order. It needs no memory but its stack.
[[noreturn]] void emergency_stop();

}  // namespace cinit::init
