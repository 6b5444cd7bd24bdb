// The end of a service: by itself, or because it is stopped.
#include <algorithm>

#include "base/exit_code.hpp"
#include "base/overloaded.hpp"
#include "core/service_steps.hpp"

namespace cinit::core {
namespace {

using Target = SendSignal::Target;

bool succeeded(const config::SuccessExitStatus& success, WaitStatus status) {
  if (status.by_signal()) {
    return std::find(success.signals.begin(), success.signals.end(), status.signal()) != success.signals.end();
  }
  return std::find(success.codes.begin(), success.codes.end(), status.code()) != success.codes.end();
}

// The state in which its main process ended, as far as that matters.
struct Before {
  bool killed = false;               // it had got SIGKILL
  bool signalled = false;            // or its stop signal
  bool asked = false;                // it was to end
  std::optional<Time> kill_at = {};  // its stop had begun
  std::optional<RunningTask> command =
      {};  // its stop command goes on: it is what has ended the process, and is about to end
  bool was_ready = true;
};

Before before(const state::Starting&) { return {.was_ready = false}; }
Before before(const OneOf<state::PostStart, state::Running> auto&) { return {}; }
Before before(const state::PreStop& pre_stop) { return {.asked = true, .kill_at = pre_stop.kill_at}; }
Before before(const state::Stopping& stopping) {
  return {.signalled = true, .asked = true, .kill_at = stopping.kill_at, .command = stopping.task};
}
Before before(const state::Killing&) { return {.killed = true, .signalled = true, .asked = true}; }

// Whether cinit's signal has ended it.
bool is_own_doing(const Before& before, Signal stop_signal, WaitStatus status) {
  if (!status.by_signal()) return false;
  return (before.killed && status.signal() == kKill) ||
         (before.signalled && (status.signal() == stop_signal || status.signal() == kTerminate));
}

// What a finished oneshot leaves in the background is what it was run for. What hooks and a main command leave is for
// the sweep.
bool keeps_group(const Step& step, Ending ending) {
  return step.spec().kill_mode == config::KillMode::Process || step.service.plan->role != Role::Service ||
         (ending == Ending::Done && step.spec().type == config::ServiceType::Oneshot);
}

void leave_group(Step& step, const Before& before, Ending ending, Time retry_at) {
  const Time kill_at = before.kill_at ? *before.kill_at : kill_time(step);
  if (!keeps_group(step, ending)) {
    step.act(SendSignal{step.service.id, Target::Group, kTerminate});
    step.act(SendSignal{step.service.id, Target::Group, kContinue});
    step.act(WatchGroup{step.service.id});
    const Time next = before.killed ? later(step.now, kAbandonTime) : kill_at;
    return step.enter(state::StoppingRest{ending, retry_at, step.now, next, before.killed, false, before.command});
  }
  if (!before.command) return conclude(step, ending, retry_at, kill_at);
  step.enter(state::StoppingRest{ending, retry_at, step.now, kill_at, before.killed, true, before.command});
}

void main_process_ended(Step& step, const Before& before, const Exited& event) {
  const WaitStatus status = event.status;
  Service& service = step.service;
  const config::Service& spec = step.spec();
  const Duration ran = step.now - service.started_at;
  const bool has_own_failure = fault_of(service.state) == Fault::OwnFailure;
  // The code that a signal of cinit makes of a failure says nothing.
  const bool says_nothing = has_own_failure && is_own_doing(before, spec.stop_signal, status);
  service.code = says_nothing ? exit_code::kBootFailed : status.shell_code();
  service.last_end = status;
  service.end_of_attempt = status;
  if (ran >= spec.restart_max_delay) service.delays.reset();
  if (!before.command) end_task(step);

  const bool success = succeeded(spec.success_exit_status, status);
  // One that has never got ready has failed to start.
  const bool too_early = !before.was_ready && spec.type != config::ServiceType::Oneshot;
  const bool expected = before.asked || (success && !too_early && event.went_on.empty());
  const bool went_on = success && !before.asked && !event.went_on.empty();
  // One that does so at once will do it again.
  const bool is_hopeless =
      went_on && is_up(service.wanted) && !is_again(service.wanted) && ran < spec.restart_max_delay;
  const bool failed = !success || has_own_failure || too_early || went_on;
  const Verdict verdict = is_hopeless ? Verdict{Ending::Failed} : judge(step, failed);
  const bool for_good = verdict.ending == Ending::Done || verdict.ending == Ending::Failed;
  step.announce(notice::Exited{service.id, status, ran, expected, verdict.restart, too_early});
  if (went_on) step.announce(notice::WentIntoBackground{service.id, event.went_on, is_hopeless});
  if (verdict.ending == Ending::Failed && !is_hopeless) announce_failure(step);
  if (for_good) let_down(step);
  leave_group(step, before, verdict.ending, verdict.retry_at);
  if (for_good) ended_for_good(step, verdict.ending);
}

Verdict plan_restart(Step& step) {
  Service& service = step.service;
  if (const auto& interval = service.plan->policy.restart_interval) {
    const Time next = std::max(step.now, later(service.begun_at, *interval));
    return {Ending::Restart, next, notice::Restart{next - step.now, 0, 0}};
  }
  const Duration delay = service.delays.next(step.random);
  const Time due = later(step.now, delay);
  if (!service.starts.allows(due)) return {Ending::Failed};
  return {Ending::Restart, due, notice::Restart{delay, service.starts.ordinal(due), step.spec().start_limit_burst}};
}

// Its post-stop commands may have a time of their own, which is all that there is unless everything is stopped.
Time post_stop_limit(const Step& step, Time kill_at) {
  const auto& time = step.service.plan->policy.post_stop_time;
  if (!time) return kill_at;
  const Time own = later(step.now, *time);
  return ends_with_all(step.service.wanted) ? std::min(own, kill_at) : own;
}

}  // namespace

void Step::on(const Exited& event) {
  match(
      Overloaded{
          [&](const OneOf<state::Starting, state::PostStart, state::Running, state::PreStop, state::Stopping,
                          state::Killing> auto& state) { main_process_ended(*this, before(state), event); },
          [&](const state::Launching&) { news.broken = "a process ended before it was known to run"; },
          [&](const OneOf<state::StoppingRest, state::PostStop> auto&) { news.broken = "a main process ended twice"; },
          [&](const OneOf<state::Idle, state::Waiting, state::PreStart, state::Backoff, state::Done, state::Failed,
                          state::Stopped> auto&) { news.broken = "a process ended that did not exist"; },
      },
      State(service.state));
}

void Step::on(const GroupEmptied&) {
  match(Overloaded{
            [&](state::StoppingRest clearing) {
              clearing.emptied = true;
              enter(clearing);
              if (!clearing.task) clearing_is_over(*this, clearing);
            },
            [&](const OneOf<state::Idle, state::Waiting, state::PreStart, state::Launching, state::Starting,
                            state::PostStart, state::Running, state::Backoff, state::PreStop, state::Stopping,
                            state::Killing, state::PostStop, state::Done, state::Failed, state::Stopped> auto&) {
              news.broken = "a process group that is not watched";
            },
        },
        State(service.state));
}

// How the end of an attempt is to be taken, and when the next one is due.
Verdict judge(Step& step, bool failed) {
  const Wanted wanted = step.service.wanted;
  if (!is_up(wanted)) return {Ending::Stopped};
  if (is_again(wanted)) return {Ending::Restart, step.now};
  if (is_once(wanted)) {
    let_down(step);
    return {Ending::Stopped};
  }
  const config::RestartPolicy policy = step.spec().restart;
  const bool again = policy == config::RestartPolicy::Always || (policy == config::RestartPolicy::OnFailure && failed);
  if (again) return plan_restart(step);
  return {failed ? Ending::Failed : Ending::Done};
}

// What made the last end one for good.
void announce_failure(Step& step) {
  const config::Service& spec = step.spec();
  if (step.service.plan->role == Role::MainCommand) return;
  if (spec.restart == config::RestartPolicy::No) return step.announce(notice::Failed{step.service.id});
  step.announce(notice::StartLimitHit{step.service.id, spec.start_limit_burst, spec.start_limit_interval});
}

// One that has used up its time gets the same again for its post-stop commands.
void clearing_is_over(Step& step, const state::StoppingRest& clearing) {
  const bool used_up = clearing.killed || clearing.kill_at <= step.now;
  conclude(step, clearing.ending, clearing.retry_at, used_up ? kill_time(step) : clearing.kill_at);
}

// Nothing is left of it.
void conclude(Step& step, Ending ending, Time retry_at, Time kill_at) {
  end_task(step);
  const bool hurries = step.service.wanted == Wanted::DownAtOnce;
  if (step.spec().post_stop.empty() || hurries) return take_ending(step, ending, retry_at);
  step.enter(state::PostStop{ending, retry_at, step.now, post_stop_limit(step, kill_at)});
  run_task(step, Task::PostStop, 0);
}

void take_ending(Step& step, Ending ending, Time retry_at) {
  Service& service = step.service;
  if (ending == Ending::Restart && !is_up(service.wanted)) ending = Ending::Stopped;
  // It has been asked for again since.
  const bool asked_for = ending != Ending::Restart || is_again(service.wanted);
  if (asked_for && is_up(service.wanted)) {
    // Not before its last process is reaped, which is after the answer to its end.
    return nature_of(service.state).main_process ? step.enter(state::Backoff{step.now}) : start_anew(step);
  }
  switch (ending) {
    case Ending::Done:
      step.enter(state::Done{});
      // Its turn to be stopped may have come meanwhile.
      if (service.wanted >= Wanted::DownWithAll) begin_stop(step, {service.wanted});
      return;
    case Ending::Failed: return step.enter(state::Failed{});
    case Ending::Restart: ++service.restarts; return step.enter(state::Backoff{retry_at});
    case Ending::Stopped: break;
  }
  step.announce(notice::Stopped{service.id});
  step.enter(state::Stopped{});
  step.news.settled = true;
}

void ended_for_good(Step& step, Ending ending) {
  let_down(step);
  step.news.settled = true;
  step.news.ended = ending;
}

}  // namespace cinit::core
