// What s6-supervise(8) tells of a service: the file supervise/status, and the letters that are written into event/.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/wait_status.hpp"

namespace cinit::servicedir {

struct S6Status {
  // Finishing: from the end of ./run to that of ./finish, which may not be there.
  enum class State : unsigned char { Down, Up, Finishing };
  State state = State::Down;
  std::uint32_t starts = 0;                           // of ./run, so far; no part of the file
  pid_t pid = 0;                                      // of ./run or ./finish; 0: there is none
  pid_t group = 0;                                    // of ./run
  std::chrono::system_clock::time_point since;        // the last start or end of ./run
  std::chrono::system_clock::time_point ready_since;  // it said that it is ready, or nothing was left of it
  std::optional<WaitStatus> end;                      // the last one of ./run
  bool wanted = false;                                // it is to be up
  bool paused = false;
  bool ready = false;  // of one that is down: nothing is left of it

  friend bool operator==(const S6Status&, const S6Status&) = default;
};

// The file `status`. Versions of s6 have two forms: the two times, the pid in 8 bytes, then either the wait status in 2 and
// the flags in 1 (until 2.11), or the process group in 8 bytes, the wait status in 2 and the flags in 1. A pid needs 4
// bytes of 8 only, so this one file is both.
std::array<unsigned char, 43> encode(const S6Status& status);

// The letters of the events that lie between the two, in their order: u (it was started), U (it is ready), d (./run has ended),
// D (so has ./finish). `gave_up`: that ./finish has said that it is not to be started again, which is O.
std::string events_between(const S6Status& before, const S6Status& after, bool gave_up);

}  // namespace cinit::servicedir
