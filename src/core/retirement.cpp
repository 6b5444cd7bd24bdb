#include "core/retirement.hpp"

namespace cinit::core {

// runsv(8) exits, and runsvdir(8) starts another. A logger has no runsv of its own.
std::optional<Event> Retirement::exit(ServiceId service) {
  const PlannedService& planned = plan_[service];
  if (planned.retired || !planned.producers.empty()) return std::nullopt;
  // In the stop of everything the plan does not change, and the logger ends in its turn.
  const bool goes_for_good = planned.spec.directory && planned.spec.directory->is_scanned;
  if (!goes_for_good || supervisor_.is_stopping()) return Requested{service, Requested::What::Stop};
  PlanRevised revised;
  revised.removed.push_back(service);
  if (planned.consumer) revised.removed.push_back(*planned.consumer);
  for (const ServiceId id : revised.removed) plan_.services[index_of(id)].retired = true;
  return revised;
}

// A request for a service that is retired already would not be carried out.
void Retirement::told(ServiceId service) {
  PlannedService& planned = plan_.services[index_of(service)];
  if (supervisor_.is_stopping() && planned.spec.directory && planned.spec.directory->is_scanned) planned.retired = true;
}

bool Retirement::exit_when_down(ServiceId service) {
  if (!plan_[service].producers.empty()) return true;
  const StateKind kind = kind_of(supervisor_.state(service));
  const bool is_ending = kind == StateKind::Stopping || kind == StateKind::Killing;
  if (!nature_of(supervisor_.state(service)).main_process || is_ending) return false;
  leaving_.insert(service);
  return true;
}

}  // namespace cinit::core
