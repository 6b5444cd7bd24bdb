#include "core/stop_estimate.hpp"

#include <algorithm>

#include "base/line.hpp"

namespace cinit::core {
namespace {

template <class... Parts>
StopProblem problem(const config::Location& where, const Parts&... parts) {
  Line line;
  (line << ... << parts);
  return {where, std::string(line.text())};
}

}  // namespace

std::vector<StopProblem> find_stop_problems(const Plan& plan) {
  std::vector<StopProblem> problems;
  std::vector<Duration> longest(plan.tiers);
  for (const PlannedService& service : plan.services) {
    const Duration own = service.spec.stop_timeout.value_or(Duration::zero());
    longest[service.stop_tier] = std::max(longest[service.stop_tier], own);
    if (own <= plan.stop.total) continue;
    problems.push_back(problem(service.spec.where, "[service.", service.spec.name, "] its stop-timeout of ", own,
                               " is longer than that of the whole stop, ", plan.stop.total,
                               ", at whose end it is killed: raise [cinit] stop-timeout, and docker stop -t with it"));
  }
  if (!problems.empty()) return problems;

  Duration worst = Duration::zero();
  for (const Duration tier : longest) worst += tier;
  const Duration of_hooks = plan.pre_stop_hooks.empty() ? Duration::zero() : plan.stop.reserve();
  const Duration room = plan.stop.total - of_hooks - plan.stop.reserve();
  if (worst > room) {
    problems.push_back(problem({}, "stopping the services one tier after the other may take ", worst, ", but only ",
                               room, " of the stop-timeout of ", plan.stop.total,
                               " are theirs: a tier that takes too long is not waited for by the next"));
  }
  return problems;
}

}  // namespace cinit::core
