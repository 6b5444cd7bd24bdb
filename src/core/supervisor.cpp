#include "core/supervisor.hpp"

#include <algorithm>
#include <cassert>
#include <concepts>

#include "base/exit_code.hpp"
#include "base/overloaded.hpp"
#include "core/signal_policy.hpp"

namespace cinit::core {
namespace {

constexpr Signal kKill{9};
constexpr Signal kTerminate{15};
constexpr Signal kContinue{18};

using Target = SendSignal::Target;

template <class Wanted, class... States>
concept OneOf = (std::same_as<Wanted, States> || ...);

// States in which no process of the service exists, so that nothing can be told of one. Launching is not among them: its
// answer may be under way.
template <class S>
concept WithoutProcess =
    OneOf<S, state::Idle, state::Waiting, state::Backoff, state::Done, state::Failed, state::Stopped>;

// States in which the main process runs.
template <class S>
concept WithMainProcess = OneOf<S, state::Starting, state::Running, state::Stopping, state::Killing>;

}  // namespace

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

// ---- Ending

void Supervisor::on(const Exited& event) {
  Service& service = at(event.service);
  std::visit(Overloaded{
                 [&](WithMainProcess auto) { main_process_ended(service, event); },
                 [&](state::Launching) { broken_invariant("a process ended before it was known to run"); },
                 [&](state::Clearing) { broken_invariant("a main process ended twice"); },
                 [&](WithoutProcess auto) { broken_invariant("a process ended that did not exist"); },
             },
             State(service.state));
}

void Supervisor::main_process_ended(Service& service, const Exited& event) {
  const Duration ran = now_ - service.started_at;
  const State before = service.state;
  const bool killed = std::holds_alternative<state::Killing>(before);
  service.code = event.status.shell_code();
  // It may have ended by itself before the SIGKILL reached it.
  if (killed && event.status == WaitStatus::signaled(kKill) && !is_hook(service.plan->role)) needed_kill_ = true;
  if (ran >= service.plan->spec.restart_max_delay) service.delays.reset();

  const bool asked = std::holds_alternative<state::Stopping>(before) || std::holds_alternative<state::Killing>(before);
  notice::Exited exited{service.id, event.status, ran, asked || succeeded(service, event.status), std::nullopt};
  Ending ending = verdict(service, event.status);
  Time retry_at = kNever;
  if (ending == Ending::Restart) std::tie(ending, retry_at) = plan_restart(service, exited.restart);
  announce(exited);
  if (ending == Ending::Failed) announce_failure(service);

  // What a finished oneshot leaves in the background is what it was run for. What hooks and a main command leave is for
  // the sweep.
  const bool keeps_group = service.plan->spec.kill_mode == config::KillMode::Process ||
                           service.plan->role != Role::Service ||
                           (ending == Ending::Done && service.plan->spec.type == config::ServiceType::Oneshot);
  if (keeps_group) {
    take_ending(service, ending, retry_at);
    // What it leaves belongs to no service from now on.
    if (std::holds_alternative<phase::Sweeping>(phase_)) actions_.push_back(Sweep{});
  } else {
    const auto* stopping = std::get_if<state::Stopping>(&before);
    const Time kill_at = stopping ? stopping->kill_at : killed ? kNever : kill_time(service);
    clear_group(service, {ending, retry_at, now_, kill_at, killed});
  }
  if (ending == Ending::Done || ending == Ending::Failed) ended_for_good(service, ending);
}

bool Supervisor::succeeded(const Service& service, WaitStatus status) const {
  const config::SuccessExitStatus& success = service.plan->spec.success_exit_status;
  if (status.by_signal()) {
    return std::find(success.signals.begin(), success.signals.end(), status.signal()) != success.signals.end();
  }
  return std::find(success.codes.begin(), success.codes.end(), status.code()) != success.codes.end();
}

Ending Supervisor::verdict(const Service& service, WaitStatus status) const {
  if (service.wanted == Wanted::Down) return Ending::Stopped;
  if (service.timed_out) return Ending::Failed;
  const bool success = succeeded(service, status);
  switch (service.plan->spec.restart) {
    case config::RestartPolicy::Always: return Ending::Restart;
    case config::RestartPolicy::OnFailure: return success ? Ending::Done : Ending::Restart;
    case config::RestartPolicy::No: break;
  }
  return success ? Ending::Done : Ending::Failed;
}

std::pair<Ending, Time> Supervisor::plan_restart(Service& service, std::optional<notice::Restart>& restart) {
  const Duration delay = service.delays.next(random_);
  const Time due = later(now_, delay);
  if (!service.starts.allows(due)) return {Ending::Failed, kNever};
  restart = {delay, service.starts.ordinal(due), service.plan->spec.start_limit_burst};
  return {Ending::Restart, due};
}

// What made the last end one for good.
void Supervisor::announce_failure(const Service& service) {
  const config::Service& spec = service.plan->spec;
  if (service.plan->role == Role::MainCommand) return;
  if (spec.restart == config::RestartPolicy::No) return announce(notice::Failed{service.id});
  announce(notice::StartLimitHit{service.id, spec.start_limit_burst, spec.start_limit_interval});
}

void Supervisor::clear_group(Service& service, const state::Clearing& clearing) {
  actions_.push_back(SendSignal{service.id, Target::Group, kTerminate});
  actions_.push_back(SendSignal{service.id, Target::Group, kContinue});
  actions_.push_back(WatchGroup{service.id});
  enter(service, clearing);
}

void Supervisor::on(const GroupEmptied& event) {
  Service& service = at(event.service);
  const auto* clearing = std::get_if<state::Clearing>(&service.state);
  if (!clearing) return broken_invariant("a process group that nobody watches");
  take_ending(service, clearing->ending, clearing->retry_at);
}

void Supervisor::take_ending(Service& service, Ending ending, Time retry_at) {
  if (ending == Ending::Restart && service.wanted == Wanted::Down) ending = Ending::Stopped;
  switch (ending) {
    case Ending::Done: return enter(service, state::Done{});
    case Ending::Failed: return enter(service, state::Failed{});
    case Ending::Restart: return enter(service, state::Backoff{retry_at});
    case Ending::Stopped: break;
  }
  announce(notice::Stopped{service.id});
  enter(service, state::Stopped{});
}

void Supervisor::ended_for_good(Service& service, Ending ending) {
  const config::Service& spec = service.plan->spec;
  service.wanted = Wanted::Down;
  service.failed_for_good = ending == Ending::Failed;
  settle(service);
  switch (service.plan->role) {
    case Role::Service: break;
    case Role::MainCommand: return begin_shutdown({notice::StopCause::MainCommandEnded, service.id}, std::nullopt);
    case Role::BootHook:
      if (ending == Ending::Failed) begin_shutdown({notice::StopCause::HookFailed, service.id}, std::nullopt);
      return;
    case Role::StopHook: return;
  }
  if (ending == Ending::Done && spec.type == config::ServiceType::Oneshot) announce(notice::Done{service.id});
  if (ending == Ending::Failed && !first_failure_) first_failure_ = failure_code(service);
  const config::EndAction action = ending == Ending::Done ? spec.on_success : spec.on_failure;
  if (action == config::EndAction::Shutdown)
    begin_shutdown({notice::StopCause::ServiceEnded, service.id}, std::nullopt);
}

int Supervisor::failure_code(const Service& service) const {
  const int code = service.code.value_or(exit_code::kBootFailed);
  return code == 0 ? exit_code::kBootFailed : code;
}

// ---- Stopping one service

void Supervisor::stop(Service& service, Signal signal, Target target) {
  service.wanted = Wanted::Down;
  std::visit(
      Overloaded{
          [&](OneOf<state::Waiting, state::Backoff> auto) { enter(service, state::Stopped{}); },
          [&](OneOf<state::Starting, state::Running> auto) { send_stop_signal(service, signal, target); },
          // Both look at `wanted` when they are over.
          [&](OneOf<state::Launching, state::Clearing> auto) {},
          // Being stopped already, or ended.
          [&](OneOf<state::Stopping, state::Killing, state::Idle, state::Done, state::Failed, state::Stopped> auto) {},
      },
      State(service.state));
}

void Supervisor::send_stop_signal(Service& service, Signal signal, Target target) {
  announce(notice::Stopping{service.id, signal});
  actions_.push_back(SendSignal{service.id, target, signal});
  // A main command counts its signals; it gets this one only when it needs it.
  if (service.plan->role != Role::MainCommand || main_suspended_) {
    actions_.push_back(SendSignal{service.id, target, kContinue});
  }
  enter(service, state::Stopping{signal, now_, kill_time(service)});
}

SendSignal::Target Supervisor::stop_target(const Service& service) const {
  return service.plan->spec.kill_mode == config::KillMode::Group ? Target::Group : Target::MainProcess;
}

// When SIGKILL follows a stop that begins now. The end of the whole stop's budget has its own deadline.
Time Supervisor::kill_time(const Service& service) const {
  if (service.plan->spec.stop_timeout) return later(now_, *service.plan->spec.stop_timeout);
  return shutdown_ || service.plan->role == Role::MainCommand ? kNever : later(now_, plan_.stop.total);
}

void Supervisor::kill(Service& service) {
  const auto* stopping = std::get_if<state::Stopping>(&service.state);
  const Signal sent = stopping ? stopping->sent : kTerminate;
  const Time since = stopping ? stopping->since : now_;
  announce(notice::Killing{service.id, sent, now_ - since, true});
  const bool alone = service.plan->spec.kill_mode == config::KillMode::Process;
  actions_.push_back(SendSignal{service.id, alone ? Target::MainProcess : Target::Group, kKill});
  enter(service, state::Killing{});
}

void Supervisor::kill_rest(Service& service, state::Clearing clearing) {
  announce(notice::Killing{service.id, kTerminate, now_ - clearing.since, false});
  actions_.push_back(SendSignal{service.id, Target::Group, kKill});
  clearing.kill_at = kNever;
  clearing.killed = true;
  enter(service, clearing);
}

void Supervisor::on(const DeadlineReached&) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_) deadline_passed(at(deadlines_.begin()->second));
}

void Supervisor::deadline_passed(Service& service) {
  std::visit(Overloaded{
                 [&](state::Starting) { time_out(service); },
                 [&](state::Backoff) { start(service); },
                 [&](state::Stopping) { kill(service); },
                 [&](state::Clearing clearing) { kill_rest(service, clearing); },
                 // These have no deadline, so none of them is in deadlines_.
                 [&](OneOf<state::Idle, state::Waiting, state::Launching, state::Running, state::Killing, state::Done,
                           state::Failed, state::Stopped> auto) {},
             },
             State(service.state));
}

void Supervisor::time_out(Service& service) {
  announce(notice::TimedOut{service.id, now_ - service.started_at});
  service.timed_out = true;
  send_stop_signal(service, service.plan->spec.stop_signal, stop_target(service));
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
  actions_.push_back(SendSignal{main, Target::MainProcess, signal});
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
