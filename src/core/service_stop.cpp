// How one service is stopped: its commands, its signal, its time.
#include <algorithm>

#include "base/overloaded.hpp"
#include "core/service_steps.hpp"

namespace cinit::core {
namespace {

using Target = SendSignal::Target;

SendSignal::Target stop_target(const Step& step) {
  return step.spec().kill_mode == config::KillMode::Group ? Target::Group : Target::MainProcess;
}

void send_signal(Step& step, Signal signal, Target target, Time kill_at, Fault fault) {
  end_task(step);
  step.announce(notice::Stopping{step.service.id, signal});
  step.act(SendSignal{step.service.id, target, signal});
  // A process that is stopped by job control could not take its signal, nor end with the others. A main command counts
  // its signals; it gets SIGCONT only when it needs it.
  const PlannedService& plan = *step.service.plan;
  const bool is_continued = plan.policy.delivers_continue && target == Target::MainProcess;
  if (plan.role != Role::MainCommand && !is_continued) step.act(SendSignal{step.service.id, Target::Group, kContinue});
  step.enter(state::Stopping{signal, step.now, kill_at, fault});
}

void terminate_group(Step& step, Time kill_at, Fault fault) {
  send_signal(step, kTerminate, Target::Group, kill_at, fault);
}

// The pre-stop commands have half of the service's time, so that it can be asked to end itself. A logger that is not to
// come back has the same time to read what is in its pipe, and ends by itself.
void begin_pre_stop(Step& step, const told::Stop& limits, Fault fault) {
  const Time kill_at = kill_time(step);
  if (step.spec().pre_stop.empty() && !limits.by_input) return ask_to_end(step, kill_at, fault);
  Time limit = kill_at == kNever ? later(step.now, step.service.stop_times.budget) : kill_at;
  if (ends_with_all(step.service.wanted)) limit = std::min(kill_at, std::max(step.now, limits.commands_by));
  step.enter(state::PreStop{step.now, step.now + (limit - step.now) / 2, kill_at, fault});
  if (!limits.by_input) return run_task(step, Task::PreStop, 0);
  step.announce(notice::Stopping{step.service.id, notice::Stopping::ByInput{}});
  close_input(step.service, step.now, step.actions);
}

void skip_down_command(Step& step) {
  if (needs_down_command(step.service)) step.enter(state::Stopped{});
}

void run_down_command(Step& step) {
  if (!needs_down_command(step.service)) return;
  if (step.service.wanted == Wanted::DownAtOnce) return skip_down_command(step);
  step.announce(notice::Stopping{step.service.id, notice::Stopping::ByDownCommand{}});
  step.enter(state::PostStop{Ending::Stopped, kNever, step.now, kill_time(step)});
  run_task(step, Task::Down, 0);
}

void begin_stop(Step& step, const told::Stop& limits, Fault fault) {
  match(Overloaded{
            [&](OneOf<state::Waiting, state::Backoff> auto) {
              step.enter(state::Stopped{});
              step.news.settled = true;
            },
            [&](const state::PreStart& pre_start) { ask_pre_start_to_end(step, pre_start); },
            [&](const state::Running&) { begin_pre_stop(step, limits, fault); },
            // It was not up: there is nothing that its commands could take leave of. A oneshot never is, and is in the
            // middle of its work.
            [&](const OneOf<state::Starting, state::PostStart> auto&) {
              const bool is_oneshot = step.spec().type == config::ServiceType::Oneshot;
              is_oneshot ? ask_to_end(step, kill_time(step), fault) : send_stop_signal(step, kill_time(step), fault);
            },
            // Its program gets the stop signal, when it begins.
            [&](const state::Launching& launching) {
              const Time limit = std::min(later(step.now, kLaunchTimeoutOfStop), kill_time(step));
              step.enter(state::Launching{launching.give_up_at, std::min(launching.stop_by, limit)});
            },
            // They look at `wanted` when they are over.
            [](const state::StoppingRest&) {},
            [&](state::PostStop post_stop) {
              if (!ends_with_all(step.service.wanted) || !step.service.plan->policy.post_stop_time) return;
              post_stop.kill_at = std::min(post_stop.kill_at, kill_time(step));
              step.enter(post_stop);
            },
            [&](const state::Done&) { run_down_command(step); },
            // Being stopped already, or ended.
            [](const OneOf<state::PreStop, state::Stopping, state::Killing, state::Idle, state::Failed,
                           state::Stopped> auto&) {},
        },
        State(step.service.state));
}

// Its main process has ended, and the rest of its group has not.
void kill_rest(Step& step, state::StoppingRest clearing) {
  end_task(step);
  clearing.task.reset();
  // Only its stop command was still there.
  if (clearing.emptied) return clearing_is_over(step, clearing);
  step.announce(notice::Killing{step.service.id, kTerminate, step.now - clearing.since, false});
  step.act(SendSignal{step.service.id, Target::Group, kKill});
  clearing.kill_at = later(step.now, kAbandonTime);
  clearing.killed = true;
  step.enter(clearing);
}

// A process with rights of its own (a set-user-id program), or one that the kernel does not let end, must not keep the
// service from being started again.
void abandon_rest(Step& step, const state::StoppingRest& clearing) {
  step.announce(notice::Undying{step.service.id, step.now - clearing.since, false});
  step.act(ForgetGroup{step.service.id});
  clearing_is_over(step, clearing);
}

}  // namespace

void close_input(Service& service, Time now, Actions& actions) {
  if (service.input_closed_at) return;
  service.input_closed_at = now;
  actions.push_back(CloseInput{service.id});
}

// What it has done is there as long as it is not taken back.
bool needs_down_command(const Service& service) {
  return service.plan->spec.undo && std::holds_alternative<state::Done>(service.state);
}

void begin_stop(Step& step, const told::Stop& limits) { begin_stop(step, limits, fault_of(step.service.state)); }

// What follows is up to its restart policy.
void stop_for_failure(Step& step) { begin_stop(step, {step.service.wanted}, Fault::OwnFailure); }

void time_out(Step& step, const std::string& detail) {
  step.announce(notice::TimedOut{step.service.id, step.now - step.service.begun_at, detail});
  stop_for_failure(step);
}

void ask_to_end(Step& step, Time kill_at, Fault fault) {
  if (!step.spec().stop_command || step.service.wanted == Wanted::DownAtOnce) {
    return send_stop_signal(step, kill_at, fault);
  }
  step.announce(notice::Stopping{step.service.id, notice::Stopping::ByCommand{}});
  // A process that is stopped by job control could not take part.
  step.act(SendSignal{step.service.id, Target::Group, kContinue});
  step.enter(state::Stopping{std::nullopt, step.now, kill_at, fault});
  run_task(step, Task::StopCommand, 0);
}

void send_stop_signal(Step& step, Time kill_at, Fault fault) {
  send_signal(step, step.spec().stop_signal, stop_target(step), kill_at, fault);
}

// When SIGKILL follows a stop that begins now. The end of the whole stop's budget has its own deadline.
Time kill_time(const Step& step) {
  const StopTimes& times = step.service.stop_times;
  const auto& time = ends_with_all(step.service.wanted) ? times.with_all : times.alone;
  return time ? later(step.now, *time) : kNever;
}

void send_kill(Step& step, std::optional<Signal> sent, Time since, Fault fault) {
  end_task(step);
  step.announce(notice::Killing{step.service.id, sent, step.now - since, true});
  const bool alone = step.spec().kill_mode == config::KillMode::Process;
  step.act(SendSignal{step.service.id, alone ? Target::MainProcess : Target::Group, kKill});
  step.enter(state::Killing{step.now, later(step.now, kAbandonTime), fault});
}

void clearing_overdue(Step& step, const state::StoppingRest& clearing) {
  clearing.killed && !clearing.emptied ? abandon_rest(step, clearing) : kill_rest(step, clearing);
}

// What is wanted for the end of the container does not change any more, but for the worse.
void Step::on(const told::Stop& event) {
  if (!ends_with_all(service.wanted) || event.wanted > service.wanted) service.wanted = event.wanted;
  begin_stop(*this, event);
}

void Step::on(const told::EndBegun&) {
  if (!ends_with_all(service.wanted)) service.wanted = Wanted::DownInTurn;
  match(Overloaded{
            [&](const OneOf<state::Waiting, state::Backoff> auto&) { enter(state::Stopped{}); },
            // Its turn will come, or it has ended.
            [](const OneOf<state::Idle, state::PreStart, state::Launching, state::Starting, state::PostStart,
                           state::Running, state::PreStop, state::Stopping, state::Killing, state::StoppingRest,
                           state::PostStop, state::Done, state::Failed, state::Stopped> auto&) {},
        },
        State(service.state));
}

// Whatever it was about to do first is given up.
void Step::on(const told::Urged&) {
  service.wanted = Wanted::DownAtOnce;
  const Fault fault = fault_of(service.state);
  match(Overloaded{
            [&](const OneOf<state::Waiting, state::Backoff> auto&) { enter(state::Stopped{}); },
            [&](const state::PreStart& pre_start) {
              if (!pre_start.asked) return ask_pre_start_to_end(*this, pre_start);
              act(SignalTask{service.id, kTerminate});
            },
            [&](const state::Launching&) { cancel_launch(*this); },
            [&](const OneOf<state::Starting, state::PostStart, state::Running> auto&) {
              terminate_group(*this, kill_time(*this), fault);
            },
            [&](const state::PreStop& pre_stop) { terminate_group(*this, pre_stop.kill_at, fault); },
            [&](const state::Stopping& stopping) {
              end_task(*this);
              act(SendSignal{service.id, Target::Group, kTerminate});
              if (!stopping.sent) enter(state::Stopping{kTerminate, stopping.since, stopping.kill_at, fault});
            },
            [&](const state::Killing&) {
              act(SendSignal{service.id, Target::Group, kTerminate});
            },
            [&](const state::StoppingRest& clearing) {
              end_task(*this);
              if (clearing.emptied) return clearing_is_over(*this, clearing);
              act(SendSignal{service.id, Target::Group, kTerminate});
            },
            [&](const state::PostStop&) {
              act(SignalTask{service.id, kTerminate});
              act(SignalTask{service.id, kContinue});
            },
            [&](const state::Done&) { skip_down_command(*this); },
            [](const OneOf<state::Idle, state::Failed, state::Stopped> auto&) {},
        },
        State(service.state));
}

// A hook after the stop was not asked to end before: HookEnded follows.
void Step::on(const told::Killed&) {
  if (!is_up(service.wanted)) service.wanted = Wanted::DownAtOnce;
  match(Overloaded{
            [&](const state::PreStart&) {
              end_task(*this);
              attempt_failed(*this);
            },
            [&](const state::Launching&) { cancel_launch(*this); },
            [&](const state::PreStop& pre_stop) { send_kill(*this, std::nullopt, pre_stop.since, pre_stop.fault); },
            [&](const state::Stopping& stopping) { send_kill(*this, stopping.sent, stopping.since, stopping.fault); },
            [&](const state::StoppingRest& clearing) {
              if (!clearing.killed) kill_rest(*this, clearing);
            },
            [&](const state::PostStop& post_stop) {
              end_task(*this);
              take_ending(*this, post_stop.ending, post_stop.retry_at);
            },
            [&](const state::Done&) { skip_down_command(*this); },
            // They were all asked to end before.
            [](const OneOf<state::Idle, state::Waiting, state::Starting, state::PostStart, state::Running,
                           state::Backoff, state::Killing, state::Failed, state::Stopped> auto&) {},
        },
        State(service.state));
}

// The SIGKILL to everything is all that it gets.
void Step::on(const told::HookEnded&) {
  let_down(*this);
  match(Overloaded{
            [&](const state::Starting&) {
              enter(state::Killing{now, kNever});
            },
            [&](const state::Backoff&) { enter(state::Stopped{}); },
            [](const OneOf<state::Idle, state::Waiting, state::PreStart, state::Launching, state::PostStart,
                           state::Running, state::PreStop, state::Stopping, state::Killing, state::StoppingRest,
                           state::PostStop, state::Done, state::Failed, state::Stopped> auto&) {},
        },
        State(service.state));
}

}  // namespace cinit::core
