// Labels of time as daemontools, runit and s6 write them into their files: TAI64N.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace cinit::servicedir {

// Seconds between a label and the clock: runsv counts as if there had never been a leap second but the first ten, and
// skalibs, which s6 is made with, knows all of them (27 until now, the last one in 2016).
inline constexpr std::uint64_t kTaiOfRunit = 10;
inline constexpr std::uint64_t kTaiOfSkalibs = 37;

inline constexpr std::size_t kLabelSize = 12;

void put_big_endian(unsigned char* out, std::uint64_t number, std::size_t size);
// Writes the kLabelSize bytes of the label.
void put_label(unsigned char* out, std::chrono::system_clock::time_point at, std::uint64_t offset);

}  // namespace cinit::servicedir
