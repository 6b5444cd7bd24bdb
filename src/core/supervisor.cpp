#include "core/supervisor.hpp"

#include <algorithm>
#include <cassert>

#include "base/exit_code.hpp"
#include "base/overloaded.hpp"
#include "core/signal_policy.hpp"

namespace cinit::core {
int StartFailure::exit_code() const {
  constexpr int kNoEntry = 2;  // ENOENT: <cerrno> has it, but its value is the kernel's
  return stage == StartStage::Exec && error == kNoEntry ? exit_code::kNotFound : exit_code::kNotExecutable;
}

Supervisor::Service::Service(const PlannedService& planned, ServiceId its_id)
    : plan(&planned),
      id(its_id),
      delays(planned.spec.restart_delay, planned.spec.restart_max_delay),
      spawn_delays(kSpawnRetryDelay, kSpawnRetryMaxDelay),
      starts(planned.spec.start_limit_burst, planned.spec.start_limit_interval) {}

Supervisor::Supervisor(const Plan& plan, std::uint64_t seed)
    : plan_(plan), random_(seed), tier_members_(plan.tiers), alive_in_tier_(plan.tiers, 0) {
  services_.reserve(plan.services.size());
  for (std::size_t i = 0; i < plan.services.size(); ++i) {
    const auto id = static_cast<ServiceId>(i);
    services_.emplace_back(plan.services[i], id);
    tier_members_[plan.services[i].stop_tier].push_back(id);
  }
}

Actions Supervisor::boot(Time now) {
  now_ = now;
  for (Service& service : services_) {
    if (!service.plan->wanted_at_boot) continue;
    service.wanted = Wanted::Up;
    enter(service, state::Waiting{});
    const auto& waits_for = service.plan->waits_for;
    // Only what is wanted is waited for: an order is no request.
    service.unsettled = static_cast<std::uint32_t>(
        std::count_if(waits_for.begin(), waits_for.end(), [&](ServiceId id) { return plan_[id].wanted_at_boot; }));
    if (service.unsettled == 0) startable_.push_back(service.id);
  }
  start_what_can_start();
  advance_shutdown();
  return std::exchange(actions_, {});
}

Actions Supervisor::handle(const Event& event, Time now) {
  now_ = std::max(now_, now);
  std::visit([this](const auto& happened) { on(happened); }, event);
  start_what_can_start();
  advance_shutdown();
  return std::exchange(actions_, {});
}

Time Supervisor::next_deadline() const {
  const Time of_services = deadlines_.empty() ? kNever : deadlines_.begin()->first;
  const Time of_phase = std::visit(Overloaded{
                                       [](phase::PreStop pre_stop) { return pre_stop.drain_at; },
                                       [](phase::PostStop post_stop) { return post_stop.kill_at; },
                                       [](phase::Draining draining) { return draining.next_tier_at; },
                                       [](phase::Sweeping sweeping) { return sweeping.kill_at; },
                                       [](phase::Reaping reaping) { return reaping.give_up_at; },
                                       [](OneOf<phase::Up, phase::Outlasting, phase::Over> auto) { return kNever; },
                                   },
                                   phase_);
  return std::min(of_services, of_phase);
}

// ---- Starting

void Supervisor::start_what_can_start() {
  while (!startable_.empty()) {
    Service& service = at(startable_.front());
    startable_.pop_front();
    if (!std::holds_alternative<state::Waiting>(service.state)) continue;  // it was stopped meanwhile
    start(service);
  }
}

void Supervisor::start(Service& service) {
  if (const ServiceId* required = failed_requirement(service)) return requirement_failed(service, *required);
  launch(service);
}

const ServiceId* Supervisor::failed_requirement(const Service& service) const {
  for (const ServiceId& required : service.plan->required) {
    if (std::holds_alternative<state::Failed>(at(required).state) ||
        std::holds_alternative<state::Stopped>(at(required).state)) {
      return &required;
    }
    const auto* clearing = std::get_if<state::Clearing>(&at(required).state);
    if (clearing && clearing->ending == Ending::Failed) return &required;
  }
  return nullptr;
}

void Supervisor::requirement_failed(Service& service, ServiceId required) {
  announce(notice::RequirementFailed{service.id, required});
  service.code = failure_code(at(required));
  enter(service, state::Failed{});
  ended_for_good(service, Ending::Failed);
}

void Supervisor::launch(Service& service) {
  service.starts.record(now_);
  service.started_at = now_;
  service.timed_out = false;
  enter(service, state::Launching{});
  actions_.push_back(Spawn{service.id});
}

void Supervisor::on(const Spawned& event) {
  Service& service = at(event.service);
  if (!std::holds_alternative<state::Launching>(service.state))
    return broken_invariant("a process that nobody asked for");
  service.spawn_delays.reset();
  announce(notice::Started{service.id});
  came_up(service);
}

void Supervisor::came_up(Service& service) {
  if (service.plan->spec.type == config::ServiceType::Oneshot) {
    const std::optional<Duration> timeout = service.plan->start_timeout;
    enter(service, state::Starting{timeout ? later(now_, *timeout) : kNever});
  } else {
    enter(service, state::Running{});
    settle(service);
  }
  if (service.plan->role == Role::MainCommand) {
    for (const Signal signal : std::exchange(pending_signals_, {})) forward_to_main(signal);
  }
  // A stop may have begun meanwhile. It waits for its tier then, as the others do.
  if (service.wanted == Wanted::Down && is_asked_to_stop(service.plan->stop_tier)) {
    stop(service, service.plan->spec.stop_signal, stop_target(service));
  }
}

void Supervisor::on(const SpawnFailed& event) {
  Service& service = at(event.service);
  if (!std::holds_alternative<state::Launching>(service.state))
    return broken_invariant("a failure that nobody asked for");
  if (event.failure.transient) {
    if (service.wanted == Wanted::Down) return enter(service, state::Stopped{});
    const Duration delay = service.spawn_delays.next(random_);
    service.starts.take_back();
    announce(notice::StartPostponed{service.id, event.failure, delay});
    return enter(service, state::Backoff{later(now_, delay)});
  }
  service.code = event.failure.exit_code();
  announce(notice::StartFailed{service.id, event.failure});
  enter(service, state::Failed{});
  ended_for_good(service, Ending::Failed);
}

void Supervisor::settle(Service& service) {
  if (std::exchange(service.settled, true)) return;
  for (const ServiceId id : service.plan->dependents) {
    Service& dependent = at(id);
    if (dependent.unsettled == 0) continue;  // it waits for nothing: not wanted at boot
    if (--dependent.unsettled == 0) startable_.push_back(id);
  }
}

// ---- Signals to cinit

void Supervisor::on(const SignalReceived& event) {
  switch (use_of(event, plan_, main_takes_signals())) {
    case SignalUse::Drop: return;
    case SignalUse::Ignore: return announce(notice::SignalIgnored{event.signal});
    case SignalUse::Reload: return announce(notice::ReloadRefused{});
    case SignalUse::Forward: return forward_to_main(event.signal);
    case SignalUse::Stop: return stop_signal_received(event.signal);
  }
}

bool Supervisor::main_takes_signals() const {
  if (!plan_.main_command) return false;
  const State& state = at(*plan_.main_command).state;
  return !is_final(state) && !std::holds_alternative<state::Clearing>(state);
}

void Supervisor::forward_to_main(Signal signal) {
  const ServiceId main = *plan_.main_command;
  const State& state = at(main).state;
  if (std::holds_alternative<state::Waiting>(state) || std::holds_alternative<state::Launching>(state) ||
      std::holds_alternative<state::Backoff>(state)) {
    return pending_signals_.push_back(signal);
  }
  if (signal == kContinue) main_suspended_ = false;
  actions_.push_back(SendSignal{main, SendSignal::Target::MainProcess, signal});
}

void Supervisor::on(const MainSuspended& event) {
  main_suspended_ = true;
  announce(notice::MainSuspended{event.signal});
  // It cannot take its stop signal like this. Before its stop it is left alone.
  const ServiceId main = *plan_.main_command;
  if (std::holds_alternative<state::Stopping>(at(main).state)) forward_to_main(kContinue);
}

// ---- Bookkeeping

void Supervisor::enter(Service& service, State state) {
  const Time old_deadline = deadline_of(service.state);
  const Time new_deadline = deadline_of(state);
  if (old_deadline != kNever) deadlines_.erase({old_deadline, service.id});
  if (new_deadline != kNever) deadlines_.insert({new_deadline, service.id});
  account(service, is_alive(service.state), is_alive(state));
  if (is_final(service.state)) ++unfinished_;
  if (is_final(state)) --unfinished_;
  service.state = state;
}

void Supervisor::account(const Service& service, bool was_alive, bool alive) {
  if (was_alive == alive) return;
  const std::uint32_t tier = service.plan->stop_tier;
  const std::uint32_t change = alive ? 1U : ~0U;  // modulo 2^32: minus one
  alive_ += change;
  alive_in_tier_[tier] += change;
  const auto* draining = std::get_if<phase::Draining>(&phase_);
  if (!draining) return;
  if (tier < draining->next_tier) {
    asked_alive_ += change;
  } else if (alive_in_tier_[tier] == 0) {
    tiers_to_stop_.erase(tier);
  }
}

void Supervisor::broken_invariant(const char* what) {
  assert(false && "broken invariant");
  announce(notice::InvariantBroken{what});
  begin_shutdown({notice::StopCause::InternalError, std::nullopt}, std::nullopt);
  shutdown_->reason.cause = notice::StopCause::InternalError;
}

}  // namespace cinit::core
