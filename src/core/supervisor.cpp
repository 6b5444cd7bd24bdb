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

Supervisor::Supervisor(const Plan& plan, std::uint64_t seed) : plan_(plan), random_(seed) {
  services_.reserve(plan.services.size());
  for (std::size_t i = 0; i < plan.services.size(); ++i) {
    services_.emplace_back(plan.services[i], static_cast<ServiceId>(i));
  }
  count_tiers();
}

Actions Supervisor::boot(Time now) {
  now_ = now;
  booted_at_ = now;
  for (Service& service : services_) {
    service.counts_for_boot = service.plan->role != Role::MainCommand;
    want_at_boot(service);
  }
  start_what_can_start();
  advance_shutdown();
  return std::exchange(actions_, {});
}

void Supervisor::want_at_boot(Service& service) {
  service.entered_at = now_;
  service.counts_for_boot = service.counts_for_boot && service.plan->wanted_at_boot;
  if (service.counts_for_boot) ++not_up_yet_;
  if (!service.plan->wanted_at_boot) return;
  service.wanted = Wanted::Up;
  enter(service, state::Waiting{});
  startable_.push_back(service.id);
}

Actions Supervisor::handle(const Event& event, Time now) {
  now_ = std::max(now_, now);
  std::visit([this](const auto& happened) { on(happened); }, event);
  end_idle_consumers();
  start_what_can_start();
  advance_shutdown();
  return std::exchange(actions_, {});
}

Time Supervisor::next_deadline() const {
  const Time of_services = deadlines_.empty() ? kNever : deadlines_.begin()->first;
  const Time of_phase = std::visit(Overloaded{
                                       [&](phase::EndingMain) { return shutdown_->deadline; },
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
    if (std::holds_alternative<state::Waiting>(service.state) && may_start(service)) start(service);
  }
}

void Supervisor::start(Service& service) {
  // Somebody has stopped what it requires for a while. That is no failure, and it is started with it again.
  if (requires_held(service)) return enter(service, state::Waiting{});
  if (const ServiceId* required = failed_requirement(service)) return requirement_failed(service, *required);
  begin_attempt(service);
}

bool Supervisor::requires_held(const Service& service) const {
  const auto& all = service.plan->required;
  return std::any_of(all.begin(), all.end(), [&](ServiceId required) { return at(required).held; });
}

const ServiceId* Supervisor::failed_requirement(const Service& service) const {
  const auto& all = service.plan->required;
  const auto found = std::find_if(all.begin(), all.end(), [&](ServiceId required) { return has_failed(at(required)); });
  return found == all.end() ? nullptr : &*found;
}

bool Supervisor::has_failed(const Service& service) const {
  return std::holds_alternative<state::Failed>(service.state) ||
         std::holds_alternative<state::Stopped>(service.state) || is_about_to_be(Ending::Failed, service);
}

bool Supervisor::is_done(const Service& service) const {
  return std::holds_alternative<state::Done>(service.state) || is_about_to_be(Ending::Done, service);
}

// When nothing is left of it any more, unless somebody has asked for it again.
bool Supervisor::is_about_to_be(Ending ending, const Service& service) const {
  const auto* clearing = std::get_if<state::Clearing>(&service.state);
  const auto* post_stop = std::get_if<state::PostStop>(&service.state);
  const bool comes = (clearing && clearing->ending == ending) || (post_stop && post_stop->ending == ending);
  return comes && service.wanted == Wanted::Down;
}

void Supervisor::requirement_failed(Service& service, ServiceId required) {
  announce(notice::RequirementFailed{service.id, required});
  service.code = failure_code(at(required));
  enter(service, state::Failed{});
  ended_for_good(service, Ending::Failed);
}

void Supervisor::begin_attempt(Service& service) {
  service.starts.record(now_);
  service.begun = true;
  service.input_closed = false;
  service.end_of_attempt.reset();
  service.begun_at = now_;
  service.condemned = false;
  service.restart_asked = false;
  service.health = ServiceStatus::Health::Unknown;
  service.failed_checks = 0;
  const auto& health = service.plan->spec.health;
  const auto* watchdog = health ? std::get_if<config::Watchdog>(&health->check) : nullptr;
  service.watchdog = watchdog ? watchdog->within : Duration::zero();
  service.probe_detail.clear();
  service.status_text.clear();
  if (service.plan->spec.pre_start.empty()) return launch(service);
  enter(service, state::PreStart{now_, give_up_time(service)});
  run_task(service, Task::PreStart, 0);
}

// A start as a whole has this long, from its first command until it is ready.
Time Supervisor::give_up_time(const Service& service) const {
  return service.plan->start_timeout ? later(service.begun_at, *service.plan->start_timeout) : kNever;
}

void Supervisor::launch(Service& service) {
  enter(service, state::Launching{std::min(later(now_, kLaunchTimeout), give_up_time(service))});
  announce(notice::Starting{service.id});
  actions_.push_back(Spawn{service.id});
}

void Supervisor::on(const Spawned& event) {
  Service& service = at(event.service);
  if (!std::holds_alternative<state::Launching>(service.state))
    return broken_invariant("a process that nobody asked for");
  service.spawn_delays.reset();
  service.failure.reset();
  ++service.start_count;
  service.started_at = now_;
  // A stop may have begun meanwhile. It waits for its tier then, as the others do.
  const bool stops = is_to_stop(service);
  if (service.wanted == Wanted::Up) announce(notice::Started{service.id});
  if (stops) {
    enter(service, state::Starting{kNever});
  } else {
    comes_up(service);
  }
  if (service.plan->role == Role::MainCommand) {
    for (const Signal signal : std::exchange(pending_signals_, {})) forward_to_main(signal);
  }
  if (stops) begin_stop(service);
}

void Supervisor::comes_up(Service& service) {
  const config::Service& spec = service.plan->spec;
  if (spec.type == config::ServiceType::Oneshot) {
    enter(service, state::Starting{give_up_time(service)});
  } else if (!spec.ready) {
    became_ready(service);
  } else {
    const auto* delay = std::get_if<config::DelayReady>(&spec.ready->when);
    const bool is_probed = std::holds_alternative<config::Probe>(spec.ready->when);
    const Time first = delay ? later(now_, delay->delay) : is_probed ? now_ : kNever;
    enter(service, state::Starting{give_up_time(service), {first}});
    if (is_probed) probe_due(service, {first});
  }
}

void Supervisor::became_ready(Service& service) {
  service.ready_at = now_;
  if (service.plan->spec.ready) announce(notice::Ready{service.id, now_ - service.begun_at});
  // Nothing more is started for one that is to be stopped.
  if (service.plan->spec.post_start.empty() || service.wanted == Wanted::Down) return is_up(service);
  // It may have asked for more time.
  const auto* starting = std::get_if<state::Starting>(&service.state);
  enter(service, state::PostStart{starting ? starting->give_up_at : give_up_time(service)});
  run_task(service, Task::PostStart, 0);
}

void Supervisor::is_up(Service& service) {
  enter(service, state::Running{first_health_clock(service)});
  settle(service);
}

void Supervisor::on(const SpawnFailed& event) {
  Service& service = at(event.service);
  if (!std::holds_alternative<state::Launching>(service.state))
    return broken_invariant("a failure that nobody asked for");
  start_failed(service, event.failure);
}

// With its start-timeout the attempt has failed; another one may come to more.
void Supervisor::launch_overdue(Service& service) {
  if (now_ < give_up_time(service) || service.wanted == Wanted::Down) return cancel_launch(service);
  announce(notice::TimedOut{service.id, now_ - service.begun_at, "its program did not begin"});
  actions_.push_back(CancelSpawn{service.id});
  attempt_failed(service);
}

// Nothing of its program has run.
void Supervisor::cancel_launch(Service& service) {
  actions_.push_back(CancelSpawn{service.id});
  start_failed(service, {StartStage::Exec, 0,
                         "its program did not begin in time (its process was stopped, or waits for a file system or a "
                         "lease)",
                         true});
}

void Supervisor::start_failed(Service& service, const StartFailure& failure) {
  const bool is_news = !service.failure || service.failure->detail != failure.detail;
  service.failure = failure;
  if (failure.transient) return postpone(service, failure, !service.plan->spec.pre_start.empty());
  service.code = failure.exit_code();
  if (service.plan->spec.directory) return could_not_run(service, is_news);
  announce(notice::StartFailed{service.id, failure});
  service.wanted = Wanted::Down;
  conclude(service, Ending::Failed, kNever, kill_time(service));
  ended_for_good(service, Ending::Failed);
}

// It is tried again as long as it is to be up, as runsv(8) and s6-supervise(8) do: somebody may put its program there. Nobody
// waits for that.
void Supervisor::could_not_run(Service& service, bool is_news) {
  std::optional<notice::Restart> restart;
  const auto [ending, retry_at] = verdict(service, false, restart);
  if (is_news) announce(notice::StartFailed{service.id, *service.failure});
  if (is_news && restart) announce(notice::Restarting{service.id, *restart});
  conclude(service, ending, retry_at, kill_time(service));
  settle(service);
}

// What its commands have done is undone before the next attempt, which runs them again.
void Supervisor::postpone(Service& service, const StartFailure& failure, bool anything_ran) {
  Ending ending = Ending::Stopped;
  Time retry_at = kNever;
  if (service.wanted == Wanted::Up) {
    const Duration delay = service.spawn_delays.next(random_);
    service.starts.take_back();
    announce(notice::StartPostponed{service.id, failure, delay});
    ending = Ending::Restart;
    retry_at = later(now_, delay);
  }
  if (anything_ran) return conclude(service, ending, retry_at, kill_time(service));
  take_ending(service, ending, retry_at);
}

void Supervisor::settle(Service& service) {
  if (std::exchange(service.settled, true)) return;
  for (const ServiceId id : service.plan->dependents) {
    if (std::holds_alternative<state::Waiting>(at(id).state)) startable_.push_back(id);
  }
}

// Only what is to come up is waited for: an order is no request.
bool Supervisor::may_start(const Service& service) const {
  if (requires_held(service)) return false;
  const auto& waits_for = service.plan->waits_for;
  return std::all_of(waits_for.begin(), waits_for.end(),
                     [&](ServiceId id) { return at(id).settled || is_final(at(id).state); });
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
  if (!plan_.main_command || !plan_.conduct.forwards_signals) return false;
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
  account(service, occupies_tier(service, service.state), occupies_tier(service, state));
  if (is_final(service.state)) ++unfinished_;
  if (is_final(state)) --unfinished_;
  const bool is_another = service.state.index() != state.index();
  if (is_another && is_probed(service.state)) actions_.push_back(EndProbe{service.id});
  if (is_another) service.entered_at = now_;
  service.state = state;
  if (is_another && service.plan->spec.directory) actions_.push_back(ShowState{service.id});
  if (is_another) give_up_input(service);
  note_coming_up(service);
}

void Supervisor::note_coming_up(Service& service) {
  const bool is_up =
      std::holds_alternative<state::Running>(service.state) || std::holds_alternative<state::Done>(service.state);
  if (!is_up || !std::exchange(service.counts_for_boot, false)) return;
  if (--not_up_yet_ > 0 || shutdown_ || !plan_.has_services) return;
  announce(notice::BootFinished{now_ - booted_at_});
}

ServiceStatus Supervisor::status(ServiceId id) const {
  const Service& service = at(id);
  ServiceStatus status;
  status.state = service.state;
  status.since = service.entered_at;
  status.wanted = service.wanted == Wanted::Up && !service.once;
  status.starts = service.start_count;
  status.last_end = service.last_end;
  status.failure = service.failure;
  status.health = service.health;
  status.failed_checks = service.failed_checks;
  status.detail = service.probe_detail;
  status.text = service.status_text;
  return status;
}

// Something is to be done about it when its tier is stopped.
bool Supervisor::occupies_tier(const Service& service, const State& state) {
  return is_alive(state) || is_to_be_undone(service, state);
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

Actions Supervisor::cannot_go_on(const char* what, Time now) {
  now_ = std::max(now_, now);
  internal_error(what);
  advance_shutdown();
  return std::exchange(actions_, {});
}

void Supervisor::broken_invariant(const char* what) {
  assert(false && "broken invariant");
  internal_error(what);
}

void Supervisor::internal_error(const char* what) {
  announce(notice::InvariantBroken{what});
  begin_shutdown({notice::StopCause::InternalError, std::nullopt}, std::nullopt);
  shutdown_->reason.cause = notice::StopCause::InternalError;
}

}  // namespace cinit::core
