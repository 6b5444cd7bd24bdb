// What is asked of the supervisor from outside: starts and stops of services, and services that come and go.
#include <algorithm>

#include "core/supervisor.hpp"

namespace cinit::core {

// Before the first service is stopped, the hooks of the stop may ask for everything; afterwards for an earlier stop
// alone.
bool Supervisor::takes(Requested::What what) const {
  return !is_stopping() || what == Requested::What::Stop || !stop_.has_begun_with_services();
}

void Supervisor::on(const Requested& event) {
  if (!takes(event.what)) return;
  Service& service = at(services_, event.service);
  if (service.plan->role != Role::Service) return;  // hooks and the main command have their place in the boot
  if (service.plan->retired) return;                // it is as good as gone
  actions_.push_back(Announce{notice::Requested{event.service, event.what}});
  const auto start = [&](bool once) {
    for (const ServiceId id : order_.started_with(service.id)) {
      stop_.forget_failure(id);
      tell(at(services_, id), told::Start{once && id == service.id});
    }
  };
  switch (event.what) {
    case Requested::What::Start: start(false); break;
    case Requested::What::Stop:
      if (!is_final(service.state)) tell(service, stop_.stop_of(service, Wanted::DownOnRequest));
      break;
    case Requested::What::Restart:
      start(false);
      tell(service, told::Restart{});
      break;
    // One that is being stopped stays down.
    case Requested::What::Once:
      if (!is_alive(service.state) || is_up(service.wanted)) start(true);
      break;
  }
}

// ---- Services that come and go

void Supervisor::on(const PlanRevised& event) {
  if (is_stopping()) return broken_invariant("a plan that changes while everything is stopped");
  for (const ServiceId id : event.removed) {
    boot_.erase(id);
    if (at(services_, id).wanted == Wanted::DownOnRequest) at(services_, id).wanted = Wanted::Down;
    removed_.push_back(id);
  }
  stop_removed();
  for (const ServiceId id : event.described) take_in(id);
  for (const PlanRevised::Unplaced& unplaced : event.unplaced) {
    actions_.push_back(Announce{notice::NameTaken{unplaced.holder, unplaced.path, unplaced.goes_on}});
  }
}

// As long as the boot goes on, it belongs to it. A start that was asked for meanwhile is still to come.
void Supervisor::take_in(ServiceId id) {
  const PlannedService& planned = plan_[id];
  const bool is_boot = !boot_.empty();
  bool is_asked_for = false;
  bool once = false;
  if (index_of(id) == services_.size()) {
    services_.emplace_back(planned, id, stop_times_of(plan_, planned));
  } else {
    Service& service = at(services_, id);
    is_asked_for = is_up(service.wanted) && (is_once(service.wanted) || !boot_.contains(id));
    once = is_asked_for && is_once(service.wanted);
    boot_.erase(id);
    tell(service, told::Described{});
    stop_.forget_failure(id);
    order_.unsettle(id);
    service = Service(planned, id, stop_times_of(plan_, planned));
  }
  at(services_, id).entered_at = now_;
  if (is_boot && planned.wanted_at_boot) boot_.insert(id);
  if (planned.wanted_at_boot || is_asked_for) tell(at(services_, id), told::Start{once});
}

// A logger that is removed ends when no service writes into its pipe any more.
void Supervisor::stop_removed() {
  std::erase_if(removed_, [&](ServiceId id) {
    if (has_producers_alive(services_, at(services_, id))) return false;
    tell(at(services_, id), stop_.stop_of(at(services_, id), Wanted::Down));
    return true;
  });
}

}  // namespace cinit::core
