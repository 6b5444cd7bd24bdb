#include <algorithm>
#include <utility>

#include "simulation/deep_rules.hpp"
#include "simulation/rules.hpp"

namespace cinit::core::simulation {

void DeepRules::begin_attempt(ServiceId id) {
  Facts& facts = of(id);
  if (facts.main || facts.launching || facts.task || clearing_.contains(id))
    wrong(id, "is started while something of it is left");
  if (facts.owes_post_stop && !hurries()) wrong(id, "is started before its post-stop commands have run");
  if (stops() && plan_[id].role != Role::StopHook) wrong(id, "is started after the stop began");
  if (!facts.wanted) wrong(id, "is started although it was stopped");
  if (facts.fresh) dependencies(id);
  facts.unsettled = facts.unsettled || facts.fresh;
  facts.fresh = facts.restart_due = false;
  facts.in_attempt = true;
  facts.owes_post_stop = false;
  facts.stop_began.reset();
  facts.asked_by.clear();
  facts.extended_until = {};
  facts.condemned = facts.stop_command_failed = facts.pre_stop_cut = false;
  facts.pre_starts = facts.post_starts = facts.pre_stops = facts.post_stops = 0;
  facts.failed_checks = 0;
  facts.begun = now_;
  facts.give_up_at = plan_[id].start_timeout ? later(now_, *plan_[id].start_timeout) : kNever;
  limit(id);
}

void DeepRules::dependencies(ServiceId id) {
  for (const ServiceId earlier : plan_[id].waits_for) {
    if (of(earlier).unsettled) wrong(id, "is started before " + spec(earlier).name + " was ready");
  }
}

void DeepRules::limit(ServiceId id) {
  auto& starts = of(id).starts;
  starts.push_back(now_);
  const std::size_t burst = spec(id).start_limit_burst;
  if (burst == 0 || starts.size() <= burst) return;
  if (now_ - starts[starts.size() - 1 - burst] < spec(id).start_limit_interval) wrong(id, "exceeds its start limit");
}

void DeepRules::take_back(Facts& facts) {
  if (!facts.starts.empty()) facts.starts.pop_back();
}

void DeepRules::attempt_ends(ServiceId id, bool anything_ran) {
  Facts& facts = of(id);
  if (plan_.is_main(id) && stops()) main_is_gone_ = true;
  facts.in_attempt = false;
  facts.owes_post_stop = anything_ran && !spec(id).post_stop.empty();
  facts.post_stops = 0;
}

void DeepRules::up(ServiceId id) {
  Facts& facts = of(id);
  if (facts.up_since) return;
  facts.up_since = now_;
  facts.unsettled = false;
  const auto& health = spec(id).health;
  if (!health) return;
  facts.no_probe_before = now_ + health->interval;
  const auto* watchdog = as<config::Watchdog>(health->check);
  facts.fed_until = watchdog ? now_ + std::max(watchdog->within, health->start_period) : kNever;
}

void DeepRules::ready(ServiceId id) {
  Facts& facts = of(id);
  if (facts.ready_since || facts.stop_began) return;
  facts.ready_since = now_;
  if (spec(id).post_start.empty() || !facts.wanted || stops()) up(id);
}

// ---- Between Spawn and its answer

void DeepRules::see(const entry::Born& born) {
  processes_[born.pid] = born;
  if (born.kind != Kind::Leader) return;
  if (!of(born.service).launching) begin_launch(born.service);
  of(born.service).main = born.pid;
}

void DeepRules::see(const entry::Refused& refused) {
  if (!of(refused.service).launching) begin_launch(refused.service);
}

void DeepRules::begin_launch(ServiceId id) {
  // Hooks follow the stop of a main command, even when what that left had to be killed.
  const bool urged = plan_[id].role == Role::StopHook ? stop_signals_ > 1 : hurries();
  if (urged) wrong(id, "is started although somebody urges");
  Facts& facts = of(id);
  if (facts.launching) wrong(id, "is started while it is being started");
  if (spec(id).pre_start.empty()) begin_attempt(id);
  if (facts.pre_starts != spec(id).pre_start.size()) wrong(id, "is started before its pre-start commands succeeded");
  if (facts.task) wrong(id, "is started beside a command");
  if (now_ > facts.give_up_at) wrong(id, "is started after its start-timeout");
  facts.launching = true;
  facts.launch_limit = later(now_, kLongestLaunch);
  facts.launch_stop = kNever;
}

void DeepRules::launch_is_answered(ServiceId id) {
  if (!std::exchange(of(id).launching, false)) wrong(id, "is answered about a start that was given up");
}

void DeepRules::see(const entry::LaunchCancelled& launch) {
  const ServiceId id = launch.service;
  Facts& facts = of(id);
  if (!std::exchange(facts.launching, false)) return wrong(id, "has a start given up that is not under way");
  launch_is_in_time(id);
  if (facts.main) abandoned_.insert(*std::exchange(facts.main, std::nullopt));
  const bool late = is_late(id);
  if (late) facts.code = 1;
  if (!late) take_back(facts);
  attempt_ends(id, late || !spec(id).pre_start.empty());
  facts.ended_at = now_;
}

// It has had its start-timeout, which is a failure of its own.
bool DeepRules::is_late(ServiceId id) { return now_ >= of(id).give_up_at && of(id).wanted && !stops(); }

void DeepRules::launch_is_in_time(ServiceId id) {
  const Facts& facts = of(id);
  const Duration own = spec(id).stop_timeout.value_or(kLongestLaunchInStop);
  const Time in_stop = stops() ? later(*stop_at_, std::min(own, kLongestLaunchInStop)) : kNever;
  const Time due = std::min({facts.launch_limit, facts.give_up_at, facts.launch_stop, in_stop});
  if (now_ < due && !hurries() && !killed_by_now()) wrong(id, "has its start given up too early");
}

void DeepRules::stop_launch(ServiceId id) {
  const Duration own = spec(id).stop_timeout.value_or(plan_.stop.total);
  of(id).launch_stop = std::min(of(id).launch_stop, later(now_, std::min(own, kLongestLaunchInStop)));
}

void DeepRules::spawn_failed(const SpawnFailed& event) {
  Facts& facts = of(event.service);
  launch_is_answered(event.service);
  if (event.failure.transient) take_back(facts);
  attempt_ends(event.service, !event.failure.transient || !spec(event.service).pre_start.empty());
  facts.ended_at = now_;
  constexpr int kNoEntry = 2;
  if (!event.failure.transient) facts.code = event.failure.error == kNoEntry ? 127 : 126;
}

// ---- Until it is up

void DeepRules::spawned(ServiceId id) {
  Facts& facts = of(id);
  launch_is_answered(id);
  facts.runs_since = now_;
  if (spec(id).type == config::ServiceType::Simple) return begins_to_run(id);
  facts.forks = spec(id).type == config::ServiceType::Forking;
  facts.no_probe_before = facts.ready_at = kNever;
}

void DeepRules::forked(ServiceId id) {
  Facts& facts = of(id);
  if (!facts.runs_since) wrong(id, "goes into the background and is not known to run");
  if (!std::exchange(facts.forks, false) || facts.ready_since || facts.stop_began) return;
  begins_to_run(id);
}

// Its readiness is all that is waited for.
void DeepRules::begins_to_run(ServiceId id) {
  Facts& facts = of(id);
  facts.no_probe_before = now_;
  const auto* delay = spec(id).ready ? as<config::DelayReady>(spec(id).ready->when) : nullptr;
  facts.ready_at = delay ? now_ + delay->delay : kNever;
  if (!spec(id).ready) ready(id);
}

void DeepRules::delays() {
  for (std::size_t i = 0; i < facts_.size(); ++i) {
    const bool in_time = facts_[i].ready_at <= now_ && now_ < facts_[i].give_up_at;
    if (facts_[i].runs_since && in_time) ready(static_cast<ServiceId>(i));
    if (facts_[i].fed_until > now_ || facts_[i].stop_began) continue;
    facts_[i].fed_until = kNever;
    unhealthy(static_cast<ServiceId>(i));
  }
}

void DeepRules::told_ready(ServiceId id) {
  const auto& condition = spec(id).ready;
  if (condition && as<config::NotifyReady>(condition->when) && of(id).runs_since) ready(id);
}

}  // namespace cinit::core::simulation
