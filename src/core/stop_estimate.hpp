// Whether the stop that the plan describes fits into its budget.
#pragma once

#include <string>
#include <vector>

#include "core/plan.hpp"

namespace cinit::core {

// A part of the plan that the budget has no room for.
struct StopProblem {
  config::Location where;
  std::string message;
};

// Takes every service at its word: that it may need all of its stop-timeout, and that those of a tier stop side by
// side, one tier after the other. A service without a stop-timeout takes what it gets, and is no problem.
std::vector<StopProblem> find_stop_problems(const Plan& plan);

}  // namespace cinit::core
