// The commands that run beside a main process: before and after a start and a stop.
#include "base/exit_code.hpp"
#include "base/overloaded.hpp"
#include "core/service_steps.hpp"

namespace cinit::core {
namespace {

std::size_t count_of(const config::Service& spec, Task task) {
  switch (task) {
    case Task::PreStart: return spec.pre_start.size();
    case Task::PostStart: return spec.post_start.size();
    case Task::PreStop: return spec.pre_stop.size();
    case Task::PostStop: return spec.post_stop.size();
    case Task::Down: return spec.undo ? 1 : 0;
    case Task::StopCommand: break;
  }
  return spec.stop_command ? 1 : 0;
}

// The command has ended that a state was about.
struct EndedTask {
  RunningTask task;
  const TaskEnded& event;

  const StartFailure* failure() const { return std::get_if<StartFailure>(&event.result); }
  int code() const {
    return match(Overloaded{
                     [](WaitStatus status) { return status.shell_code(); },
                     [](const StartFailure& failure) { return failure.exit_code(); },
                 },
                 event.result);
  }
};

// A script that is there says nothing by its exit code.
void announce_failure(Step& step, const EndedTask& ended) {
  if (ended.event.succeeded() || (step.service.plan->policy.ignores_exit_codes && !ended.failure())) return;
  step.announce(notice::TaskFailed{step.service.id, ended.task.task, ended.task.index, ended.event.result});
}

bool has_failed(const Step& step, const EndedTask& ended) {
  return !ended.event.succeeded() && !step.service.plan->policy.ignores_exit_codes;
}

// False: it was the last one.
bool run_next(Step& step, const EndedTask& ended) {
  const std::size_t next = ended.task.index + 1;
  if (next >= count_of(step.spec(), ended.task.task)) return false;
  run_task(step, ended.task.task, next);
  return true;
}

// No other command follows when the service is not to come up any more.
void task_ended(Step& step, const state::PreStart& pre_start, const EndedTask& ended) {
  const bool is_last = pre_start.asked || !is_up(step.service.wanted);
  const bool has_not_begun = ended.task.index == 0;
  const StartFailure* const failure = ended.failure();
  if (failure && failure->transient && (has_not_begun || !is_last)) return postpone(step, *failure, !has_not_begun);
  // What a command says that was told to end is no news.
  if (!pre_start.asked) announce_failure(step, ended);
  if (is_last) return attempt_failed(step);
  if (has_failed(step, ended)) return attempt_failed(step, ended.code());
  if (!run_next(step, ended)) launch(step);
}

void task_ended(Step& step, const state::PostStart&, const EndedTask& ended) {
  const bool is_last = !is_up(step.service.wanted);
  announce_failure(step, ended);
  if (!is_last && has_failed(step, ended)) return stop_for_failure(step);
  if (is_last || !run_next(step, ended)) is_up(step);
}

void task_ended(Step& step, const state::PreStop& pre_stop, const EndedTask& ended) {
  announce_failure(step, ended);
  if (!run_next(step, ended)) ask_to_end(step, pre_stop.kill_at, pre_stop.fault);
}

// The signal does what the stop command could not.
void task_ended(Step& step, const state::Stopping& stopping, const EndedTask& ended) {
  announce_failure(step, ended);
  if (has_failed(step, ended)) send_stop_signal(step, stopping.kill_at, stopping.fault);
}

void task_ended(Step& step, const state::StoppingRest& clearing, const EndedTask& ended) {
  announce_failure(step, ended);
  if (clearing.emptied) clearing_is_over(step, clearing);
}

// s6-supervise(8): a ./finish can say that its service is not to be started again.
bool gives_up(const Step& step, const state::PostStop& post_stop, const EndedTask& ended) {
  const auto& code = step.service.plan->policy.give_up_code;
  const auto* status = std::get_if<WaitStatus>(&ended.event.result);
  return code && status && *status == WaitStatus::exited(*code) && ended.task.task == Task::PostStop &&
         post_stop.ending == Ending::Restart && is_up(step.service.wanted) && !is_again(step.service.wanted);
}

void task_ended(Step& step, const state::PostStop& post_stop, const EndedTask& ended) {
  const bool hurries = step.service.wanted == Wanted::DownAtOnce;
  if (!hurries) announce_failure(step, ended);
  if (gives_up(step, post_stop, ended)) {
    step.announce(notice::GivenUp{step.service.id});
    let_down(step);
    step.enter(state::Failed{});
    return ended_for_good(step, Ending::Failed);
  }
  if (hurries || !run_next(step, ended)) take_ending(step, post_stop.ending, post_stop.retry_at);
}

}  // namespace

void run_task(Step& step, Task task, std::size_t index) {
  Service& service = step.service;
  const RunningTask running{task, index, ++service.task_number};
  if (std::optional<RunningTask>* const place = task_of(service.state)) *place = running;
  step.act(RunTask{service.id, task, index, running.number, service.end_of_attempt});
}

void end_task(Step& step) {
  std::optional<RunningTask>* const task = task_of(step.service.state);
  if (!task || !*task) return;
  task->reset();
  step.act(EndTask{step.service.id});
}

// One that was given up may be told all the same: EndTask came too late.
void Step::on(const TaskEnded& event) {
  std::optional<RunningTask>* const running = task_of(service.state);
  if (!running || !*running || (*running)->number != event.number) return;
  const EndedTask ended{**running, event};
  running->reset();
  match(Overloaded{
            [&](const OneOf<state::PreStart, state::PostStart, state::PreStop, state::Stopping, state::StoppingRest,
                            state::PostStop> auto& state) { task_ended(*this, state, ended); },
            // They have no place for a command.
            [](const OneOf<state::Idle, state::Waiting, state::Launching, state::Starting, state::Running,
                           state::Backoff, state::Killing, state::Done, state::Failed, state::Stopped> auto&) {},
        },
        State(service.state));
}

// An attempt to start it has ended before there was a main process. Without a code it has taken too long, or was not to
// go on.
void attempt_failed(Step& step, std::optional<int> code) {
  const Verdict verdict = judge(step, true);
  const bool is_final = verdict.ending == Ending::Failed;
  if (code || verdict.restart || is_final) step.service.code = code.value_or(exit_code::kBootFailed);
  if (verdict.restart) step.announce(notice::Restarting{step.service.id, *verdict.restart});
  if (is_final) {
    announce_failure(step);
    let_down(step);
  }
  conclude(step, verdict.ending, verdict.retry_at, kill_time(step));
  if (is_final) ended_for_good(step, Ending::Failed);
}

void ask_pre_start_to_end(Step& step, const state::PreStart& pre_start) {
  if (pre_start.asked) return;
  step.act(SignalTask{step.service.id, kTerminate});
  step.act(SignalTask{step.service.id, kContinue});
  step.enter(state::PreStart{pre_start.since, kill_time(step), true, pre_start.task});
}

void pre_start_overdue(Step& step, const state::PreStart& pre_start) {
  step.announce(notice::TaskTimedOut{step.service.id, Task::PreStart, step.now - pre_start.since});
  if (!pre_start.asked) return ask_pre_start_to_end(step, pre_start);
  end_task(step);
  attempt_failed(step);
}

void pre_stop_overdue(Step& step, const state::PreStop& pre_stop) {
  step.announce(notice::TaskTimedOut{step.service.id, Task::PreStop, step.now - pre_stop.since});
  end_task(step);
  ask_to_end(step, pre_stop.kill_at, pre_stop.fault);
}

void post_stop_overdue(Step& step, const state::PostStop& post_stop) {
  const Service& service = step.service;
  if (ends_with_all(service.wanted) && service.plan->policy.asks_post_stop && !post_stop.asked) {
    state::PostStop asked = post_stop;
    asked.kill_at = later(step.now, service.stop_times.last_chance);
    asked.asked = true;
    step.enter(asked);
    step.act(SignalTask{service.id, kTerminate});
    return step.act(SignalTask{service.id, kContinue});
  }
  step.announce(notice::TaskTimedOut{step.service.id, Task::PostStop, step.now - post_stop.since});
  end_task(step);
  take_ending(step, post_stop.ending, post_stop.retry_at);
}

}  // namespace cinit::core
