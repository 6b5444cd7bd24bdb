// What a service says of itself: the datagrams of sd_notify(3).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace cinit::notify {

// Status texts are cut at this many bytes, between two characters.
inline constexpr std::size_t kMostStatus = 1024;

struct Message {
  bool ready = false;                       // READY=1
  bool reloading = false;                   // RELOADING=1
  bool stopping = false;                    // STOPPING=1
  bool watchdog = false;                    // WATCHDOG=1
  bool watchdog_trigger = false;            // WATCHDOG=trigger: act as if the watchdog's time were over
  bool barrier = false;                     // BARRIER=1
  std::optional<std::string> status;        // STATUS=, as it came, control characters included; empty: it has none now
  std::optional<pid_t> main_pid;            // MAINPID=, positive; whose it is has to be checked
  std::optional<int> error;                 // ERRNO=, 0 to 4095
  std::optional<Duration> extend_timeout;   // EXTEND_TIMEOUT_USEC=, at most kLongest
  std::optional<Duration> watchdog_within;  // WATCHDOG_USEC=, at most kLongest; 0: no watchdog any more
};

// Longer times are cut to this one, so that they can be added to a time. It stands for "for ever", too.
inline constexpr Duration kLongest = std::chrono::hours(24 * 365 * 100);

// Lines of NAME=VALUE, the last one of a name counts. Unknown names, values that are no number where one is needed or out
// of range, and lines without "=" are passed over. A NUL inside makes it no message: nothing is taken. One at the end is
// not looked at. Beside BARRIER=1 nothing else is taken, as systemd does it.
Message parse(std::string_view datagram);

}  // namespace cinit::notify
