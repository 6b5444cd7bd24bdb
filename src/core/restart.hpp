// When a service is started again, and when no more.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.hpp"
#include "core/random.hpp"

namespace cinit::core {

// Delays that double from `first` to `longest`. Each gets up to 10 % more at random, so that services which crashed
// together do not come back together.
class Backoff {
 public:
  Backoff(Duration first, Duration longest) : first_(first), longest_(longest), next_(first) {}

  Duration next(Random& random);
  void reset() { next_ = first_; }

 private:
  Duration first_;
  Duration longest_;
  Duration next_;
};

// At most `burst` starts in any span of `interval`. A burst of 0 is no limit.
class StartLimit {
 public:
  StartLimit(std::uint32_t burst, Duration interval) : burst_(burst), interval_(interval) {}

  void record(Time start);
  // Forgets all of them.
  void reset() { starts_.clear(); }
  // Forgets the last start: there was none after all.
  void take_back();
  // Whether one more start, at `due`, is within the limit.
  bool allows(Time due) const;
  // Which start of the interval one at `due` would be, counted from 1.
  std::uint32_t ordinal(Time due) const;

 private:
  bool counts(Time start, Time due) const { return due - start < interval_; }

  std::uint32_t burst_;
  Duration interval_;
  std::vector<Time> starts_;  // the last `burst_` of them, oldest first
};

}  // namespace cinit::core
