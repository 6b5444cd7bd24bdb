#include <algorithm>
#include <utility>

#include "simulation/deep_rules.hpp"

namespace cinit::core::simulation {
namespace {

// From SIGKILL.
constexpr Duration kAbandonTime = std::chrono::seconds(5);

}  // namespace

Time DeepRules::kill_time(ServiceId id) {
  const Facts& facts = of(id);
  const Time from = facts.stop_began ? *facts.stop_began : facts.ended_at.value_or(Time{});
  if (spec(id).stop_timeout) return later(from, *spec(id).stop_timeout);
  const bool of_all = facts.stop_began ? !facts.stop_was_own : stops() && *stop_at_ <= from;
  return of_all ? kNever : later(from, plan_.stop.total);
}

void DeepRules::begin_stop(ServiceId id) {
  Facts& facts = of(id);
  facts.must_be_stopped = false;
  if (facts.stop_began) return;
  facts.stop_began = now_;
  facts.stop_was_own = !stops();
}

void DeepRules::see(const entry::Signalled& sent) {
  const entry::Born& process = processes_.at(sent.pid);
  const ServiceId id = process.service;
  Facts& facts = of(id);
  if (sent.signal == kKill) kills_.emplace(sent.pid, now_);
  const bool directly = sent.means == Means::ToMain || sent.means == Means::ToGroup;
  if (!directly) return;
  if (remains_ && process.leader == remains_->leader) {
    if (sent.signal == kTerminate) remains_->terminated.insert(sent.pid);
    if (sent.signal == kContinue) remains_->continued.insert(sent.pid);
  }
  if (facts.launching) wrong(id, "gets a signal while it is being started");
  if (abandoned_.contains(process.leader)) return;
  if (sent.signal == kKill) return killed(process);
  if (process.kind != Kind::Leader || facts.main != sent.pid || plan_.is_main(id)) return;
  if (sent.signal == kContinue) return;
  asked(id, sent.signal);
}

void DeepRules::asked(ServiceId id, Signal signal) {
  Facts& facts = of(id);
  facts.must_be_stopped = false;
  if (signal != spec(id).stop_signal && !hurries()) wrong(id, "gets a signal that is not its stop signal");
  if (!stops() && facts.wanted && !facts.restart_due && !facts.condemned) wrong(id, "is asked to end for no reason");
  // Its turn to stop had come before it ran.
  const bool ran_too_late = (stops() || !facts.wanted) && just_runs_ == id;
  if (facts.up_since && !facts.condemned && !hurries() && !ran_too_late) {
    pre_stop_is_over(id);
    if (spec(id).stop_command && !facts.stop_command_failed) wrong(id, "gets its stop signal, not its stop command");
  }
  begin_stop(id);
  facts.asked_by.insert(signal.number);
}

void DeepRules::killed(const entry::Born& process) {
  const Time due = kill_time(process.service);
  const bool by_budget = killed_by_now();
  if (now_ < due && !by_budget) wrong(process.service, "gets SIGKILL too early");
  const bool unasked = !of(process.service).stop_began && !of(process.service).ended_at;
  if (unasked && !by_budget) wrong(process.service, "gets SIGKILL and was never asked");
}

void DeepRules::see(const entry::Swept&) {
  if (!stops()) wrong("a sweep without a stop");
  swept_at_ = std::min(swept_at_.value_or(now_), now_);
}

void DeepRules::see(const entry::KilledEverything& kill) {
  killed_ = true;
  const bool by_main = ends_by_main_ && !plan_.stop.chosen && swept_at_ && now_ >= *swept_at_ + reserve();
  if (now_ < deadline() && stop_signals_ < 3 && !by_main) wrong("everything is killed before its time");
  if (!kill.spare_main_command) last_kill_ = now_;
}

// It comes when its time is over, to a main process and to what that has left.
void DeepRules::kill_has_come(ServiceId id) {
  const Facts& facts = of(id);
  const Time due = std::max(kill_time(id), facts.extended_until);
  if (due >= last_) return;
  const bool runs = facts.main && facts.runs_since && facts.stop_began;
  if (runs && !kills_.contains(*facts.main)) wrong(id, "does not get SIGKILL when its time is over");
  if (!clearing_.contains(id)) return;
  for (const auto& [pid, process] : processes_) {
    const bool is_left = process.leader == facts.last_main && process.kind == Kind::Background && !ended_.contains(pid);
    if (!is_left) continue;
    const auto kill = kills_.find(pid);
    if (kill == kills_.end()) {
      wrong(id, "leaves somebody in its group who does not get SIGKILL");
    } else if (std::max(kill->second, *facts.ended_at) + kAbandonTime < last_) {
      wrong(id, "waits too long for what SIGKILL does not end");
    }
  }
}

void DeepRules::exited(const Exited& event) {
  const ServiceId id = event.service;
  Facts& facts = of(id);
  if (!facts.runs_since) wrong(id, "ends and is not known to run");
  if (plan_.is_main(id)) main_is_gone_ = true;
  const bool got_kill = facts.main && kills_.contains(*facts.main);
  const bool by_kill = got_kill && event.status == WaitStatus::signaled(kKill);
  if (by_kill && stops() && !is_hook(plan_[id].role)) main_needed_kill_ = true;
  // A code that cinit's own signal made says nothing of a service that had failed before.
  const bool by_asking = event.status.by_signal() && facts.asked_by.contains(event.status.signal().number);
  const bool has_failed = facts.condemned || unhealthy_ == id;
  facts.code = has_failed && (by_kill || by_asking) ? 1 : event.status.shell_code();
  remains_ = Remains{id, *facts.main, event.status, {}, {}, {}};
  for (const auto& [pid, process] : processes_) {
    const bool is_left = process.leader == *facts.main && process.kind == Kind::Background && !ended_.contains(pid);
    if (is_left) remains_->members.insert(pid);
  }
  facts.last_main = facts.main;
  facts.main.reset();
  facts.runs_since.reset();
  facts.ready_since.reset();
  facts.up_since.reset();
  facts.must_be_stopped = false;
  facts.fed_until = kNever;
  facts.ended_at = now_;
  attempt_ends(id, true);
}

void DeepRules::see(const entry::GroupWatched& watched) {
  if (!remains_ || remains_->service != watched.service)
    wrong(watched.service, "has its group watched at a wrong time");
  clearing_.insert(watched.service);
}

// What SIGKILL has not ended after this time is left alone.
void DeepRules::see(const entry::GroupForgotten& forgotten) {
  const ServiceId id = forgotten.service;
  if (clearing_.erase(id) == 0) return wrong(id, "has its group forgotten at a wrong time");
  for (const auto& [pid, process] : processes_) {
    const bool is_left =
        process.leader == of(id).last_main && process.kind == Kind::Background && !ended_.contains(pid);
    const auto kill = kills_.find(pid);
    if (is_left && (kill == kills_.end() || now_ < kill->second + kAbandonTime)) {
      wrong(id, "has somebody left alone who has not had enough time to end");
    }
  }
}

void DeepRules::see(const entry::Ended& ended) { ended_.emplace(ended.pid, ended.status); }

// What a service leaves in its group is asked to end and waited for, but for the group of a oneshot that is done, and where
// that is not wished.
void DeepRules::leftovers_are_seen_to() {
  if (!remains_) return;
  const Remains remains = *std::exchange(remains_, std::nullopt);
  const ServiceId id = remains.service;
  const bool concerns = plan_[id].role == Role::Service && spec(id).kill_mode != config::KillMode::Process;
  const bool is_cleared = concerns && !remains.is_done;
  if (clearing_.contains(id) != is_cleared)
    wrong(id, is_cleared ? "has a group that is not watched" : "has its group watched");
  for (const Pid member : remains.members) {
    const bool is_asked = remains.terminated.contains(member);
    if (is_asked != is_cleared)
      wrong(id, is_asked ? "has asked what is to stay" : "leaves somebody who is not asked to end");
    if (is_asked && !remains.continued.contains(member)) wrong(id, "leaves somebody who gets no SIGCONT");
  }
}

void DeepRules::got_signal(Signal signal) {
  const bool main_is_there = plan_.main_command && !main_is_gone_;
  const auto& stops = plan_.stop_signals;
  const bool is_stop =
      main_is_there ? signal == kTerminate : std::find(stops.begin(), stops.end(), signal) != stops.end();
  if (is_stop) ++stop_signals_;
}

void DeepRules::stop_begins(const notice::ShutdownBegun& begun) {
  if (stops()) wrong("the stop begins twice");
  stop_at_ = now_;
  begun_ = begun;
  const auto& main = plan_.main_command;
  main_is_gone_ = main && !of(*main).main && !of(*main).launching;
  ends_by_main_ = begun.cause == notice::StopCause::MainCommandEnded;
  const bool for_health = begun.cause == notice::StopCause::ServiceUnhealthy;
  if (for_health && unhealthy_ != begun.service) wrong("the stop begins for the health of one who is well");
  for (std::size_t i = 0; i < facts_.size(); ++i) {
    Facts& facts = facts_[i];
    facts.restart_due = facts.must_be_stopped = false;
    const auto id = static_cast<ServiceId>(i);
    // Ready at the same moment, but after what begins the stop: it is up without its post-start commands.
    if (facts.ready_since == now_ && !facts.task && !facts.stop_began) up(id);
    if (begun.cause != notice::StopCause::AllEnded) continue;
    if (facts.held) wrong(id, "is held, and the container ends for want of services");
    const bool runs = facts.main || facts.launching || facts.task || clearing_.contains(id);
    if (runs) wrong(id, "runs, and all are said to have ended");
  }
}

}  // namespace cinit::core::simulation
