// How a process ended, as wait(2) tells it.
#pragma once

#include "base/signal.hpp"

namespace cinit {

// How a process ended: with an exit code, or by a signal. Never "stopped" or "continued".
class WaitStatus {
 public:
  static constexpr WaitStatus exited(int code) { return WaitStatus(code, 0); }
  static constexpr WaitStatus signaled(Signal signal) { return WaitStatus(0, signal.number); }

  constexpr bool by_signal() const { return signal_ != 0; }
  // 0 to 255; only when !by_signal().
  constexpr int code() const { return code_; }
  // Only when by_signal().
  constexpr Signal signal() const { return Signal{signal_}; }

  // What a shell, and so docker run, makes of it: the code, or 128 + the signal's number (bash(1), EXIT STATUS).
  constexpr int shell_code() const { return by_signal() ? 128 + signal_ : code_; }

  friend constexpr bool operator==(WaitStatus, WaitStatus) = default;

 private:
  constexpr WaitStatus(int code, int signal) : code_(code), signal_(signal) {}
  int code_;
  int signal_;
};

}  // namespace cinit
