// The time of day, as text.
#pragma once

#include <chrono>
#include <string>

namespace cinit {

// RFC 3339, in UTC, with milliseconds: "2024-02-29T23:59:58.007Z". gmtime_r(3) of glibc would read the time zone's files.
std::string format_utc(std::chrono::system_clock::time_point at);

}  // namespace cinit
