// Whether a service is ready, and whether it still works.
#include <algorithm>

#include "base/line.hpp"
#include "base/overloaded.hpp"
#include "core/service_steps.hpp"

namespace cinit::core {
namespace {

std::string no_answer(Duration timeout, std::string_view progress) {
  Line line;
  line << (progress.empty() ? "no answer" : progress) << (progress.empty() ? " within " : " after ") << timeout;
  return std::string(line.text());
}

void set_clock(Step& step, ProbeClock clock) {
  match(
      [&](auto& each) {
        if constexpr (requires { each.probe; }) each.probe = clock;
      },
      step.service.state);
}

void start_probe(Step& step, StartProbe::Use use, Duration timeout) {
  set_clock(step, {later(step.now, timeout), true});
  step.act(StartProbe{step.service.id, use, ++step.service.probe_number});
}

void unhealthy(Step& step, state::Running running) {
  Service& service = step.service;
  const config::HealthAction action = step.spec().health->action;
  service.health = ServiceStatus::Health::Unhealthy;
  if (!is_up(service.wanted)) return;  // its turn to be stopped will come
  step.announce(notice::Unhealthy{service.id, action});
  switch (action) {
    case config::HealthAction::Ignore: return;
    case config::HealthAction::Restart: return stop_for_failure(step);
    case config::HealthAction::Shutdown: break;
  }
  running.fault = Fault::OwnFailure;
  step.enter(running);
  step.news.unhealthy = true;
}

void healthy(Step& step) {
  Service& service = step.service;
  const bool recovered = service.health == ServiceStatus::Health::Unhealthy;
  service.failed_checks = 0;
  service.health = ServiceStatus::Health::Healthy;
  if (recovered) step.announce(notice::Healthy{service.id});
}

// In its start-period it does not count.
void check_failed(Step& step, const state::Running& running, const std::string& detail) {
  Service& service = step.service;
  const config::Health& health = *step.spec().health;
  if (step.now >= later(service.ready_at, health.start_period)) ++service.failed_checks;
  step.announce(notice::HealthCheckFailed{service.id, detail, service.failed_checks, health.retries});
  if (service.failed_checks == health.retries) unhealthy(step, running);
}

// It has not said for too long that it is well, or has said that it is not.
void watchdog_expired(Step& step, state::Running running, std::optional<Duration> within) {
  running.probe = {};
  step.enter(running);
  step.announce(notice::WatchdogExpired{step.service.id, within});
  unhealthy(step, running);
}

// How long to the next probe of one that is not ready: as long as it has run so far, so that what comes soon is found
// soon, and at most its interval.
Duration pause_before_probe(const Step& step) {
  constexpr Duration kShortest = std::chrono::milliseconds(5);
  return std::min(step.spec().ready->interval, std::max(kShortest, step.now - step.service.started_at));
}

// What a probe has come to, in the state that it was made for.
void probe_result(Step& step, state::Starting starting, bool passed, const std::string& detail) {
  step.service.probe_detail = passed ? "" : detail;
  starting.probe = {later(step.now, pause_before_probe(step))};
  step.enter(starting);
  if (passed) became_ready(step);
}

void probe_result(Step& step, state::Running running, bool passed, const std::string& detail) {
  step.service.probe_detail = passed ? "" : detail;
  running.probe = {later(step.now, step.spec().health->interval)};
  step.enter(running);
  passed ? healthy(step) : check_failed(step, running, detail);
}

Duration interval_of_probes(const Step& step, const state::Starting&) { return pause_before_probe(step); }
Duration interval_of_probes(const Step& step, const state::Running&) { return step.spec().health->interval; }

}  // namespace

void begin_probing(Step& step, ProbeClock clock) {
  if (clock.at <= step.now) start_probe(step, StartProbe::Use::Ready, step.spec().ready->timeout);
}

namespace {

std::string why_not_in_background(const config::Service& spec) {
  const std::string first = "its first process has not ended";
  return spec.pid_file ? first + ", or " + *spec.pid_file + " names no process of it" : first;
}

}  // namespace

// The time of its start is over, or that of its probe has come: to start it, or to give it up.
void starting_due(Step& step, const state::Starting& starting, std::string_view progress) {
  if (step.now >= starting.give_up_at && starting.forks) return time_out(step, why_not_in_background(step.spec()));
  if (step.now >= starting.give_up_at) {
    const std::string& last = step.service.probe_detail;
    return time_out(step, last.empty() ? std::string(progress) : last);
  }
  const config::Ready& ready = *step.spec().ready;
  if (std::holds_alternative<config::DelayReady>(ready.when)) return became_ready(step);
  if (!starting.probe.running) return start_probe(step, StartProbe::Use::Ready, ready.timeout);
  step.act(EndProbe{step.service.id});
  probe_result(step, starting, false, no_answer(ready.timeout, progress));
}

void running_due(Step& step, const state::Running& running, std::string_view progress) {
  const config::Health& health = *step.spec().health;
  if (std::holds_alternative<config::Watchdog>(health.check)) {
    return watchdog_expired(step, running, step.service.watchdog);
  }
  if (!running.probe.running) return start_probe(step, StartProbe::Use::Health, health.timeout);
  step.act(EndProbe{step.service.id});
  probe_result(step, running, false, no_answer(health.timeout, progress));
}

ProbeClock first_health_clock(const Step& step) {
  const auto& health = step.spec().health;
  if (!health) return {};
  const auto* watchdog = std::get_if<config::Watchdog>(&health->check);
  if (!watchdog) return {later(step.now, health->interval)};
  if (step.service.watchdog == Duration::zero()) return {};
  return {later(step.now, std::max(health->start_period, step.service.watchdog))};
}

// One that was given up may be told all the same: EndProbe came too late.
void Step::on(const ProbeEnded& event) {
  if (!is_probed(service.state) || event.number != service.probe_number) return;
  match(Overloaded{
            [&](const OneOf<state::Starting, state::Running> auto& state) {
              if (event.conclusive) return probe_result(*this, state, event.passed, event.detail);
              service.probe_detail = event.detail;
              set_clock(*this, {later(now, interval_of_probes(*this, state))});
            },
            // They have no place for a probe.
            [](const OneOf<state::Idle, state::Waiting, state::PreStart, state::Launching, state::PostStart,
                           state::Backoff, state::PreStop, state::Stopping, state::Killing, state::StoppingRest,
                           state::PostStop, state::Done, state::Failed, state::Stopped> auto&) {},
        },
        State(service.state));
}

// A service may say it twice, or although it is not asked for that.
void Step::on(const ToldReady&) {
  const auto& ready = spec().ready;
  const bool is_asked = ready && !std::holds_alternative<config::Probe>(ready->when) &&
                        !std::holds_alternative<config::DelayReady>(ready->when);
  if (!is_asked) return;
  match(Overloaded{
            [&](const state::Starting&) { became_ready(*this); },
            [](const OneOf<state::Idle, state::Waiting, state::PreStart, state::Launching, state::PostStart,
                           state::Running, state::Backoff, state::PreStop, state::Stopping, state::Killing,
                           state::StoppingRest, state::PostStop, state::Done, state::Failed, state::Stopped> auto&) {},
        },
        State(service.state));
}

namespace {

// It takes longer than usual: at least until then. The budget of the whole stop is not extended by it.
void extend_timeout(State& state, Time until) {
  match(Overloaded{
            [&](state::Starting& starting) { starting.give_up_at = std::max(starting.give_up_at, until); },
            [&](state::Stopping& stopping) { stopping.kill_at = std::max(stopping.kill_at, until); },
            // Their time is not its own, or there is nothing that would end.
            [](const OneOf<state::Idle, state::Waiting, state::PreStart, state::Launching, state::PostStart,
                           state::Running, state::Backoff, state::PreStop, state::Killing, state::StoppingRest,
                           state::PostStop, state::Done, state::Failed, state::Stopped> auto&) {},
        },
        state);
}

void watchdog_heard(Step& step, const state::Running& running, const Notified& event) {
  if (event.watchdog_trigger) return watchdog_expired(step, running, std::nullopt);
  if (!event.watchdog && !event.watchdog_within) return;
  if (event.watchdog) healthy(step);
  const bool is_watched = step.service.watchdog > Duration::zero();
  set_clock(step, {is_watched ? later(step.now, step.service.watchdog) : kNever});
}

}  // namespace

void Step::on(const Notified& event) {
  if (event.status) service.status_text = *event.status;
  if (event.extend_timeout) extend_timeout(service.state, later(now, *event.extend_timeout));
  const auto& health = spec().health;
  if (!health || !std::holds_alternative<config::Watchdog>(health->check)) return;
  // It may say so together with READY=1, or before.
  if (event.watchdog_within) service.watchdog = *event.watchdog_within;
  match(Overloaded{
            [&](const state::Running& running) { watchdog_heard(*this, running, event); },
            [](const OneOf<state::Idle, state::Waiting, state::PreStart, state::Launching, state::Starting,
                           state::PostStart, state::Backoff, state::PreStop, state::Stopping, state::Killing,
                           state::StoppingRest, state::PostStop, state::Done, state::Failed, state::Stopped> auto&) {},
        },
        State(service.state));
}

}  // namespace cinit::core
