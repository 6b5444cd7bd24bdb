// The clocks that cinit reads.
#pragma once

#include <time.h>

#include "base/time.hpp"

namespace cinit::os {

// CLOCK_MONOTONIC of clock_gettime(2). It does not fail.
Time now();

// What the clock on the wall says. It may jump: for showing only.
std::chrono::system_clock::time_point time_of_day();

// A span as the kernel takes it; negative spans become 0.
timespec to_timespec(Duration span);

}  // namespace cinit::os
