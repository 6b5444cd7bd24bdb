#include "os/clock.hpp"

namespace cinit::os {

Time now() {
  timespec read{};
  clock_gettime(CLOCK_MONOTONIC, &read);  // the C library's, which asks the vDSO: no system call
  return Time(std::chrono::seconds(read.tv_sec) + Duration(read.tv_nsec));
}

std::chrono::system_clock::time_point time_of_day() { return std::chrono::system_clock::now(); }

timespec to_timespec(Duration span) {
  if (span < Duration::zero()) span = Duration::zero();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(span);
  timespec result{};
  result.tv_sec = seconds.count();
  result.tv_nsec = (span - seconds).count();
  return result;
}

}  // namespace cinit::os
