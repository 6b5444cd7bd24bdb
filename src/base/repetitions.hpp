// How often something is told that others can make happen as often as they like.
#pragma once

#include <cstdint>
#include <utility>

#include "base/time.hpp"

namespace cinit {

// The first few are told at once; the rest are counted, and their number is told every kSpan. After a span without any it
// begins anew.
class Repetitions {
 public:
  static constexpr Duration kSpan = std::chrono::seconds(10);

  // `most`: how many are told at once.
  explicit Repetitions(std::uint32_t most) : most_(most) {}

  // It has happened. Returns whether it is to be told now.
  bool happens(Time now) {
    if (is_over(now)) {
      told_ = 0;
      end_ = later(now, kSpan);
    }
    if (told_ == most_) ++untold_;
    return told_ < most_ && ++told_ > 0;
  }

  // How many were counted, once their number is due; 0: there is nothing to tell.
  std::uint64_t take_untold(Time now) {
    if (now < due()) return 0;
    end_ = later(now, kSpan);
    return std::exchange(untold_, 0);
  }
  // When there is a number to tell; kNever: there is none.
  Time due() const { return untold_ > 0 ? end_ : kNever; }
  // Whether nothing more is known of what has happened.
  bool is_over(Time now) const { return untold_ == 0 && now >= end_; }

 private:
  std::uint32_t most_;
  std::uint32_t told_ = 0;
  std::uint64_t untold_ = 0;
  Time end_{};
};

}  // namespace cinit
