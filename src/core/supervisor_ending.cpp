// The part of the supervisor that is about the end of one service: by itself, or because it is stopped.
#include <algorithm>

#include "base/exit_code.hpp"
#include "base/overloaded.hpp"
#include "core/supervisor.hpp"

namespace cinit::core {
namespace {

using Target = SendSignal::Target;

// States in which no main process exists, so that nothing can be told of one. Launching is not among them: its answer may
// be under way.
template <class S>
concept WithoutMainProcess =
    OneOf<S, state::Idle, state::Waiting, state::PreStart, state::Backoff, state::Done, state::Failed, state::Stopped>;

// States in which the main process runs.
template <class S>
concept WithMainProcess =
    OneOf<S, state::Starting, state::PostStart, state::Running, state::PreStop, state::Stopping, state::Killing>;

bool is_main_alive(const State& state) {
  return std::visit([]<class S>(const S&) { return WithMainProcess<S>; }, state);
}

bool was_asked_to_end(const State& state) {
  return std::holds_alternative<state::PreStop>(state) || std::holds_alternative<state::Stopping>(state) ||
         std::holds_alternative<state::Killing>(state);
}

// Whether cinit's signal has ended it.
bool is_own_doing(const State& before, Signal stop_signal, WaitStatus status) {
  if (!status.by_signal()) return false;
  const bool killed = std::holds_alternative<state::Killing>(before);
  const bool asked = killed || std::holds_alternative<state::Stopping>(before);
  return (killed && status.signal() == kKill) ||
         (asked && (status.signal() == stop_signal || status.signal() == kTerminate));
}

}  // namespace

void Supervisor::on(const Exited& event) {
  Service& service = at(event.service);
  std::visit(Overloaded{
                 [&](WithMainProcess auto) { main_process_ended(service, event); },
                 [&](state::Launching) { broken_invariant("a process ended before it was known to run"); },
                 [&](OneOf<state::Clearing, state::PostStop> auto) { broken_invariant("a main process ended twice"); },
                 [&](WithoutMainProcess auto) { broken_invariant("a process ended that did not exist"); },
             },
             State(service.state));
}

void Supervisor::main_process_ended(Service& service, const Exited& event) {
  const Duration ran = now_ - service.started_at;
  const State before = service.state;
  const bool killed = std::holds_alternative<state::Killing>(before);
  // The code that a signal of cinit makes of a failure says nothing.
  const bool has_failed = service.condemned || service.failed_for_good;
  const bool says_nothing = has_failed && is_own_doing(before, service.plan->spec.stop_signal, event.status);
  service.code = says_nothing ? exit_code::kBootFailed : event.status.shell_code();
  service.last_end = event.status;
  service.end_of_attempt = event.status;
  // It may have ended by itself before the SIGKILL reached it.
  const bool by_sigkill = killed && event.status == WaitStatus::signaled(kKill);
  if (shutdown_ && by_sigkill && !is_hook(service.plan->role)) needed_kill_ = true;
  if (ran >= service.plan->spec.restart_max_delay) service.delays.reset();
  // Its stop command may go on: it is what has ended the process, and is about to end, too.
  if (service.task != Task::StopCommand) end_task(service);

  const bool success = succeeded(service, event.status);
  const bool too_early =
      std::holds_alternative<state::Starting>(before) && service.plan->spec.type != config::ServiceType::Oneshot;
  // One that has never got ready has failed to start.
  if (too_early) service.condemned = true;
  const bool expected = was_asked_to_end(before) || (success && !too_early);
  notice::Exited exited{service.id, event.status, ran, expected, std::nullopt, too_early};
  const auto [ending, retry_at] = verdict(service, success, exited.restart);
  announce(exited);
  if (ending == Ending::Failed) announce_failure(service);
  if (ending == Ending::Done || ending == Ending::Failed) service.wanted = Wanted::Down;
  leave_group(service, before, ending, retry_at);
  if (ending == Ending::Done || ending == Ending::Failed) ended_for_good(service, ending);
}

// What a finished oneshot leaves in the background is what it was run for. What hooks and a main command leave is for the
// sweep.
void Supervisor::leave_group(Service& service, const State& before, Ending ending, Time retry_at) {
  const bool killed = std::holds_alternative<state::Killing>(before);
  const auto* stopping = std::get_if<state::Stopping>(&before);
  const auto* pre_stop = std::get_if<state::PreStop>(&before);
  const Time kill_at = stopping ? stopping->kill_at : pre_stop ? pre_stop->kill_at : kill_time(service);
  const bool keeps_group = service.plan->spec.kill_mode == config::KillMode::Process ||
                           service.plan->role != Role::Service ||
                           (ending == Ending::Done && service.plan->spec.type == config::ServiceType::Oneshot);
  const Time next = killed ? later(now_, kAbandonTime) : kill_at;
  if (!keeps_group) return clear_group(service, {ending, retry_at, now_, next, killed});
  if (service.task) {
    enter(service, state::Clearing{ending, retry_at, now_, kill_at, killed, true});
  } else {
    conclude(service, ending, retry_at, kill_at);
  }
  // What it leaves belongs to no service from now on.
  if (std::holds_alternative<phase::Sweeping>(phase_)) actions_.push_back(Sweep{});
}

bool Supervisor::succeeded(const Service& service, WaitStatus status) const {
  const config::SuccessExitStatus& success = service.plan->spec.success_exit_status;
  if (status.by_signal()) {
    return std::find(success.signals.begin(), success.signals.end(), status.signal()) != success.signals.end();
  }
  return std::find(success.codes.begin(), success.codes.end(), status.code()) != success.codes.end();
}

// How the end of an attempt is to be taken, and when the next one is due.
std::pair<Ending, Time> Supervisor::verdict(Service& service, bool success, std::optional<notice::Restart>& restart) {
  if (service.wanted == Wanted::Down) return {Ending::Stopped, kNever};
  if (service.restart_asked) return {Ending::Restart, now_};
  if (service.once) {
    service.wanted = Wanted::Down;
    return {Ending::Stopped, kNever};
  }
  const config::RestartPolicy policy = service.plan->spec.restart;
  const bool failed = !success || service.condemned;
  const bool again = policy == config::RestartPolicy::Always || (policy == config::RestartPolicy::OnFailure && failed);
  if (again) return plan_restart(service, restart);
  return {failed ? Ending::Failed : Ending::Done, kNever};
}

std::pair<Ending, Time> Supervisor::plan_restart(Service& service, std::optional<notice::Restart>& restart) {
  if (service.plan->spec.directory) {
    const Time next = std::max(now_, later(service.begun_at, kDirectoryRestartInterval));
    restart = {next - now_, 0, 0};
    return {Ending::Restart, next};
  }
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
  const auto* watched = std::get_if<state::Clearing>(&service.state);
  if (!watched) return broken_invariant("a process group that nobody watches");
  state::Clearing clearing = *watched;
  clearing.emptied = true;
  enter(service, clearing);
  if (!service.task) clearing_is_over(service, clearing);
}

// One that has used up its time gets the same again for its post-stop commands.
void Supervisor::clearing_is_over(Service& service, const state::Clearing& clearing) {
  const bool used_up = clearing.killed || clearing.kill_at <= now_;
  conclude(service, clearing.ending, clearing.retry_at, used_up ? kill_time(service) : clearing.kill_at);
}

// Nothing is left of it.
void Supervisor::conclude(Service& service, Ending ending, Time retry_at, Time kill_at) {
  end_task(service);
  if (service.plan->spec.post_stop.empty() || hurries()) return take_ending(service, ending, retry_at);
  enter(service, state::PostStop{ending, retry_at, now_, post_stop_limit(service, kill_at)});
  run_task(service, Task::PostStop, 0);
}

// A ./finish has its own time, which is all that there is unless everything is stopped.
Time Supervisor::post_stop_limit(const Service& service, Time kill_at) const {
  const auto& directory = service.plan->spec.directory;
  if (!directory) return kill_at;
  const Time own = directory->finish_timeout ? later(now_, *directory->finish_timeout) : kNever;
  return shutdown_ ? std::min(own, kill_at) : own;
}

void Supervisor::take_ending(Service& service, Ending ending, Time retry_at) {
  if (ending == Ending::Restart && service.wanted == Wanted::Down) ending = Ending::Stopped;
  // It has been asked for again since.
  const bool asked_for = ending != Ending::Restart || service.restart_asked;
  if (asked_for && service.wanted == Wanted::Up) {
    // Not before its last process is reaped, which is after the answer to its end.
    return is_main_alive(service.state) ? enter(service, state::Backoff{now_}) : start_anew(service);
  }
  switch (ending) {
    case Ending::Done:
      enter(service, state::Done{});
      // The turn of its tier may have come meanwhile.
      if (shutdown_ && is_to_stop(service)) begin_stop(service);
      return;
    case Ending::Failed: return enter(service, state::Failed{});
    case Ending::Restart: return enter(service, state::Backoff{retry_at});
    case Ending::Stopped: break;
  }
  announce(notice::Stopped{service.id});
  enter(service, state::Stopped{});
  settle(service);
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
      if (ending == Ending::Failed && !service.plan->may_fail)
        begin_shutdown({notice::StopCause::HookFailed, service.id}, std::nullopt);
      return;
    case Role::StopHook: stop_hook_failed_ = stop_hook_failed_ || ending == Ending::Failed; return;
  }
  if (ending == Ending::Done && spec.type == config::ServiceType::Oneshot) announce(notice::Done{service.id});
  if (ending == Ending::Failed) failed_.push_back(service.id);
  const config::EndAction action = ending == Ending::Done ? spec.on_success : spec.on_failure;
  if (action == config::EndAction::Shutdown)
    begin_shutdown({notice::StopCause::ServiceEnded, service.id}, std::nullopt);
}

int Supervisor::failure_code(const Service& service) const {
  const int code = service.code.value_or(exit_code::kBootFailed);
  return code == 0 ? exit_code::kBootFailed : code;
}

}  // namespace cinit::core
