#include "simulation/deep_rules.hpp"

#include <algorithm>
#include <utility>

#include "base/overloaded.hpp"
#include "simulation/rules.hpp"

namespace cinit::core::simulation {

DeepRules::DeepRules(const Plan& plan, const Record& record)
    : plan_(plan), record_(record), facts_(plan.services.size()) {
  for (std::size_t i = 0; i < facts_.size(); ++i) {
    facts_[i].unsettled = facts_[i].fresh = plan.services[i].wanted_at_boot;
    facts_[i].wanted = plan.services[i].wanted_at_boot || plan.services[i].role != Role::Service;
  }
}

Violations DeepRules::check() {
  for (const Entry& entry : record_) {
    now_ = entry.at;
    const bool begins_answer = as<entry::Told>(entry.what) || as<entry::Booted>(entry.what);
    if (begins_answer) nothing_was_left_out();
    if (left_at_) wrong("something happens after Exit");
    std::visit([this](const auto& what) { see(what); }, entry.what);
  }
  if (!left_at_) wrong("cinit never leaves");
  if (violations_.empty()) at_the_end();
  return std::move(violations_);
}

void DeepRules::wrong(const std::string& what) {
  violations_.push_back(to_text(now_ - record_.front().at) + ": " + what);
}

// Between two events.
void DeepRules::nothing_was_left_out() {
  if (unhealthy_ && !stops()) wrong("no stop begins although somebody is unhealthy");
  leftovers_are_seen_to();
  for (std::size_t i = 0; i < facts_.size(); ++i) nothing_was_left_out(static_cast<ServiceId>(i));
  last_ = now_;
}

void DeepRules::nothing_was_left_out(ServiceId id) {
  Facts& facts = of(id);
  const bool was_cut = std::exchange(facts.probe_cut, false) && facts.main && !facts.stop_began;
  if (was_cut) wrong(id, "has a probe ended before its time");
  if (std::exchange(facts.must_be_stopped, false)) wrong(id, "is unhealthy and not stopped");
  if (facts.launching && stop_signals_ > 1) wrong(id, "is still being started although somebody urges");
  if (last_ == now_) return;
  const bool is_killed = facts.main && kills_.contains(*facts.main);
  const bool comes_up = facts.in_attempt && !facts.up_since && !facts.stop_began && !facts.owes_post_stop && !is_killed;
  if (comes_up && facts.give_up_at < last_) wrong(id, "has more time for its start than it may");
  const bool hangs = facts.launching && std::min({facts.launch_limit, facts.launch_stop, deadline()}) < last_;
  if (hangs) wrong(id, "hangs in its start and is not given up");
  if (facts.fed_until < last_ && facts.up_since && !facts.stop_began) wrong(id, "is not fed and not stopped");
  kill_has_come(id);
  const bool is_over = !facts.main && !facts.launching && !facts.task && !facts.in_attempt && group_is_over(id);
  if (facts.restart_due && is_over && plan_[id].waits_for.empty())
    wrong(id, "is not started again as it was asked for");
}

void DeepRules::see(const entry::Told& told) {
  const auto* runs = as<Spawned>(told.event);
  just_runs_ = runs ? std::optional(runs->service) : std::nullopt;
  std::visit(Overloaded{
                 [&](const Spawned& event) { spawned(event.service); },
                 [&](const SpawnFailed& event) { spawn_failed(event); },
                 [&](const Exited& event) { exited(event); },
                 [&](const Forked& event) { forked(event.service); },
                 [&](const GroupEmptied& event) { clearing_.erase(event.service); },
                 [&](const TaskEnded& event) { task_ended(event); },
                 [&](const ProbeEnded& event) {
                   const auto& probe = of(event.service).probe;
                   if (probe && probe->number == event.number) probe_over(event.service, event.passed, true);
                 },
                 [&](const ToldReady& event) { told_ready(event.service); },
                 [&](const Notified& event) { notified(event); },
                 [&](const SignalReceived& event) { got_signal(event.signal); },
                 [&](const Requested& event) { requested(event); },
                 [&](const StoodStill& event) { stood_still(event.span); },
                 [&](const DeadlineReached&) { delays(); },
                 [](const OneOf<MainSuspended, PlanRevised, NothingLeft> auto&) {},
             },
             told.event);
}

void DeepRules::requested(const Requested& event) {
  if (stops() || plan_[event.service].role != Role::Service) return;
  Facts& facts = of(event.service);
  if (event.what == Requested::What::Stop) {
    const bool runs = facts.main || facts.launching || facts.task;
    if (facts.launching) stop_launch(event.service);
    facts.held = facts.held || runs;
    facts.wanted = facts.restart_due = false;
    if (!runs) facts.unsettled = false;
    return;
  }
  const bool runs = facts.main && facts.runs_since;
  if (event.what == Requested::What::Restart && runs) facts.restart_due = true;
  const bool in_pre_start = facts.task && facts.task->task == Task::PreStart;
  if (event.what == Requested::What::Restart && in_pre_start) facts.restart_due = true;
  ask_for(event.service);
}

void DeepRules::ask_for(ServiceId id) {
  Facts& facts = of(id);
  const bool goes_on = facts.in_attempt && !facts.stop_began;
  if (facts.runs_since && !facts.wanted) facts.restart_due = true;
  // What ends is not its failure any more.
  if (facts.task && facts.task->task == Task::PreStart && facts.task_asked) facts.condemned = false;
  facts.held = false;
  facts.launch_stop = kNever;
  facts.wanted = true;
  is_down_.erase(id);
  std::erase(failures_, id);
  facts.starts.clear();
  if (!goes_on || facts.restart_due) facts.fresh = true;
  for (const ServiceId required : plan_[id].required) {
    if (is_down_.contains(required) || !of(required).wanted) ask_for(required);
  }
}

void DeepRules::stood_still(Duration span) {
  stood_still_ += span;
  for (Facts& facts : facts_) {
    facts.give_up_at = later(facts.give_up_at, span);
    facts.launch_limit = later(facts.launch_limit, span);
    facts.fed_until = later(facts.fed_until, span);
    facts.ready_at = later(facts.ready_at, span);
    if (facts.ready_since) *facts.ready_since += span;
  }
  last_ = now_;
}

void DeepRules::see(const entry::Said& said) {
  std::visit(Overloaded{
                 [&](const notice::ShutdownBegun& begun) { stop_begins(begun); },
                 [&](const notice::InvariantBroken&) { wrong("a broken invariant"); },
                 [&](const notice::TimedOut& notice) { timed_out(notice.service); },
                 [&](const notice::Failed& notice) { failed(notice.service); },
                 [&](const notice::StartFailed& notice) { failed(notice.service); },
                 [&](const notice::StartLimitHit& notice) { failed(notice.service); },
                 [&](const notice::WentIntoBackground& notice) { went_on(notice); },
                 [&](const notice::RequirementFailed& notice) {
                   failed(notice.service);
                   of(notice.service).code = failure_code(notice.required);
                   of(notice.service).fresh = of(notice.service).restart_due = false;
                 },
                 [&](const notice::Stopped& notice) { of(notice.service).unsettled = false; },
                 [&](const notice::Done& notice) { done(notice.service); },
                 [&](const notice::Exited& notice) {
                   if (!notice.restart && !of(notice.service).restart_due) of(notice.service).unsettled = false;
                 },
                 [](const auto&) {},
             },
             said.notice);
}

void DeepRules::failed(ServiceId id) {
  of(id).unsettled = false;
  is_down_.insert(id);
  if (plan_[id].role == Role::Service) failures_.push_back(id);
}

// One that does so at once is not started again, whatever its restart policy.
void DeepRules::went_on(const notice::WentIntoBackground& notice) {
  const bool just_ended = remains_ && remains_->service == notice.service;
  if (!just_ended || remains_->status.by_signal()) wrong(notice.service, "is said to be in the background");
  if (notice.for_good) failed(notice.service);
}

void DeepRules::timed_out(ServiceId id) {
  const bool comes_up = of(id).launching || (of(id).main && !of(id).up_since);
  if (now_ < of(id).give_up_at || !comes_up) wrong(id, "is said to take too long and does not");
  of(id).condemned = true;
}

void DeepRules::done(ServiceId id) {
  of(id).done = true;
  const bool just_ended = remains_ && remains_->service == id;
  if (!just_ended) return wrong(id, "is said to be done and has not ended");
  remains_->is_done = true;
  const config::SuccessExitStatus& success = spec(id).success_exit_status;
  const WaitStatus status = remains_->status;
  const bool succeeded = status.by_signal()
                             ? std::count(success.signals.begin(), success.signals.end(), status.signal()) > 0
                             : std::count(success.codes.begin(), success.codes.end(), status.code()) > 0;
  if (!succeeded) wrong(id, "is said to be done and has not succeeded");
}

Violations deep_rules(const Plan& plan, const Record& record) { return DeepRules(plan, record).check(); }

}  // namespace cinit::core::simulation
