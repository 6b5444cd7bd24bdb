// The part of the supervisor that stops one service: its commands, its signal, its time.
#include <algorithm>

#include "base/overloaded.hpp"
#include "core/supervisor.hpp"

namespace cinit::core {
namespace {

using Target = SendSignal::Target;

}  // namespace

void Supervisor::stop(Service& service) {
  service.wanted = Wanted::Down;
  begin_stop(service);
}

void Supervisor::begin_stop(Service& service) {
  const config::Service& spec = service.plan->spec;
  std::visit(
      Overloaded{
          [&](OneOf<state::Waiting, state::Backoff> auto) {
            enter(service, state::Stopped{});
            settle(service);
          },
          [&](state::PreStart) { ask_pre_start_to_end(service); },
          [&](state::Running) { begin_pre_stop(service); },
          // It was not up: there is nothing that its commands could take leave of. A oneshot never is, and is in the
          // middle of its work.
          [&](OneOf<state::Starting, state::PostStart> auto) {
            if (spec.type == config::ServiceType::Oneshot) return ask_to_end(service, kill_time(service));
            send_stop_signal(service, spec.stop_signal, stop_target(service), kill_time(service));
          },
          // Its program gets the stop signal, when it begins.
          [&](state::Launching launching) {
            const Time limit = std::min(later(now_, kLaunchTimeoutOfStop), kill_time(service));
            enter(service, state::Launching{launching.give_up_at, std::min(launching.stop_by, limit)});
          },
          // These look at `wanted` when they are over.
          [&](OneOf<state::Clearing, state::PostStop> auto) {},
          [&](state::Done) {
            if (is_to_be_undone(service, service.state)) undo(service);
          },
          // Being stopped already, or ended.
          [&](OneOf<state::PreStop, state::Stopping, state::Killing, state::Idle, state::Failed, state::Stopped> auto) {
          },
      },
      State(service.state));
}

// The pre-stop commands have half of the service's time, so that it can be asked to end itself.
void Supervisor::begin_pre_stop(Service& service) {
  const Time kill_at = kill_time(service);
  const bool by_input = ends_with_its_input(service);
  if (service.plan->spec.pre_stop.empty() && !by_input) return ask_to_end(service, kill_at);
  Time limit = kill_at == kNever ? later(now_, plan_.stop.total) : kill_at;
  if (shutdown_) limit = std::min(kill_at, std::max(now_, shutdown_->sweep_at));
  enter(service, state::PreStop{now_, now_ + (limit - now_) / 2, kill_at});
  if (by_input) {
    announce(notice::Stopping{service.id, notice::Stopping::ByInput{}});
    close_input(service);
  } else {
    run_task(service, Task::PreStop, 0);
  }
}

// A logger that is not to come back reads what is in its pipe, and ends by itself.
bool Supervisor::ends_with_its_input(const Service& service) const {
  return !service.plan->producers.empty() && (shutdown_ || service.plan->retired) && !hurries();
}

void Supervisor::close_input(Service& service) {
  if (!std::exchange(service.input_closed, true)) actions_.push_back(CloseInput{service.id});
}

// What it has done is there as long as nobody has taken it back.
bool Supervisor::is_to_be_undone(const Service& service, const State& state) {
  return service.plan->spec.undo && std::holds_alternative<state::Done>(state);
}

void Supervisor::undo(Service& service) {
  if (hurries()) return forgo_undoing(service);
  announce(notice::Stopping{service.id, notice::Stopping::Undone{}});
  enter(service, state::PostStop{Ending::Stopped, kNever, now_, kill_time(service)});
  run_task(service, Task::Undo, 0);
}

void Supervisor::ask_to_end(Service& service, Time kill_at) {
  if (!service.plan->spec.stop_command || hurries()) {
    return send_stop_signal(service, service.plan->spec.stop_signal, stop_target(service), kill_at);
  }
  announce(notice::Stopping{service.id, notice::Stopping::ByCommand{}});
  // A process that is stopped by job control could not take part.
  actions_.push_back(SendSignal{service.id, Target::Group, kContinue});
  enter(service, state::Stopping{std::nullopt, now_, kill_at});
  run_task(service, Task::StopCommand, 0);
}

void Supervisor::send_stop_signal(Service& service, Signal signal, Target target, Time kill_at) {
  end_task(service);
  announce(notice::Stopping{service.id, signal});
  actions_.push_back(SendSignal{service.id, target, signal});
  // Whoever is stopped by job control could not take its signal, nor end with the others. A main command counts its signals;
  // it gets this one only when it needs it. A service directory has its own order of signals and scripts.
  const bool is_main = service.plan->role == Role::MainCommand;
  const bool has_scripts = service.plan->spec.directory && target == Target::MainProcess;
  if (!is_main && !has_scripts) actions_.push_back(SendSignal{service.id, Target::Group, kContinue});
  if (is_main && main_suspended_) actions_.push_back(SendSignal{service.id, target, kContinue});
  enter(service, state::Stopping{signal, now_, kill_at});
}

// It is stopped for a failure of its own, and what follows is up to its restart policy.
void Supervisor::stop_condemned(Service& service) {
  service.condemned = true;
  begin_stop(service);
}

SendSignal::Target Supervisor::stop_target(const Service& service) const {
  return service.plan->spec.kill_mode == config::KillMode::Group ? Target::Group : Target::MainProcess;
}

// When SIGKILL follows a stop that begins now. The end of the whole stop's budget has its own deadline.
Time Supervisor::kill_time(const Service& service) const {
  if (service.plan->spec.stop_timeout) return later(now_, *service.plan->spec.stop_timeout);
  const auto& of_directories = plan_.conduct.directory_stop_timeout;
  if (shutdown_ && service.plan->spec.directory && of_directories) return later(now_, *of_directories);
  const bool has_all_time = service.plan->role == Role::MainCommand || service.plan->spec.directory;
  return shutdown_ || has_all_time ? kNever : later(now_, plan_.stop.total);
}

void Supervisor::kill(Service& service) {
  const auto* stopping = std::get_if<state::Stopping>(&service.state);
  const auto* pre_stop = std::get_if<state::PreStop>(&service.state);
  const std::optional<Signal> sent = stopping ? stopping->sent : std::nullopt;
  const Time since = stopping ? stopping->since : pre_stop ? pre_stop->since : now_;
  end_task(service);
  announce(notice::Killing{service.id, sent, now_ - since, true});
  const bool alone = service.plan->spec.kill_mode == config::KillMode::Process;
  actions_.push_back(SendSignal{service.id, alone ? Target::MainProcess : Target::Group, kKill});
  enter(service, state::Killing{now_, later(now_, kAbandonTime)});
}

void Supervisor::kill_rest(Service& service, state::Clearing clearing) {
  end_task(service);
  // Only its stop command was still there.
  if (clearing.emptied) return clearing_is_over(service, clearing);
  announce(notice::Killing{service.id, kTerminate, now_ - clearing.since, false});
  actions_.push_back(SendSignal{service.id, Target::Group, kKill});
  clearing.kill_at = later(now_, kAbandonTime);
  clearing.killed = true;
  enter(service, clearing);
}

// A process with rights of its own (a set-user-id program), or one that the kernel does not let end, must not keep the service
// from being started again.
void Supervisor::abandon_rest(Service& service, const state::Clearing& clearing) {
  announce(notice::Undying{service.id, now_ - clearing.since, false});
  actions_.push_back(ForgetGroup{service.id});
  clearing_is_over(service, clearing);
}

void Supervisor::on(const DeadlineReached&) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
    deadline_passed(at(deadlines_.begin()->second));
    end_idle_consumers();  // none of them is to be started for a service that has just gone
  }
}

void Supervisor::deadline_passed(Service& service) {
  std::visit(Overloaded{
                 [&](state::PreStart pre_start) { pre_start_overdue(service, pre_start); },
                 [&](state::Launching) { launch_overdue(service); },
                 [&](const state::Starting& starting) {
                   if (now_ >= starting.give_up_at) return time_out(service, service.probe_detail);
                   probe_due(service, starting.probe);
                 },
                 [&](state::PostStart) { time_out(service, "its post-start commands have not ended"); },
                 [&](const state::Running& running) { probe_due(service, running.probe); },
                 [&](state::Backoff) { service.restart_asked ? start_anew(service) : start(service); },
                 [&](state::PreStop pre_stop) { pre_stop_overdue(service, pre_stop); },
                 [&](const state::Stopping&) { kill(service); },
                 [&](state::Killing killing) {
                   announce(notice::Undying{service.id, now_ - killing.since, true});
                   enter(service, state::Killing{killing.since, kNever});
                 },
                 [&](state::Clearing clearing) {
                   clearing.killed && !clearing.emptied ? abandon_rest(service, clearing)
                                                        : kill_rest(service, clearing);
                 },
                 [&](state::PostStop post_stop) { post_stop_overdue(service, post_stop); },
                 // These have no deadline, so none of them is in deadlines_.
                 [&](OneOf<state::Idle, state::Waiting, state::Done, state::Failed, state::Stopped> auto) {},
             },
             State(service.state));
}

void Supervisor::time_out(Service& service, const std::string& detail) {
  announce(notice::TimedOut{service.id, now_ - service.begun_at, detail});
  stop_condemned(service);
}

}  // namespace cinit::core
