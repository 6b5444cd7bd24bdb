// What becomes of each signal that the one-command loop gets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "os/signals.hpp"

namespace cinit::solo {

// For each signal the one that the command gets in its place. At first that is the signal itself.
class SignalMap {
 public:
  constexpr SignalMap() {
    for (std::size_t signal = 0; signal < sent_.size(); ++signal) sent_[signal] = static_cast<std::uint8_t>(signal);
  }

  // The number of the signal to send; 0: none.
  constexpr int of(int signal) const { return sent_[static_cast<std::size_t>(signal)]; }

  // `sent` may be 0.
  constexpr void replace(int signal, int sent) {
    sent_[static_cast<std::size_t>(signal)] = static_cast<std::uint8_t>(sent);
  }

  constexpr SignalMap without(os::SignalSet signals) const {
    SignalMap map = *this;
    for (int signal = 1; signal < static_cast<int>(sent_.size()); ++signal) {
      if (signals.has(signal)) map.replace(signal, 0);
    }
    return map;
  }

 private:
  std::array<std::uint8_t, 65> sent_{};
};

}  // namespace cinit::solo
