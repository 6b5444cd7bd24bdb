#include "output/losses.hpp"

namespace cinit::output {

void Losses::count(const std::string& reason) {
  reason_ = reason;
  if (++lost_ == 1)
    report_(place_, "lines cannot be written to " + place_ + ": " + reason_ + "; they are lost until they can");
}

void Losses::over() {
  if (lost_ == 0) return;
  report_(place_, std::to_string(lost_) + (lost_ == 1 ? " line" : " lines") + " could not be written to " + place_ +
                      ": " + reason_);
  lost_ = 0;
}

}  // namespace cinit::output
