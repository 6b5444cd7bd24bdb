// The part of the supervisor that is about the end of one service: by itself, or because it is stopped.
#include <algorithm>

#include "base/exit_code.hpp"
#include "base/overloaded.hpp"
#include "core/supervisor.hpp"

namespace cinit::core {
namespace {

using Target = SendSignal::Target;

// States in which no process of the service exists, so that nothing can be told of one. Launching is not among them: its
// answer may be under way.
template <class S>
concept WithoutProcess =
    OneOf<S, state::Idle, state::Waiting, state::Backoff, state::Done, state::Failed, state::Stopped>;

// States in which the main process runs.
template <class S>
concept WithMainProcess = OneOf<S, state::Starting, state::Running, state::Stopping, state::Killing>;

}  // namespace

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

}  // namespace cinit::core
