// The part of the supervisor that finds out whether a service is ready, and whether it still works.
#include <algorithm>

#include "base/line.hpp"
#include "base/overloaded.hpp"
#include "core/supervisor.hpp"

namespace cinit::core {
namespace {

std::string no_answer(Duration timeout) {
  Line line;
  line << "no answer within " << timeout;
  return std::string(line.text());
}

}  // namespace

// The time of a probe's clock has come: to start it, or to give it up.
void Supervisor::probe_due(Service& service, ProbeClock clock) {
  const config::Service& spec = service.plan->spec;
  const bool is_health = std::holds_alternative<state::Running>(service.state);
  if (is_health && std::holds_alternative<config::Watchdog>(spec.health->check)) {
    return watchdog_barked(service, service.watchdog);
  }
  if (!is_health && std::holds_alternative<config::DelayReady>(spec.ready->when)) return became_ready(service);
  const Duration timeout = is_health ? spec.health->timeout : spec.ready->timeout;
  if (!clock.running) {
    return start_probe(service, is_health ? StartProbe::Use::Health : StartProbe::Use::Ready, timeout);
  }
  actions_.push_back(EndProbe{service.id});
  probe_result(service, false, no_answer(timeout));
}

void Supervisor::start_probe(Service& service, StartProbe::Use use, Duration timeout) {
  set_probe_clock(service, {later(now_, timeout), true});
  actions_.push_back(StartProbe{service.id, use, ++service.probe_number});
}

void Supervisor::set_probe_clock(Service& service, ProbeClock clock) {
  if (const auto* starting = std::get_if<state::Starting>(&service.state)) {
    enter(service, state::Starting{starting->give_up_at, clock});
  } else {
    enter(service, state::Running{clock});
  }
}

void Supervisor::on(const ProbeEnded& event) {
  Service& service = at(event.service);
  const bool is_awaited = is_probed(service.state) && event.number == service.probe_number;
  if (!is_awaited) return;
  if (event.conclusive) return probe_result(service, event.passed, event.detail);
  service.probe_detail = event.detail;
  set_probe_clock(service, {later(now_, interval_of_probes(service))});
}

Duration Supervisor::interval_of_probes(const Service& service) {
  const config::Service& spec = service.plan->spec;
  return std::holds_alternative<state::Running>(service.state) ? spec.health->interval : spec.ready->interval;
}

void Supervisor::probe_result(Service& service, bool passed, const std::string& detail) {
  service.probe_detail = passed ? "" : detail;
  set_probe_clock(service, {later(now_, interval_of_probes(service))});
  if (std::holds_alternative<state::Running>(service.state)) return health_result(service, passed, detail);
  if (passed) became_ready(service);
}

void Supervisor::health_result(Service& service, bool passed, const std::string& detail) {
  if (passed) {
    const bool recovered = service.health == ServiceStatus::Health::Unhealthy;
    service.failed_checks = 0;
    service.health = ServiceStatus::Health::Healthy;
    if (recovered) announce(notice::Healthy{service.id});
    return;
  }
  const std::uint32_t retries = service.plan->spec.health->retries;
  if (is_out_of_start_period(service)) ++service.failed_checks;
  announce(notice::HealthCheckFailed{service.id, detail, service.failed_checks, retries});
  if (service.failed_checks == retries) unhealthy(service);
}

bool Supervisor::is_out_of_start_period(const Service& service) const {
  return now_ >= later(service.ready_at, service.plan->spec.health->start_period);
}

void Supervisor::unhealthy(Service& service) {
  const config::HealthAction action = service.plan->spec.health->action;
  service.health = ServiceStatus::Health::Unhealthy;
  if (service.wanted == Wanted::Down) return;  // its turn to be stopped will come
  announce(notice::Unhealthy{service.id, action});
  switch (action) {
    case config::HealthAction::Ignore: return;
    case config::HealthAction::Restart: return stop_condemned(service);
    case config::HealthAction::Shutdown: break;
  }
  service.failed_for_good = true;
  begin_shutdown({notice::StopCause::ServiceUnhealthy, service.id}, std::nullopt);
}

// It has not said for too long that it is well.
void Supervisor::watchdog_barked(Service& service, std::optional<Duration> within) {
  enter(service, state::Running{});
  announce(notice::WatchdogExpired{service.id, within});
  unhealthy(service);
}

ProbeClock Supervisor::first_health_clock(const Service& service) const {
  const auto& health = service.plan->spec.health;
  if (!health) return {};
  const auto* watchdog = std::get_if<config::Watchdog>(&health->check);
  if (!watchdog) return {later(now_, health->interval)};
  if (service.watchdog == Duration::zero()) return {};
  return {later(now_, std::max(health->start_period, service.watchdog))};
}

void Supervisor::on(const ToldReady& event) {
  Service& service = at(event.service);
  // Somebody may say it twice, or has said it although nobody had asked.
  const auto& ready = service.plan->spec.ready;
  if (!ready || !std::holds_alternative<state::Starting>(service.state)) return;
  const bool is_asked =
      !std::holds_alternative<config::Probe>(ready->when) && !std::holds_alternative<config::DelayReady>(ready->when);
  if (is_asked) became_ready(service);
}

void Supervisor::on(const Notified& event) {
  Service& service = at(event.service);
  if (event.status) service.status_text = *event.status;
  if (event.extend_timeout) extend_timeout(service, later(now_, *event.extend_timeout));
  const auto& health = service.plan->spec.health;
  if (!health || !std::holds_alternative<config::Watchdog>(health->check)) return;
  // It may say so together with READY=1, or before.
  if (event.watchdog_within) service.watchdog = *event.watchdog_within;
  if (!std::holds_alternative<state::Running>(service.state)) return;
  if (event.watchdog_trigger) return watchdog_barked(service, std::nullopt);
  if (!event.watchdog && !event.watchdog_within) return;
  if (event.watchdog) health_result(service, true, "");
  const bool is_watched = service.watchdog > Duration::zero();
  enter(service, state::Running{{is_watched ? later(now_, service.watchdog) : kNever}});
}

// It takes longer than usual: at least until then. The budget of the whole stop is not extended by it.
void Supervisor::extend_timeout(Service& service, Time until) {
  std::visit(Overloaded{
                 [&](state::Starting starting) {
                   starting.give_up_at = std::max(starting.give_up_at, until);
                   enter(service, starting);
                 },
                 [&](state::Stopping stopping) {
                   stopping.kill_at = std::max(stopping.kill_at, until);
                   enter(service, stopping);
                 },
                 // Their time is not its own, or there is nothing that would end.
                 [&](const OneOf<state::Idle, state::Waiting, state::PreStart, state::Launching, state::PostStart,
                                 state::Running, state::Backoff, state::PreStop, state::Killing, state::Clearing,
                                 state::PostStop, state::Done, state::Failed, state::Stopped> auto&) {},
             },
             State(service.state));
}

void Supervisor::on(const StoodStill& event) {
  for (Service& service : services_) {
    service.begun_at = later(service.begun_at, event.span);
    service.ready_at = later(service.ready_at, event.span);
    std::visit(
        Overloaded{
            [&](state::PreStart pre_start) {
              if (pre_start.asked) return;  // this is the time of a stop
              pre_start.give_up_at = later(pre_start.give_up_at, event.span);
              enter(service, pre_start);
            },
            [&](state::Launching launching) {
              enter(service, state::Launching{later(launching.give_up_at, event.span), launching.stop_by});
            },
            [&](state::Starting starting) {
              starting.give_up_at = later(starting.give_up_at, event.span);
              starting.probe.at = later(starting.probe.at, event.span);
              enter(service, starting);
            },
            [&](state::PostStart post_start) {
              post_start.give_up_at = later(post_start.give_up_at, event.span);
              enter(service, post_start);
            },
            [&](state::Running running) {
              running.probe.at = later(running.probe.at, event.span);
              enter(service, running);
            },
            // The time of a stop is somebody else's, too, and goes on. The rest has no deadline that could be missed.
            [&](const OneOf<state::Idle, state::Waiting, state::Backoff, state::PreStop, state::Stopping,
                            state::Killing, state::Clearing, state::PostStop, state::Done, state::Failed,
                            state::Stopped> auto&) {},
        },
        State(service.state));
  }
}

}  // namespace cinit::core
