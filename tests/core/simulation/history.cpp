#include "simulation/history.hpp"

#include <algorithm>

#include "base/overloaded.hpp"

namespace cinit::core::simulation {
namespace {

constexpr Signal kTerminate{15};

template <class T>
bool contains(const std::vector<T>& values, const T& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

bool begins_answer(const Entry& entry) {
  return std::holds_alternative<entry::Told>(entry.what) || std::holds_alternative<entry::Booted>(entry.what);
}

}  // namespace

History::History(const Plan& plan, const Record& record)
    : plan_(plan), record_(record), services_(plan.services.size()) {
  for (const PlannedService& planned : plan.services) next_delays_.push_back(planned.spec.restart_delay);
  find_tiers();
  find_stop();
  read();
  drain_ = find_drain();
}

void History::find_tiers() {
  tiers_.resize(plan_.services.size());
  for (bool changed = true; changed;) {
    changed = false;
    for (const ServiceId id : ids()) {
      for (const ServiceId earlier : plan_[id].waits_for) {
        if (tiers_[index_of(earlier)] > tiers_[index_of(id)]) continue;
        tiers_[index_of(earlier)] = tiers_[index_of(id)] + 1;
        changed = true;
      }
    }
  }
}

void History::find_stop() {
  for (Index i = 0; i < record_.size(); ++i) {
    const auto* said = std::get_if<entry::Said>(&record_[i].what);
    const auto* begun = said ? std::get_if<notice::ShutdownBegun>(&said->notice) : nullptr;
    if (!begun) continue;
    const Duration total = plan_.stop.total;
    const Duration reserve = std::min<Duration>(total / 4, std::chrono::seconds(2));
    stop_ = StopHistory{i, begun->cause, begun->service, at(i), at(i) + total, reserve, at(i) + (total - reserve)};
    return;
  }
}

void History::read() {
  for (Index i = 0; i < record_.size(); ++i) {
    // A main command that is not being started when the stop begins will not be.
    const auto& main = plan_.main_command;
    if (i == stop_index() && main && service(*main).runs.empty() && !is_pending(*main)) {
      main_gone_ = std::min(main_gone_, i);
    }
    std::visit(Overloaded{
                   [&](const entry::Signalled& sent) {
                     processes_.at(sent.pid).signals.push_back({i, sent.signal, sent.means});
                   },
                   [&](const entry::Ended& ended) {
                     processes_.at(ended.pid).ended = i;
                     processes_.at(ended.pid).status = ended.status;
                   },
                   [&](const entry::Left&) { left_ = i; },
                   [&](const entry::Booted&) {},
                   [&](const entry::Reaped&) {},
                   [&](const entry::Swept&) {},
                   [&](const entry::GroupForgotten& forgotten) {
                     last_run(forgotten.service).over = i;
                     last_run(forgotten.service).forgotten = true;
                   },
                   [](const OneOf<entry::GroupWatched, entry::TaskBegan, entry::TaskOver, entry::TaskSignalled,
                                  entry::TaskGivenUp, entry::ProbeBegan, entry::ProbeGivenUp> auto&) {},
                   [&](const entry::KilledEverything&) {},
                   [&](const auto& entry) { see(i, entry); },
               },
               record_[i].what);
  }
}

bool History::is_pending(ServiceId id) const {
  const auto& attempts = service(id).attempts;
  return !attempts.empty() && attempts.back().answered == kNowhere;
}

// One that takes its time has been seen before.
Attempt& History::attempt_under_way(Index index, ServiceId id) {
  if (!is_pending(id)) at_service(id).attempts.push_back({index, Attempt::Outcome::Pending});
  return at_service(id).attempts.back();
}

void History::see(Index index, const entry::LaunchBegan& launch) { attempt_under_way(index, launch.service); }

void History::see(Index index, const entry::Born& born) {
  ProcessHistory& process =
      processes_.emplace(born.pid, ProcessHistory{born.pid, born.kind, born.service, born.leader, index}).first->second;
  if (born.kind != Kind::Leader) return;
  Attempt& attempt = attempt_under_way(index, born.service);
  attempt.outcome = Attempt::Outcome::Born;
  attempt.leader = born.pid;
  process.begun = attempt.index;
  at_service(born.service).runs.push_back(born.pid);
}

void History::see(Index index, const entry::Refused& refused) {
  using enum Attempt::Outcome;
  attempt_under_way(index, refused.service).outcome = refused.failure.transient ? Postponed : Refused;
}

// A start that has had its start-timeout has failed; any other one is tried again.
void History::see(Index index, const entry::LaunchCancelled& launch) {
  ServiceHistory& service = at_service(launch.service);
  Attempt& attempt = service.attempts.back();
  const auto& timeout = plan_[launch.service].start_timeout;
  const bool is_late = index < stop_index() && timeout && at(index) >= at(attempt.index) + *timeout;
  attempt.outcome = is_late ? Attempt::Outcome::Late : Attempt::Outcome::Cancelled;
  attempt.answered = index;
  if (attempt.leader) {
    processes_.at(*attempt.leader).cancelled = processes_.at(*attempt.leader).over = index;
    service.runs.pop_back();
  }
  if (is_late) end_for_good(index, launch.service, true);
  if (plan_.is_main(launch.service) && stop_index() < index) main_gone_ = std::min(main_gone_, index);
}

void History::see(Index index, const entry::Told& told) {
  std::visit(Overloaded{
                 [&](const Spawned& event) {
                   last_run(event.service).runs = index;
                   ServiceHistory& service = at_service(event.service);
                   service.attempts.back().answered = index;
                   const bool is_oneshot = plan_[event.service].spec.type == config::ServiceType::Oneshot;
                   if (!is_oneshot) service.settled = std::min(service.settled, index);
                 },
                 [&](const SpawnFailed& event) { spawn_failed(index, event); },
                 [&](const Exited& event) { exited(index, event); },
                 [&](const GroupEmptied& event) { last_run(event.service).over = index; },
                 [&](const SignalReceived& event) { got_signal(index, event); },
                 [](const MainSuspended&) {},
                 [](const DeadlineReached&) {},
                 [](const NothingLeft&) {},
                 [](const OneOf<Forked, TaskEnded, ProbeEnded, ToldReady, Notified, Requested, PlanRevised,
                                StoodStill> auto&) {},
             },
             told.event);
}

void History::see(Index index, const entry::Said& said) {
  const auto* failed = std::get_if<notice::RequirementFailed>(&said.notice);
  if (!failed) return;
  at_service(failed->service).requirement_failed = index;
  at_service(failed->service).code = service(failed->required).failure_code.value_or(1);
  end_for_good(index, failed->service, true);
}

void History::spawn_failed(Index index, const SpawnFailed& event) {
  at_service(event.service).attempts.back().answered = index;
  if (plan_.is_main(event.service) && stop_index() < index) main_gone_ = std::min(main_gone_, index);
  if (event.failure.transient) return;
  constexpr int kNoEntry = 2;
  at_service(event.service).code = event.failure.error == kNoEntry ? 127 : 126;
  end_for_good(index, event.service, true);
}

void History::exited(Index index, const Exited& event) {
  ProcessHistory& leader = last_run(event.service);
  leader.told = index;
  at_service(event.service).code = event.status.shell_code();
  leader.verdict = judge(index, leader, !event.went_on.empty());
  if (leaves_group_alone(leader)) leader.over = index;
  if (leader.verdict == Verdict::Done) end_for_good(index, event.service, false);
  if (leader.verdict == Verdict::Failed) end_for_good(index, event.service, true);
  if (plan_.is_main(event.service)) main_gone_ = std::min(main_gone_, index);
}

void History::end_for_good(Index index, ServiceId id, bool failed) {
  ServiceHistory& service = at_service(id);
  service.ended_for_good = std::min(service.ended_for_good, index);
  service.settled = std::min(service.settled, index);
  service.failed = failed;
  const int code = service.code.value_or(1);
  if (failed) service.failure_code = code == 0 ? 1 : code;
  if (plan_.is_main(id)) main_gone_ = std::min(main_gone_, index);
}

Verdict History::judge(Index index, ProcessHistory& leader, bool went_on) {
  if (stop_index() < index) return Verdict::Stopped;
  if (timed_out(leader) != kNowhere) return Verdict::Failed;
  const config::Service& spec = plan_[leader.service].spec;
  const WaitStatus status = *leader.status;
  const bool ended_well = status.by_signal() ? contains(spec.success_exit_status.signals, status.signal())
                                             : contains(spec.success_exit_status.codes, status.code());
  // One that goes into the background at once is not started again.
  if (ended_well && went_on && at(index) - at(leader.runs) < spec.restart_max_delay) return Verdict::Failed;
  const bool success = ended_well && !went_on;
  const bool again =
      spec.restart == config::RestartPolicy::Always || (spec.restart == config::RestartPolicy::OnFailure && !success);
  if (again) return judge_restart(index, leader);
  return success ? Verdict::Done : Verdict::Failed;
}

Verdict History::judge_restart(Index index, ProcessHistory& leader) {
  const config::Service& spec = plan_[leader.service].spec;
  Duration& next_delay = next_delays_[index_of(leader.service)];
  if (at(index) - at(leader.runs) >= spec.restart_max_delay) next_delay = spec.restart_delay;
  const Duration delay = next_delay;
  next_delay = std::min(delay * 2, spec.restart_max_delay);
  leader.restart_from = at(index) + delay;
  leader.restart_until = leader.restart_from + delay / 10;

  const std::uint32_t burst = spec.start_limit_burst;
  if (burst == 0 || starts_in_interval(leader.service, leader.restart_from) < burst) return Verdict::Restart;
  if (starts_in_interval(leader.service, leader.restart_until) >= burst) return Verdict::Failed;
  // It depends on the jitter, which nobody knows.
  return says_start_limit_hit(index, leader.service) ? Verdict::Failed : Verdict::Restart;
}

std::size_t History::starts_in_interval(ServiceId id, Time due) const {
  const auto& attempts = service(id).attempts;
  return static_cast<std::size_t>(std::count_if(attempts.begin(), attempts.end(), [&](const Attempt& attempt) {
    return attempt.counts() && due - at(attempt.index) < plan_[id].spec.start_limit_interval;
  }));
}

bool History::says_start_limit_hit(Index event, ServiceId id) const {
  for (Index i = event + 1; i < answer_end(event); ++i) {
    const auto* said = std::get_if<entry::Said>(&record_[i].what);
    const auto* hit = said ? std::get_if<notice::StartLimitHit>(&said->notice) : nullptr;
    if (hit && hit->service == id) return true;
  }
  return false;
}

void History::got_signal(Index index, const SignalReceived& event) {
  const bool main_is_there = plan_.main_command && index < main_gone_;
  const bool stops = main_is_there ? event.signal == kTerminate : contains(plan_.stop_signals, event.signal);
  if (stops) stop_signals_.push_back(index);
}

// ---- Questions

std::vector<ServiceId> History::ids() const {
  std::vector<ServiceId> ids;
  for (std::size_t i = 0; i < services_.size(); ++i) ids.push_back(static_cast<ServiceId>(i));
  return ids;
}

Index History::answer_end(Index index) const {
  Index end = index + 1;
  while (end < record_.size() && !begins_answer(record_[end])) ++end;
  return end;
}

Index History::event_of(Index index) const {
  while (!begins_answer(record_[index])) --index;
  return index;
}

Index History::first_event_at(Time at) const {
  Index index = 0;
  while (index < record_.size() && (record_[index].at < at || !begins_answer(record_[index]))) ++index;
  return index < record_.size() ? index : kNowhere;
}

Index History::stop_signal(std::size_t number) const {
  return number <= stop_signals_.size() ? stop_signals_[number - 1] : kNowhere;
}

bool History::leaves_group_alone(const ProcessHistory& leader) const {
  const config::Service& spec = plan_[leader.service].spec;
  const bool finished = leader.verdict == Verdict::Done && spec.type == config::ServiceType::Oneshot;
  return spec.kill_mode == config::KillMode::Process || finished || plan_[leader.service].role != Role::Service;
}

bool History::is_lone_main() const {
  const auto& all = plan_.services;
  return plan_.main_command && std::none_of(all.begin(), all.end(), [](const PlannedService& planned) {
           return planned.role == Role::Service;
         });
}

Index History::timed_out(const ProcessHistory& leader) const {
  const std::optional<Duration> timeout = plan_[leader.service].start_timeout;
  if (!timeout || leader.runs == kNowhere) return kNowhere;
  for (const SentSignal& sent : leader.signals) {
    const bool due = at(sent.index) == at(leader.begun) + *timeout;
    if (due && sent.signal == kTerminate && sent.means == Means::ToMain) return sent.index;
  }
  return kNowhere;
}

Index History::hook_over(ServiceId hook) const {
  if (!service(hook).runs.empty()) return process(service(hook).runs.back()).over;
  for (const Attempt& attempt : service(hook).attempts) {
    using enum Attempt::Outcome;
    const bool is_last = attempt.outcome == Cancelled && at(attempt.answered) >= at(stop_index());
    if (attempt.outcome == Refused || attempt.outcome == Late || is_last) return attempt.answered;
  }
  return kNowhere;
}

bool History::stop_hooks_run() const {
  return stop_ && std::all_of(plan_.boot_hooks.begin(), plan_.boot_hooks.end(), [&](ServiceId hook) {
           return service(hook).ended_for_good < stop_index() && !service(hook).failed;
         });
}

Index History::find_drain() const {
  const bool hooks_run = stop_hooks_run() && !plan_.pre_stop_hooks.empty() && stop_->reserve > Duration::zero();
  if (!hooks_run) return stop_index();
  return std::min(
      {hook_over(plan_.pre_stop_hooks.back()), first_event_at(stop_->begins + stop_->reserve), stop_signal(2)});
}

Index History::post_stop() const {
  Index first = kNowhere;
  for (const ServiceId hook : plan_.post_stop_hooks) {
    if (!service(hook).attempts.empty()) first = std::min(first, service(hook).attempts.front().index);
  }
  return first;
}

bool History::is_post_stop(const ProcessHistory& process) const {
  return contains(plan_.post_stop_hooks, process.service);
}

Time History::end_of_patience_with_hooks() const {
  Time end = stop_->deadline;
  const Index over = hook_over(plan_.post_stop_hooks.back());
  const bool by_main = stop_->cause == notice::StopCause::MainCommandEnded;
  if (by_main && !plan_.stop.chosen && over < stop_signal(2)) end = std::min(end, at(over) + stop_->reserve);
  return std::min(end, at(stop_signal(3)));
}

std::vector<History::Unfinished> History::unfinished() const {
  std::vector<Unfinished> unfinished;
  // A hook may be tried once more at the very instant.
  const Index last_start = drain_ == kNowhere ? kNowhere : answer_end(drain_);
  for (const ServiceId id : ids()) {
    for (const Attempt& attempt : service(id).attempts) {
      const Index over = attempt.leader ? process(*attempt.leader).over : attempt.answered;
      if (attempt.index >= last_start || over <= drain_) continue;
      unfinished.push_back({tiers_[index_of(id)], attempt.index, over});
    }
  }
  return unfinished;
}

Index History::all_over() const {
  Index last = drain_;
  for (const Unfinished& service : unfinished()) last = std::max(last, service.over);
  return last;
}

Time History::end_of_patience() const {
  if (!stop_) return kNever;
  Time end = stop_->deadline;
  const Time all_over_at = at(all_over());
  const bool by_main = stop_->cause == notice::StopCause::MainCommandEnded;
  if (by_main && !plan_.stop.chosen && all_over_at < stop_->sweep_at) end = all_over_at + stop_->reserve;
  return std::min(end, at(stop_signal(3)));
}

bool History::spares_main_at(Index index) const { return is_lone_main() && !plan_.stop.chosen && index < main_gone_; }

std::map<Index, Ask> History::asks() const {
  std::map<Index, Ask> asks;
  if (drain_ == kNowhere) return asks;
  std::map<std::uint32_t, std::vector<Unfinished>> tiers;
  for (const Unfinished& service : unfinished()) tiers[service.tier].push_back(service);
  const auto ask_tier = [&](const std::vector<Unfinished>& tier, Ask ask) {
    for (const Unfinished& service : tier) asks.emplace(service.begun, ask);
  };

  Ask ask{drain_, at(drain_)};
  Index asked_over = drain_;  // when those that have been asked have stopped
  while (ask.index != stop_signal(2)) {
    std::erase_if(tiers, [&](const auto& tier) { return all_over_by(tier.second, ask.index); });
    if (tiers.empty()) return asks;
    const Time share_end = ask.at + (stop_->sweep_at - ask.at) / static_cast<std::int64_t>(tiers.size());
    const auto tier = tiers.extract(tiers.begin()).mapped();
    ask_tier(tier, ask);
    for (const Unfinished& service : tier) asked_over = std::max(asked_over, service.over);
    if (share_end <= ask.at) continue;  // the next tier follows in the same answer
    const Index next = std::min({std::max(asked_over, ask.index), first_event_at(share_end), stop_signal(2)});
    if (next == kNowhere) return asks;
    ask = {next, at(next)};
  }
  for (const auto& [number, tier] : tiers) ask_tier(tier, ask);
  return asks;
}

bool History::all_over_by(const std::vector<Unfinished>& services, Index index) {
  return std::all_of(services.begin(), services.end(),
                     [&](const Unfinished& service) { return service.over <= index; });
}

Index History::asked(const ProcessHistory& leader) const {
  const Signal own = plan_[leader.service].spec.stop_signal;
  for (const SentSignal& sent : leader.signals) {
    const bool directly = sent.means == Means::ToMain || sent.means == Means::ToGroup;
    const bool asks = sent.signal == own || sent.signal == kTerminate;
    if (sent.index > stop_index() && sent.index < leader.told && directly && asks) return sent.index;
  }
  return kNowhere;
}

}  // namespace cinit::core::simulation
