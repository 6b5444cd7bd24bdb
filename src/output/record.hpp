// A line that a service wrote.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cinit::output {

// A service's place in the plan.
using Service = std::uint32_t;

enum class Stream : std::uint8_t { Stdout, Stderr };

// The longest line that is passed on in one piece, in bytes: container engines cut lines at this length themselves
// (Docker's log drivers, containerd), so that more in one piece would gain nobody anything.
inline constexpr std::size_t kMostLine = 16 << 10;

// A line, or a piece of one that is longer than kMostLine. Views are valid only during the call that gets them.
struct Record {
  std::uint64_t number = 0;  // in the order in which cinit read them, over all services; the first is 1
  std::chrono::system_clock::time_point time;
  Service service = 0;
  Stream stream = Stream::Stdout;
  bool continues = false;  // the next record of this service and stream is the same line
  std::string_view text;   // any bytes but a newline
};

}  // namespace cinit::output
