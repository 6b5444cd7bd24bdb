// Time as the whole program sees it: spans, and points on the monotonic clock. Nothing here reads a clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace cinit {

using Duration = std::chrono::nanoseconds;

// The clock that os/clock.hpp reads: CLOCK_MONOTONIC of clock_gettime(2). core/ only ever gets values of it.
struct Monotonic {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<Monotonic>;
  static constexpr bool is_steady = true;
};

using Time = Monotonic::time_point;

// A point in time that never comes.
inline constexpr Time kNever = Time(Duration(std::numeric_limits<std::int64_t>::max()));

// `at + span`, or kNever where that would not fit.
constexpr Time later(Time at, Duration span) {
  if (span >= kNever - at) return kNever;
  return at + span;
}

}  // namespace cinit
