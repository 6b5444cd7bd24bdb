#include <algorithm>
#include <utility>

#include "simulation/deep_rules.hpp"

namespace cinit::core::simulation {

void DeepRules::see(const entry::ProbeBegan& probe) {
  Facts& facts = of(probe.service);
  const bool for_health = probe.use == StartProbe::Use::Health;
  if (facts.probe) wrong(probe.service, "has two probes at once");
  if (!facts.main || !facts.runs_since || facts.stop_began) wrong(probe.service, "is probed and does not run");
  if (for_health != facts.up_since.has_value()) wrong(probe.service, "is probed for the wrong reason");
  if (now_ < facts.no_probe_before) wrong(probe.service, "is probed too early");
  facts.probe = probe;
  facts.probe_began = now_;
}

void DeepRules::see(const entry::ProbeGivenUp& given_up) {
  Facts& facts = of(given_up.service);
  if (!facts.probe) return wrong(given_up.service, "has a probe ended that does not run");
  const bool for_health = facts.probe->use == StartProbe::Use::Health;
  const Duration timeout = for_health ? spec(given_up.service).health->timeout : spec(given_up.service).ready->timeout;
  const bool is_late = now_ - facts.probe_began >= timeout;
  facts.probe_cut = !is_late;
  // For a restart that was asked for it would be given up at any time.
  probe_over(given_up.service, false, is_late && facts.main && !facts.stop_began && !facts.restart_due);
}

void DeepRules::probe_over(ServiceId id, bool passed, bool counts) {
  Facts& facts = of(id);
  const bool for_health = facts.probe->use == StartProbe::Use::Health;
  const Duration timeout = for_health ? spec(id).health->timeout : spec(id).ready->timeout;
  if (now_ - facts.probe_began > timeout + stood_still_) wrong(id, "has a probe that takes too long");
  facts.probe.reset();
  // What is to become ready is asked more and more rarely.
  const Duration so_far = std::max<Duration>(std::chrono::milliseconds(5), now_ - facts.runs_since.value_or(now_));
  facts.no_probe_before = now_ + (for_health ? spec(id).health->interval : std::min(spec(id).ready->interval, so_far));
  if (!counts) return;
  if (!for_health) {
    if (passed) ready(id);
    return;
  }
  const config::Health& health = *spec(id).health;
  if (passed) facts.failed_checks = 0;
  if (!passed && now_ >= *facts.ready_since + health.start_period) ++facts.failed_checks;
  if (!passed && facts.failed_checks == health.retries) unhealthy(id);
}

void DeepRules::unhealthy(ServiceId id) {
  Facts& facts = of(id);
  if (stops() || !facts.wanted || facts.stop_began) return;
  if (spec(id).health->action == config::HealthAction::Restart) facts.must_be_stopped = facts.condemned = true;
  if (spec(id).health->action == config::HealthAction::Shutdown) unhealthy_ = id;
}

void DeepRules::notified(const Notified& event) {
  Facts& facts = of(event.service);
  const bool comes_up = facts.runs_since && !facts.ready_since;
  if (event.extend_timeout && comes_up) facts.give_up_at = std::max(facts.give_up_at, now_ + *event.extend_timeout);
  const bool is_stopped = facts.main && facts.stop_began;
  if (event.extend_timeout && is_stopped) {
    facts.extended_until = std::max(facts.extended_until, now_ + *event.extend_timeout);
  }
  const auto& health = spec(event.service).health;
  const auto* watchdog = health ? as<config::Watchdog>(health->check) : nullptr;
  if (!watchdog || !facts.up_since || facts.stop_began) return;
  if (event.watchdog) facts.fed_until = now_ + watchdog->within;
  if (!event.watchdog_trigger) return;
  facts.fed_until = kNever;
  unhealthy(event.service);
}

}  // namespace cinit::core::simulation
