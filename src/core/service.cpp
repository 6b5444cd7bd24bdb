#include "core/service.hpp"

#include <algorithm>

#include "base/exit_code.hpp"
#include "base/overloaded.hpp"
#include "core/service_steps.hpp"

namespace cinit::core {

Service::Service(const PlannedService& planned, ServiceId its_id, const StopTimes& its_times)
    : plan(&planned),
      id(its_id),
      stop_times(its_times),
      delays(planned.spec.restart_delay, planned.spec.restart_max_delay),
      spawn_delays(kSpawnRetryDelay, kSpawnRetryMaxDelay),
      starts(planned.spec.start_limit_burst, planned.spec.start_limit_interval) {}

void Step::enter(State state) {
  const StateKind from = kind_of(service.state);
  const StateKind to = kind_of(state);
  if (from != to && is_probed(service.state)) act(EndProbe{service.id});
  service.state = state;
  if (from == to) return;
  service.entered_at = now;
  announce(notice::Entered{service.id, from, to, cause, now});
}

// ---- Questions

namespace {

// When nothing is left of it any more, unless it has been asked for again.
bool is_about_to_be(Ending ending, const Service& service) {
  const bool comes = match(
      [ending](const auto& each) {
        if constexpr (requires { each.ending; }) return each.ending == ending;
        return false;
      },
      service.state);
  return comes && !is_up(service.wanted);
}

}  // namespace

bool occupies_tier(const Service& service) { return is_alive(service.state) || needs_down_command(service); }

bool has_failed(const Service& service) {
  const StateKind kind = kind_of(service.state);
  return kind == StateKind::Failed || kind == StateKind::Stopped || is_about_to_be(Ending::Failed, service);
}

bool is_done(const Service& service) {
  return kind_of(service.state) == StateKind::Done || is_about_to_be(Ending::Done, service);
}

int failure_code(const Service& service) {
  const int code = service.code.value_or(exit_code::kBootFailed);
  return code == exit_code::kOk ? exit_code::kBootFailed : code;
}

bool takes_signals(const Service& service) {
  return !is_final(service.state) && kind_of(service.state) != StateKind::StoppingRest;
}

ServiceStatus status_of(const Service& service) {
  ServiceStatus status;
  status.state = service.state;
  status.since = service.entered_at;
  status.wanted = is_up(service.wanted) && !is_once(service.wanted);
  status.starts = service.start_count;
  status.restarts = service.restarts;
  status.last_end = service.last_end;
  status.failure = service.failure;
  status.health = service.health;
  status.failed_checks = service.failed_checks;
  status.detail = service.probe_detail;
  status.text = service.status_text;
  return status;
}

// ---- It is wanted

void start_anew(Step& step) {
  step.news.unsettled = true;
  step.enter(state::Waiting{});
  step.news.waits = true;
}

void let_down(Step& step) {
  if (is_up(step.service.wanted)) step.service.wanted = Wanted::Down;
}

// Earlier failures are forgotten: the user has done something about them.
void Step::on(const told::Start& event) {
  const auto after_end = [&] {
    service.wanted = event.once ? Wanted::AgainOnce : Wanted::Again;
    news.unsettled = true;
  };
  service.wanted = event.once ? Wanted::Once : Wanted::Up;
  service.delays.reset();
  service.starts.reset();
  match(Overloaded{
            [&](OneOf<state::Idle, state::Backoff, state::Done, state::Failed, state::Stopped> auto) {
              start_anew(*this);
            },
            [&](const OneOf<state::PreStop, state::Stopping, state::Killing, state::StoppingRest,
                            state::PostStop> auto&) { after_end(); },
            [&](const state::PreStart& pre_start) {
              if (pre_start.asked) after_end();
            },
            // It is not to be stopped any more.
            [&](const state::Launching& launching) { enter(state::Launching{launching.give_up_at}); },
            // It is on its way, or up.
            [](const OneOf<state::Waiting, state::Starting, state::PostStart, state::Running> auto&) {},
        },
        State(service.state));
}

// One that is being launched is as new as it can be.
void Step::on(const told::Restart&) {
  match(Overloaded{
            [&](const OneOf<state::PreStart, state::Starting, state::PostStart, state::Running, state::PreStop,
                            state::Stopping, state::Killing, state::StoppingRest, state::PostStop> auto&) {
              service.wanted = is_once(service.wanted) ? Wanted::AgainOnce : Wanted::Again;
              news.unsettled = true;
              begin_stop(*this, {Wanted::Down});
            },
            [](const OneOf<state::Launching, state::Idle, state::Waiting, state::Backoff, state::Done, state::Failed,
                           state::Stopped> auto&) {},
        },
        State(service.state));
}

void Step::on(const told::Described&) { enter(state::Idle{}); }

void Step::on(const told::Wait&) { enter(state::Waiting{}); }

void Step::on(const told::Fail& event) {
  announce(notice::RequirementFailed{service.id, event.required});
  service.code = event.code;
  enter(state::Failed{});
  ended_for_good(*this, Ending::Failed);
}

// ---- Starting

void Step::on(const told::Begin&) {
  match(Overloaded{
            [&](OneOf<state::Idle, state::Waiting, state::Backoff> auto) { begin_attempt(*this); },
            [&](const OneOf<state::PreStart, state::Launching, state::Starting, state::PostStart, state::Running,
                            state::PreStop, state::Stopping, state::Killing, state::StoppingRest, state::PostStop,
                            state::Done, state::Failed, state::Stopped> auto&) {
              news.broken = "a service begins that does not wait for that";
            },
        },
        State(service.state));
}

void begin_attempt(Step& step) {
  Service& service = step.service;
  service.wanted = is_once(service.wanted) ? Wanted::Once : Wanted::Up;
  service.starts.record(step.now);
  ++service.attempts;
  service.input_closed_at.reset();
  service.end_of_attempt.reset();
  service.begun_at = step.now;
  service.health = ServiceStatus::Health::Unknown;
  service.failed_checks = 0;
  const auto& health = step.spec().health;
  const auto* watchdog = health ? std::get_if<config::Watchdog>(&health->check) : nullptr;
  service.watchdog = watchdog ? watchdog->within : Duration::zero();
  service.probe_detail.clear();
  service.status_text.clear();
  if (step.spec().pre_start.empty()) return launch(step);
  step.enter(state::PreStart{step.now, give_up_time(step)});
  run_task(step, Task::PreStart, 0);
}

// A start as a whole has this long, from its first command until it is ready.
Time give_up_time(const Step& step) {
  const auto& timeout = step.service.plan->start_timeout;
  return timeout ? later(step.service.begun_at, *timeout) : kNever;
}

void launch(Step& step) {
  step.enter(state::Launching{std::min(later(step.now, kLaunchTimeout), give_up_time(step))});
  step.announce(notice::Starting{step.service.id});
  step.act(Spawn{step.service.id});
}

namespace {

// It runs, and only its readiness is waited for.
void runs(Step& step) {
  const config::Service& spec = step.spec();
  if (!spec.ready) {
    became_ready(step);
  } else {
    const auto* delay = std::get_if<config::DelayReady>(&spec.ready->when);
    const bool is_probed = std::holds_alternative<config::Probe>(spec.ready->when);
    const Time first = delay ? later(step.now, delay->delay) : is_probed ? step.now : kNever;
    step.enter(state::Starting{give_up_time(step), {first}});
    if (is_probed) begin_probing(step, {first});
  }
}

void comes_up(Step& step) {
  const config::ServiceType type = step.spec().type;
  if (type == config::ServiceType::Simple) return runs(step);
  step.enter(state::Starting{give_up_time(step), {}, type == config::ServiceType::Forking});
}

// Its program runs. A stop may have begun meanwhile: if its turn has come, it gets its stop signal now.
void launched(Step& step) {
  Service& service = step.service;
  service.spawn_delays.reset();
  service.failure.reset();
  ++service.start_count;
  service.started_at = step.now;
  step.news.runs = true;
  if (is_up(service.wanted)) step.announce(notice::Started{service.id});
  const bool stops = !is_up(service.wanted) && service.wanted != Wanted::DownInTurn;
  if (!stops) return comes_up(step);
  step.enter(state::Starting{kNever});
  step.news.stop_due = true;
}

// It is tried again as long as it is to be up, as runsv(8) and s6-supervise(8) do: its program may be put there. No
// service waits for that.
void could_not_run(Step& step, bool is_news) {
  const Verdict verdict = judge(step, true);
  if (is_news) step.announce(notice::StartFailed{step.service.id, *step.service.failure});
  if (is_news && verdict.restart) step.announce(notice::Restarting{step.service.id, *verdict.restart});
  conclude(step, verdict.ending, verdict.retry_at, kill_time(step));
  step.news.settled = true;
}

void start_failed(Step& step, const StartFailure& failure) {
  Service& service = step.service;
  const bool is_news = !service.failure || service.failure->detail != failure.detail;
  service.failure = failure;
  if (failure.transient) return postpone(step, failure, !step.spec().pre_start.empty());
  service.code = failure.exit_code();
  if (service.plan->policy.restart_interval) return could_not_run(step, is_news);
  step.announce(notice::StartFailed{service.id, failure});
  let_down(step);
  conclude(step, Ending::Failed, kNever, kill_time(step));
  ended_for_good(step, Ending::Failed);
}

}  // namespace

void Step::on(const Spawned&) {
  match(Overloaded{
            [&](const state::Launching&) { launched(*this); },
            [&](const OneOf<state::Idle, state::Waiting, state::PreStart, state::Starting, state::PostStart,
                            state::Running, state::Backoff, state::PreStop, state::Stopping, state::Killing,
                            state::StoppingRest, state::PostStop, state::Done, state::Failed, state::Stopped> auto&) {
              news.broken = "a process that was not asked for";
            },
        },
        State(service.state));
}

void Step::on(const SpawnFailed& event) {
  match(Overloaded{
            [&](const state::Launching&) { start_failed(*this, event.failure); },
            [&](const OneOf<state::Idle, state::Waiting, state::PreStart, state::Starting, state::PostStart,
                            state::Running, state::Backoff, state::PreStop, state::Stopping, state::Killing,
                            state::StoppingRest, state::PostStop, state::Done, state::Failed, state::Stopped> auto&) {
              news.broken = "a failure of a start that was not asked for";
            },
        },
        State(service.state));
}

void Step::on(const Forked&) {
  match(Overloaded{
            [&](const state::Starting& starting) {
              if (starting.forks) runs(*this);
            },
            // It is ready by its own word, or is to end.
            [](const OneOf<state::PostStart, state::Running, state::PreStop, state::Stopping, state::Killing> auto&) {},
            [&](const OneOf<state::Idle, state::Waiting, state::PreStart, state::Launching, state::Backoff,
                            state::StoppingRest, state::PostStop, state::Done, state::Failed, state::Stopped> auto&) {
              news.broken = "a service without a process that goes into the background";
            },
        },
        State(service.state));
}

// With its start-timeout the attempt has failed; another one may come to more.
void launch_overdue(Step& step) {
  Service& service = step.service;
  if (step.now < give_up_time(step) || !is_up(service.wanted)) return cancel_launch(step);
  step.announce(notice::TimedOut{service.id, step.now - service.begun_at, "its program did not begin"});
  step.act(CancelSpawn{service.id});
  attempt_failed(step);
}

// Nothing of its program has run.
void cancel_launch(Step& step) {
  step.act(CancelSpawn{step.service.id});
  start_failed(step, {StartStage::Exec, 0,
                      "its program did not begin in time (its process was stopped, or waits for a file system or a "
                      "lease)",
                      true});
}

// What its commands have done is undone before the next attempt, which runs them again.
void postpone(Step& step, const StartFailure& failure, bool anything_ran) {
  Service& service = step.service;
  Ending ending = Ending::Stopped;
  Time retry_at = kNever;
  if (is_up(service.wanted)) {
    const Duration delay = service.spawn_delays.next(step.random);
    service.starts.take_back();
    step.announce(notice::StartPostponed{service.id, failure, delay});
    ending = Ending::Restart;
    retry_at = later(step.now, delay);
  }
  if (anything_ran) return conclude(step, ending, retry_at, kill_time(step));
  take_ending(step, ending, retry_at);
}

// ---- Ready

void became_ready(Step& step) {
  Service& service = step.service;
  service.ready_at = step.now;
  if (step.spec().ready) step.announce(notice::Ready{service.id, step.now - service.begun_at});
  // Nothing more is started for one that is to be stopped.
  if (step.spec().post_start.empty() || !is_up(service.wanted)) return is_up(step);
  // It may have asked for more time.
  const auto* starting = std::get_if<state::Starting>(&service.state);
  step.enter(state::PostStart{starting ? starting->give_up_at : give_up_time(step)});
  run_task(step, Task::PostStart, 0);
}

void is_up(Step& step) {
  step.enter(state::Running{first_health_clock(step)});
  step.news.settled = true;
}

// ---- Time

// It may have several deadlines in one state; which of them has come is seen by the clock.
void Step::on(const told::Due& event) {
  match(Overloaded{
            [&](const state::PreStart& pre_start) { pre_start_overdue(*this, pre_start); },
            [&](const state::Launching&) { launch_overdue(*this); },
            [&](const state::Starting& starting) { starting_due(*this, starting, event.progress); },
            [&](const state::PostStart&) { time_out(*this, "its post-start commands have not ended"); },
            [&](const state::Running& running) { running_due(*this, running, event.progress); },
            [&](const state::Backoff&) {
              if (is_again(service.wanted)) return start_anew(*this);
              news.retries = true;
            },
            [&](const state::PreStop& pre_stop) { pre_stop_overdue(*this, pre_stop); },
            [&](const state::Stopping& stopping) { send_kill(*this, stopping.sent, stopping.since, stopping.fault); },
            [&](const state::Killing& killing) {
              announce(notice::Undying{service.id, now - killing.since, true});
              enter(state::Killing{killing.since, kNever, killing.fault});
            },
            [&](const state::StoppingRest& clearing) { clearing_overdue(*this, clearing); },
            [&](const state::PostStop& post_stop) { post_stop_overdue(*this, post_stop); },
            [&](const OneOf<state::Idle, state::Waiting, state::Done, state::Failed, state::Stopped> auto&) {
              news.broken = "a deadline of a state that has none";
            },
        },
        State(service.state));
}

void Step::on(const StoodStill& event) {
  service.begun_at = later(service.begun_at, event.span);
  service.ready_at = later(service.ready_at, event.span);
  match(Overloaded{
            [&](state::PreStart& pre_start) {
              if (pre_start.asked) return;  // this is the time of a stop
              pre_start.give_up_at = later(pre_start.give_up_at, event.span);
            },
            [&](state::Launching& launching) { launching.give_up_at = later(launching.give_up_at, event.span); },
            [&](state::Starting& starting) {
              starting.give_up_at = later(starting.give_up_at, event.span);
              starting.probe.at = later(starting.probe.at, event.span);
            },
            [&](state::PostStart& post_start) { post_start.give_up_at = later(post_start.give_up_at, event.span); },
            [&](state::Running& running) { running.probe.at = later(running.probe.at, event.span); },
            // The time of a stop is the container runtime's, too, and goes on. The rest has no deadline that could be
            // missed.
            [](const OneOf<state::Idle, state::Waiting, state::Backoff, state::PreStop, state::Stopping, state::Killing,
                           state::StoppingRest, state::PostStop, state::Done, state::Failed, state::Stopped> auto&) {},
        },
        service.state);
}

}  // namespace cinit::core
