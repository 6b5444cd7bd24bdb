// seccomp(2) filters that make a kernel look older than it is.
#pragma once

#include <optional>
#include <vector>

namespace cinit::reliability {

// A call that is refused with `error`: always, or when an argument has a value, or a flag.
struct Refusal {
  long call = 0;
  int error = 0;
  int argument = -1;  // which argument is looked at; -1: none
  unsigned value = 0;
  bool is_flag = false;  // the argument holds this bit, instead of being the value
  int second_argument = -1;
  unsigned second_value = 0;
};

// Puts the filter on this process and all of its descendants. Throws when that is refused.
void install_filter(const std::vector<Refusal>& refusals);

}  // namespace cinit::reliability
