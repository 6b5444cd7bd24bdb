// The one clock that cinit reads.
#pragma once

#include <time.h>

#include "base/time.hpp"

namespace cinit::os {

// CLOCK_MONOTONIC of clock_gettime(2). It does not fail.
Time now();

// A span as the kernel takes it; negative spans become 0.
timespec to_timespec(Duration span);

}  // namespace cinit::os
