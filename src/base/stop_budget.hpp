// The arithmetic of the stop: how the time between the first stop signal and SIGKILL is shared out. Both loops have it.
#pragma once

#include <algorithm>

#include "base/time.hpp"

namespace cinit {

// How long a process may take to vanish after SIGKILL before cinit leaves without it.
inline constexpr Duration kReapingTime = std::chrono::milliseconds(500);

// How often cinit looks again when processes are left, but nothing can tell it when that changes.
inline constexpr Duration kLookAgain = std::chrono::milliseconds(50);

// The budget of the whole stop.
struct StopBudget {
  Duration total{};
  bool chosen = false;  // the user asked for this value: then it holds for a lone main command as well

  // The part at the end that is kept for processes that belong to no service.
  constexpr Duration reserve() const { return std::min<Duration>(total / 4, std::chrono::seconds(2)); }
  // For a stop that begins now: when SIGTERM goes to every other process at the latest, and when SIGKILL goes to all.
  constexpr Time sweep_at(Time now) const { return later(now, total - reserve()); }
  constexpr Time deadline(Time now) const { return later(now, total); }
};

}  // namespace cinit
