#include "core/restart.hpp"

#include <algorithm>

namespace cinit::core {

Duration Backoff::next(Random& random) {
  const Duration delay = next_;
  next_ = delay > longest_ / 2 ? longest_ : delay * 2;
  const auto jitter = random.below(static_cast<std::uint64_t>(delay.count()) / 10 + 1);
  return delay + Duration(static_cast<std::int64_t>(jitter));
}

void StartLimit::record(Time start) {
  if (burst_ == 0) return;
  std::erase_if(starts_, [&](Time earlier) { return !counts(earlier, start); });
  if (starts_.size() == burst_) starts_.erase(starts_.begin());
  starts_.push_back(start);
}

void StartLimit::take_back() {
  if (!starts_.empty()) starts_.pop_back();
}

bool StartLimit::allows(Time due) const { return burst_ == 0 || ordinal(due) <= burst_; }

std::uint32_t StartLimit::ordinal(Time due) const {
  const auto counted = std::count_if(starts_.begin(), starts_.end(), [&](Time start) { return counts(start, due); });
  return static_cast<std::uint32_t>(counted) + 1;
}

}  // namespace cinit::core
