// The part of the supervisor that is about services which come and go.
#include <algorithm>
#include <cassert>

#include "core/supervisor.hpp"

namespace cinit::core {

bool Supervisor::is_pristine(ServiceId id) const {
  if (index_of(id) >= services_.size()) return true;
  const Service& service = at(id);
  return !service.begun &&
         (std::holds_alternative<state::Idle>(service.state) || std::holds_alternative<state::Waiting>(service.state));
}

void Supervisor::on(const PlanRevised& event) {
  if (shutdown_) return broken_invariant("a plan that changes while everything is stopped");
  // The plan has its new tiers already, and here the old ones are counted. That is no matter until they are counted anew,
  // because nobody begins or ceases to live by what is done here: what is taken in has no process, and what is removed is
  // only asked to end.
  [[maybe_unused]] const std::uint32_t alive = alive_;
  for (const ServiceId id : event.removed) remove(at(id));
  for (const ServiceId id : event.described) take_in(id);
  assert(alive_ == alive);
  count_tiers();
  for (const ServiceId id : event.renamed) actions_.push_back(ShowState{id});
  for (const PlanRevised::Unplaced& unplaced : event.unplaced) {
    announce(notice::NameTaken{unplaced.holder, unplaced.directory, unplaced.goes_on});
  }
}

// As long as the boot goes on, it belongs to it. A start that somebody has asked for meanwhile is still to come.
void Supervisor::take_in(ServiceId id) {
  const PlannedService& planned = plan_[id];
  const bool is_boot = not_up_yet_ > 0;
  bool is_asked_for = false;
  bool once = false;
  if (index_of(id) == services_.size()) {
    services_.emplace_back(planned, id);
  } else {
    once = at(id).once;
    is_asked_for = at(id).wanted == Wanted::Up && (once || !at(id).counts_for_boot);
    leave_boot(at(id));
    enter(at(id), state::Idle{});
    std::erase(failed_, id);
    at(id) = Service(planned, id);
  }
  Service& service = at(id);
  service.counts_for_boot = is_boot;
  service.once = once && is_asked_for;
  want_at_boot(service);
  if (!is_asked_for) return;
  service.wanted = Wanted::Up;
  start_anew(service);
}

void Supervisor::remove(Service& service) {
  leave_boot(service);
  release(service);
  if (has_producers_alive(service)) {
    removed_consumers_.push_back(service.id);
  } else {
    stop_for_good(service);
  }
}

void Supervisor::stop_for_good(Service& service) {
  stop(service);
  give_up_input(service);
}

// Nobody will read what is still in its pipe, nor write into it.
void Supervisor::give_up_input(Service& service) {
  const PlannedService& planned = *service.plan;
  if (!planned.retired || planned.producers.empty() || !is_final(service.state)) return;
  if (!has_producers_alive(service)) close_input(service);
}

// It is not waited for by the boot any more, which is not said to be finished for that.
void Supervisor::leave_boot(Service& service) {
  if (std::exchange(service.counts_for_boot, false)) --not_up_yet_;
}

bool Supervisor::has_producers_alive(const Service& service) const {
  const auto& producers = service.plan->producers;
  return std::any_of(producers.begin(), producers.end(), [&](ServiceId id) { return !is_final(at(id).state); });
}

void Supervisor::end_idle_consumers() {
  std::erase_if(removed_consumers_, [&](ServiceId id) {
    if (has_producers_alive(at(id))) return false;
    stop_for_good(at(id));
    return true;
  });
}

void Supervisor::count_tiers() {
  tier_members_.assign(plan_.tiers, {});
  alive_in_tier_.assign(plan_.tiers, 0);
  for (const Service& service : services_) {
    tier_members_[service.plan->stop_tier].push_back(service.id);
    if (occupies_tier(service, service.state)) ++alive_in_tier_[service.plan->stop_tier];
  }
}

}  // namespace cinit::core
