// How a process ended, as wait(2) tells it.
#pragma once

#include <string>

#include "base/signal.hpp"

namespace cinit {

// How a process ended: with an exit code, or by a signal. Never "stopped" or "continued".
class WaitStatus {
 public:
  static constexpr WaitStatus exited(int code) { return WaitStatus(code, 0); }
  static constexpr WaitStatus signaled(Signal signal, bool dumped_core = false) {
    return WaitStatus(0, signal.number, dumped_core);
  }

  constexpr bool by_signal() const { return signal_ != 0; }
  // 0 to 255; only when !by_signal().
  constexpr int code() const { return code_; }
  // Only when by_signal().
  constexpr Signal signal() const { return Signal{signal_}; }
  // The kernel has written a core file: core(5).
  constexpr bool dumped_core() const { return dumped_core_; }

  // The kernel's OOM killer has ended it, because the container had no memory left.
  constexpr bool out_of_memory() const { return out_of_memory_; }
  constexpr void set_out_of_memory() { out_of_memory_ = true; }

  // What a shell, and so docker run, makes of it: the code, or 128 + the signal's number (bash(1), EXIT STATUS).
  constexpr int shell_code() const { return by_signal() ? 128 + signal_ : code_; }

  // Whether there was a core file, and who sent the signal, makes no difference.
  friend constexpr bool operator==(WaitStatus one, WaitStatus other) {
    return one.code_ == other.code_ && one.signal_ == other.signal_;
  }

 private:
  constexpr WaitStatus(int code, int signal, bool dumped_core = false)
      : code_(code), signal_(signal), dumped_core_(dumped_core) {}
  int code_;
  int signal_;
  bool dumped_core_;
  bool out_of_memory_ = false;
};

// "exited with code 3", "killed by SIGTERM", "killed by SIGSEGV (core dumped)", "killed by SIGKILL (out of memory)".
inline std::string to_string(WaitStatus status) {
  if (!status.by_signal()) return "exited with code " + std::to_string(status.code());
  const char* const why = status.out_of_memory() ? " (out of memory)" : status.dumped_core() ? " (core dumped)" : "";
  return "killed by " + to_string(status.signal()) + why;
}

}  // namespace cinit
