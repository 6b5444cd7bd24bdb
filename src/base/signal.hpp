// Signal numbers and their names, the same on every libc.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cinit {

// A signal number of the kernel, 1 to 64: signal(7).
struct Signal {
  int number = 0;

  friend constexpr bool operator==(Signal, Signal) = default;
  friend constexpr auto operator<=>(Signal, Signal) = default;
};

// Those that cinit means something by. Their numbers are the same on every architecture that it is built for.
inline constexpr Signal kHangup{1};
inline constexpr Signal kKill{9};
inline constexpr Signal kPipe{13};
inline constexpr Signal kTerminate{15};
inline constexpr Signal kContinue{18};
inline constexpr Signal kTerminalInput{21};
inline constexpr Signal kTerminalOutput{22};
inline constexpr Signal kWindowChange{28};

// The first real-time signal that programs may use. It is 34 on glibc, which keeps 32 and 33 for itself; musl says 35 of
// its own, but what other programs (systemd's RTMIN+3 among them) send is counted from 34.
inline constexpr int kRealTimeMin = 34;
inline constexpr int kRealTimeMax = 64;

// Reads "SIGTERM", "TERM", "term", "15", "RTMIN+3" or "SIGRTMAX-1". Nothing when it names no signal.
std::optional<Signal> parse_signal(std::string_view text);

// "SIGTERM"; "SIGRTMIN+3"; "signal 99" for a number that has no name.
std::string to_string(Signal signal);

// The same without the heap: the name of a standard signal, or nullptr for any other number.
const char* standard_signal_name(int number);

}  // namespace cinit
