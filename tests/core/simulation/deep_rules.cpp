#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/overloaded.hpp"
#include "simulation/rules.hpp"

namespace cinit::core::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Signal kKill{9};
constexpr Signal kTerminate{15};
constexpr Signal kContinue{18};
constexpr Duration kReapingTime = 500ms;

template <class T, class Variant>
const T* as(const Variant& what) {
  return std::get_if<T>(&what);
}

// What is known of a service at one place of the record.
struct Facts {
  // Its main process: from its birth until its end was told.
  std::optional<Pid> main;
  std::optional<Time> runs_since;   // its start was told
  std::optional<Time> ready_since;  // it has met its condition
  std::optional<Time> up_since;     // and its post-start commands have succeeded
  bool in_attempt = false;
  Time begun{};
  Time give_up_at = kNever;
  Time ready_at = kNever;  // it will have run for its delay

  std::optional<entry::TaskBegan> task;  // until its end was told, or it was given up
  Time task_began{};
  bool task_asked = false;      // it got SIGTERM
  std::size_t pre_starts = 0;   // that succeeded in this attempt
  std::size_t post_starts = 0;  // likewise
  std::size_t pre_stops = 0;    // that ended
  std::size_t post_stops = 0;   // likewise
  bool pre_stop_cut = false;    // at the end of its time
  bool stop_command_failed = false;
  bool done = false;  // a oneshot has succeeded
  bool undone = false;
  bool owes_post_stop = false;  // an attempt has ended, and they have not all run yet

  std::optional<entry::ProbeBegan> probe;
  Time probe_began{};
  Time no_probe_before{};
  std::uint32_t failed_checks = 0;
  bool probe_cut = false;        // before its time: in this answer
  bool must_be_stopped = false;  // its health asks for it: in this answer
  Time fed_until = kNever;       // the watchdog's time

  std::optional<Time> stop_began;  // of this run: the first thing that was done to end it
  bool stop_was_own = false;       // began before the stop of everything
  bool condemned = false;
  std::optional<Time> ended_at;  // of the last main process

  bool wanted = true;      // nobody asked for its stop
  bool held = false;       // somebody did, while it ran
  bool unsettled = false;  // to come up for the first time since it was asked for
  bool fresh = false;      // to be started because it was asked for, not because it crashed
  bool restart_due = false;
  std::vector<Time> starts;
};

// Walks through the record once, and compares each thing that the supervisor does with what is known until then.
class DeepRules {
 public:
  DeepRules(const Plan& plan, const Record& record) : plan_(plan), record_(record), facts_(plan.services.size()) {
    for (std::size_t i = 0; i < facts_.size(); ++i) {
      facts_[i].unsettled = facts_[i].fresh = plan.services[i].wanted_at_boot;
    }
  }

  Violations check() {
    for (const Entry& entry : record_) {
      now_ = entry.at;
      if (begins_answer(entry)) nothing_was_left_out();
      if (left_at_) wrong("something happens after Exit");
      std::visit([this](const auto& what) { see(what); }, entry.what);
    }
    if (!left_at_) wrong("cinit never leaves");
    if (violations_.empty()) at_the_end();
    return std::move(violations_);
  }

 private:
  static bool begins_answer(const Entry& entry) { return as<entry::Told>(entry.what) || as<entry::Booted>(entry.what); }

  Facts& of(ServiceId id) { return facts_[index_of(id)]; }
  const config::Service& spec(ServiceId id) const { return plan_[id].spec; }
  bool stops() const { return stop_at_.has_value(); }
  bool hurries() const { return stop_signals_ > 1 || killed_; }
  Time deadline() const { return stops() ? *stop_at_ + plan_.stop.total : kNever; }
  Time sweep_time() const { return deadline() - std::min<Duration>(plan_.stop.total / 4, 2s); }

  void wrong(const std::string& what) { violations_.push_back(to_text(now_ - record_.front().at) + ": " + what); }
  void wrong(ServiceId id, const std::string& what) { wrong(spec(id).name + " " + what); }

  // ---- Between two events

  void nothing_was_left_out() {
    if (unhealthy_ && !stops()) wrong("no stop begins although somebody is unhealthy");
    for (std::size_t i = 0; i < facts_.size(); ++i) {
      const auto id = static_cast<ServiceId>(i);
      Facts& facts = facts_[i];
      const bool was_cut = std::exchange(facts.probe_cut, false) && facts.main && !facts.stop_began;
      if (was_cut) wrong(id, "has a probe ended before its time");
      if (std::exchange(facts.must_be_stopped, false)) wrong(id, "is unhealthy and not stopped");
      if (last_ == now_) continue;
      const bool comes_up = facts.in_attempt && !facts.up_since && !facts.stop_began && !facts.owes_post_stop;
      if (comes_up && facts.give_up_at < last_) wrong(id, "has more time for its start than it may");
      if (facts.fed_until < last_ && facts.up_since && !facts.stop_began) wrong(id, "is not fed and not stopped");
      // Nobody tells when the group of a oneshot is looked at, and when it is left alone.
      const bool is_known = spec(id).type == config::ServiceType::Simple && group_is_over(id);
      const bool is_over = !facts.main && !facts.task && !facts.in_attempt && is_known;
      if (facts.restart_due && is_over && plan_[id].waits_for.empty())
        wrong(id, "is not started again as it was asked for");
    }
    last_ = now_;
  }

  bool group_is_over(ServiceId id) const { return !clearing_.contains(id); }

  // ---- Attempts

  void begin_attempt(ServiceId id) {
    Facts& facts = of(id);
    if (facts.main || facts.task || clearing_.contains(id)) wrong(id, "is started while something of it is left");
    if (facts.owes_post_stop && !hurries()) wrong(id, "is started before its post-stop commands have run");
    if (stops() && plan_[id].role != Role::StopHook) wrong(id, "is started after the stop began");
    if (!facts.wanted) wrong(id, "is started although it was stopped");
    if (facts.fresh) dependencies(id);
    facts.unsettled = facts.unsettled || facts.fresh;
    facts.fresh = facts.restart_due = false;
    facts.in_attempt = true;
    facts.owes_post_stop = false;
    facts.stop_began.reset();
    facts.condemned = facts.stop_command_failed = facts.pre_stop_cut = false;
    facts.pre_starts = facts.post_starts = facts.pre_stops = facts.post_stops = 0;
    facts.failed_checks = 0;
    facts.begun = now_;
    facts.give_up_at = plan_[id].start_timeout ? later(now_, *plan_[id].start_timeout) : kNever;
    limit(id);
  }

  void dependencies(ServiceId id) {
    for (const ServiceId earlier : plan_[id].waits_for) {
      if (of(earlier).unsettled) wrong(id, "is started before " + spec(earlier).name + " was ready");
    }
  }

  void limit(ServiceId id) {
    auto& starts = of(id).starts;
    starts.push_back(now_);
    const std::size_t burst = spec(id).start_limit_burst;
    if (burst == 0 || starts.size() <= burst) return;
    if (now_ - starts[starts.size() - 1 - burst] < spec(id).start_limit_interval) wrong(id, "exceeds its start limit");
  }

  // It was none after all. A request may have come since, which forgets them all.
  static void take_back(Facts& facts) {
    if (!facts.starts.empty()) facts.starts.pop_back();
  }

  void attempt_ends(ServiceId id, bool anything_ran) {
    Facts& facts = of(id);
    facts.in_attempt = false;
    facts.owes_post_stop = anything_ran && !spec(id).post_stop.empty();
    facts.post_stops = 0;
  }

  void up(ServiceId id) {
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

  void ready(ServiceId id) {
    Facts& facts = of(id);
    if (facts.ready_since || facts.stop_began) return;
    facts.ready_since = now_;
    if (spec(id).post_start.empty() || !facts.wanted || stops()) up(id);
  }

  // ---- What the supervisor does

  void see(const entry::Booted&) { last_ = now_; }
  void see(const entry::Reaped&) {}
  void see(const entry::TaskOver&) {}

  void see(const entry::Born& born) {
    processes_[born.pid] = born;
    if (born.kind != Kind::Leader) return;
    spawned(born.service);
    of(born.service).main = born.pid;
  }

  void see(const entry::Refused& refused) { spawned(refused.service); }

  void spawned(ServiceId id) {
    // Hooks follow the stop of a main command, even when what that left had to be killed.
    const bool urged = plan_[id].role == Role::StopHook ? stop_signals_ > 1 : hurries();
    if (urged) wrong(id, "is started although somebody urges");
    if (spec(id).pre_start.empty()) begin_attempt(id);
    if (of(id).pre_starts != spec(id).pre_start.size()) wrong(id, "is started before its pre-start commands succeeded");
    if (of(id).task) wrong(id, "is started beside a command");
    if (now_ > of(id).give_up_at) wrong(id, "is started after its start-timeout");
  }

  void see(const entry::TaskBegan& task) {
    Facts& facts = of(task.service);
    if (facts.task) wrong(task.service, "has two commands at once");
    if (hurries()) wrong(task.service, "has a command although somebody urges");
    switch (task.task) {
      case Task::PreStart:
        if (task.index == 0) begin_attempt(task.service);
        if (facts.pre_starts != task.index) wrong(task.service, "has a pre-start command out of turn");
        break;
      case Task::PostStart:
        if (!facts.main || !facts.ready_since || facts.stop_began)
          wrong(task.service, "has post-start too early or late");
        if (facts.post_starts != task.index) wrong(task.service, "has a post-start command out of turn");
        if (stops() || !facts.wanted) wrong(task.service, "has a post-start command when it is to stop");
        break;
      case Task::Undo:
        if (!stops() || !facts.done) wrong(task.service, "is undone and has not been done, or is to stay");
        if (std::exchange(facts.undone, true)) wrong(task.service, "is undone twice");
        break;
      case Task::PreStop:
        if (!facts.main || !facts.up_since) wrong(task.service, "has pre-stop commands and was not up");
        if (facts.pre_stops != task.index) wrong(task.service, "has a pre-stop command out of turn");
        begin_stop(task.service);
        break;
      case Task::StopCommand:
        if (!facts.main || (!facts.up_since && spec(task.service).type != config::ServiceType::Oneshot))
          wrong(task.service, "has a stop command and was not up");
        pre_stop_is_over(task.service);
        begin_stop(task.service);
        break;
      case Task::PostStop:
        if (facts.main || clearing_.contains(task.service))
          wrong(task.service, "has post-stop commands before its end");
        if (!facts.owes_post_stop || facts.post_stops != task.index) wrong(task.service, "has post-stop out of turn");
        break;
    }
    facts.task = task;
    facts.task_began = now_;
    facts.task_asked = false;
  }

  void see(const entry::TaskSignalled& sent) {
    Facts& facts = of(sent.service);
    if (!facts.task) return wrong(sent.service, "has a command signalled that does not run");
    const bool is_pre_start = facts.task->task == Task::PreStart;
    const bool may = hurries() || stops() || !facts.wanted || facts.restart_due || now_ >= facts.give_up_at;
    if (!may || (!is_pre_start && !hurries())) wrong(sent.service, "has a command signalled for no reason");
    facts.task_asked = true;
    if (is_pre_start) begin_stop(sent.service);
  }

  void see(const entry::TaskGivenUp& given_up) {
    Facts& facts = of(given_up.service);
    if (!facts.task) return wrong(given_up.service, "has a command ended that does not run");
    const Task task = std::exchange(facts.task, std::nullopt)->task;
    if (task == Task::PreStart && !killed_by_now() && now_ < kill_time(given_up.service)) {
      wrong(given_up.service, "has its pre-start command killed too early");
    }
    if (task == Task::PreStart) attempt_ends(given_up.service, true);
    if (task == Task::PreStop) facts.pre_stop_cut = facts.stop_began && now_ >= pre_stop_end(given_up.service);
    if (task == Task::PostStop) facts.owes_post_stop = false;
  }

  bool killed_by_now() const { return now_ >= deadline() || stop_signals_ > 2 || ends_by_main_; }

  // Half of the time from the begin of the stop to SIGKILL, or to the sweep.
  Time pre_stop_end(ServiceId id) {
    const Facts& facts = of(id);
    Time end = kill_time(id);
    if (!facts.stop_was_own) end = std::min(end, std::max(*facts.stop_began, sweep_time()));
    return *facts.stop_began + (end - *facts.stop_began) / 2;
  }

  // When its own SIGKILL is due at the earliest.
  Time kill_time(ServiceId id) {
    const Facts& facts = of(id);
    const Time from = facts.stop_began ? *facts.stop_began : facts.ended_at.value_or(Time{});
    if (spec(id).stop_timeout) return later(from, *spec(id).stop_timeout);
    const bool of_all = facts.stop_began ? !facts.stop_was_own : stops() && *stop_at_ <= from;
    return of_all ? kNever : later(from, plan_.stop.total);
  }

  void begin_stop(ServiceId id) {
    Facts& facts = of(id);
    facts.must_be_stopped = false;
    if (facts.stop_began) return;
    facts.stop_began = now_;
    facts.stop_was_own = !stops();
  }

  void pre_stop_is_over(ServiceId id) {
    const Facts& facts = of(id);
    if (spec(id).type == config::ServiceType::Oneshot) return;  // it has none: it is never up
    const bool over = facts.pre_stops == spec(id).pre_stop.size() || facts.pre_stop_cut;
    if (!over && !hurries()) wrong(id, "is asked to end before its pre-stop commands were over");
  }

  void see(const entry::ProbeBegan& probe) {
    Facts& facts = of(probe.service);
    const bool for_health = probe.use == StartProbe::Use::Health;
    if (facts.probe) wrong(probe.service, "has two probes at once");
    if (!facts.main || !facts.runs_since || facts.stop_began) wrong(probe.service, "is probed and does not run");
    if (for_health != facts.up_since.has_value()) wrong(probe.service, "is probed for the wrong reason");
    if (now_ < facts.no_probe_before) wrong(probe.service, "is probed too early");
    facts.probe = probe;
    facts.probe_began = now_;
  }

  void see(const entry::ProbeGivenUp& given_up) {
    Facts& facts = of(given_up.service);
    if (!facts.probe) return wrong(given_up.service, "has a probe ended that does not run");
    const bool for_health = facts.probe->use == StartProbe::Use::Health;
    const Duration timeout =
        for_health ? spec(given_up.service).health->timeout : spec(given_up.service).ready->timeout;
    const bool is_late = now_ - facts.probe_began >= timeout;
    facts.probe_cut = !is_late;
    probe_over(given_up.service, false, is_late && facts.main && !facts.stop_began);
  }

  void probe_over(ServiceId id, bool passed, bool counts) {
    Facts& facts = of(id);
    const bool for_health = facts.probe->use == StartProbe::Use::Health;
    const Duration timeout = for_health ? spec(id).health->timeout : spec(id).ready->timeout;
    if (now_ - facts.probe_began > timeout + stood_still_) wrong(id, "has a probe that takes too long");
    facts.probe.reset();
    facts.no_probe_before = now_ + (for_health ? spec(id).health->interval : spec(id).ready->interval);
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

  void unhealthy(ServiceId id) {
    Facts& facts = of(id);
    if (stops() || !facts.wanted || facts.stop_began) return;
    if (spec(id).health->action == config::HealthAction::Restart) facts.must_be_stopped = facts.condemned = true;
    if (spec(id).health->action == config::HealthAction::Shutdown) unhealthy_ = id;
  }

  void see(const entry::Signalled& sent) {
    const entry::Born& process = processes_.at(sent.pid);
    const ServiceId id = process.service;
    Facts& facts = of(id);
    if (sent.signal == kKill) kills_.insert_or_assign(sent.pid, now_);
    const bool directly = sent.means == Means::ToMain || sent.means == Means::ToGroup;
    if (!directly) return;
    if (sent.signal == kKill) return killed(process);
    if (process.kind != Kind::Leader || facts.main != sent.pid || plan_.is_main(id)) return;
    if (sent.signal == kContinue) return;
    asked(id, sent.signal);
  }

  void asked(ServiceId id, Signal signal) {
    Facts& facts = of(id);
    facts.must_be_stopped = false;
    if (signal != spec(id).stop_signal && !hurries()) wrong(id, "gets a signal that is not its stop signal");
    const bool is_overdue = facts.runs_since && !facts.up_since && now_ >= facts.give_up_at;
    const bool is_own_fault = facts.condemned || is_overdue;
    if (!stops() && facts.wanted && !facts.restart_due && !is_own_fault) wrong(id, "is asked to end for no reason");
    const bool ran_too_late = stops() && just_runs_ == id;
    if (facts.up_since && !is_own_fault && !hurries() && !ran_too_late) {
      pre_stop_is_over(id);
      if (spec(id).stop_command && !facts.stop_command_failed) wrong(id, "gets its stop signal, not its stop command");
    }
    begin_stop(id);
  }

  void killed(const entry::Born& process) {
    const Time due = kill_time(process.service);
    const bool by_budget = killed_by_now();
    if (now_ < due && !by_budget) wrong(process.service, "gets SIGKILL too early");
    const bool unasked = !of(process.service).stop_began && !of(process.service).ended_at;
    if (unasked && !by_budget) wrong(process.service, "gets SIGKILL and was never asked");
  }

  void see(const entry::Ended& ended) { ended_.insert(ended.pid); }

  void see(const entry::Swept&) {
    if (!stops()) wrong("a sweep without a stop");
    swept_at_ = std::min(swept_at_.value_or(now_), now_);
  }

  void see(const entry::KilledEverything& kill) {
    killed_ = true;
    const bool by_main =
        ends_by_main_ && swept_at_ && now_ >= *swept_at_ + std::min<Duration>(plan_.stop.total / 4, 2s);
    if (now_ < deadline() && stop_signals_ < 3 && !by_main) wrong("everything is killed before its time");
    if (!kill.spare_main_command) last_kill_ = now_;
  }

  void see(const entry::Left& left) {
    left_at_ = now_;
    left_ = left;
  }

  // ---- What it is told, and says

  void see(const entry::Told& told) {
    const auto* runs = as<Spawned>(told.event);
    just_runs_ = runs ? std::optional(runs->service) : std::nullopt;
    std::visit(Overloaded{
                   [&](const Spawned& event) { spawned_told(event.service); },
                   [&](const SpawnFailed& event) { spawn_failed(event); },
                   [&](const Exited& event) { exited(event); },
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

  void spawned_told(ServiceId id) {
    Facts& facts = of(id);
    facts.runs_since = now_;
    facts.no_probe_before = now_;
    const auto* delay = spec(id).ready ? as<config::DelayReady>(spec(id).ready->when) : nullptr;
    facts.ready_at = delay ? now_ + delay->delay : kNever;
    if (!spec(id).ready && spec(id).type != config::ServiceType::Oneshot) ready(id);
  }

  void delays() {
    for (std::size_t i = 0; i < facts_.size(); ++i) {
      const bool in_time = facts_[i].ready_at <= now_ && now_ < facts_[i].give_up_at;
      if (facts_[i].runs_since && in_time) ready(static_cast<ServiceId>(i));
      if (facts_[i].fed_until > now_ || facts_[i].stop_began) continue;
      facts_[i].fed_until = kNever;
      unhealthy(static_cast<ServiceId>(i));
    }
  }

  void spawn_failed(const SpawnFailed& event) {
    Facts& facts = of(event.service);
    if (event.failure.transient) take_back(facts);
    attempt_ends(event.service, !event.failure.transient || !spec(event.service).pre_start.empty());
    facts.ended_at = now_;
  }

  void exited(const Exited& event) {
    const ServiceId id = event.service;
    Facts& facts = of(id);
    if (plan_.is_main(id)) main_is_gone_ = true;
    facts.main.reset();
    facts.runs_since.reset();
    facts.ready_since.reset();
    facts.up_since.reset();
    facts.must_be_stopped = false;
    facts.fed_until = kNever;
    facts.ended_at = now_;
    attempt_ends(id, true);
    const bool watched = plan_[id].role == Role::Service && spec(id).kill_mode != config::KillMode::Process;
    const bool leaves = spec(id).type == config::ServiceType::Oneshot;  // perhaps: then nobody watches its group
    if (watched && !leaves) clearing_.insert({id, true});
  }

  void task_ended(const TaskEnded& event) {
    Facts& facts = of(event.service);
    if (!facts.task || facts.task->number != event.number) return;
    const entry::TaskBegan task = *std::exchange(facts.task, std::nullopt);
    const auto* failure = as<StartFailure>(event.result);
    switch (task.task) {
      case Task::PreStart:
        if (event.succeeded()) ++facts.pre_starts;
        if (failure && failure->transient && facts.wanted && !stops() && !facts.task_asked) take_back(facts);
        if (!event.succeeded() || !facts.wanted || stops() || facts.task_asked) {
          attempt_ends(event.service, task.index > 0 || !failure || !failure->transient);
        }
        break;
      case Task::PostStart:
        if (event.succeeded()) ++facts.post_starts;
        if (facts.post_starts == spec(event.service).post_start.size() || stops()) up(event.service);
        facts.condemned = !event.succeeded() && !stops();
        break;
      case Task::PreStop: ++facts.pre_stops; break;
      case Task::StopCommand: facts.stop_command_failed = !event.succeeded(); break;
      case Task::Undo: break;
      case Task::PostStop:
        if (++facts.post_stops == spec(event.service).post_stop.size() || hurries()) facts.owes_post_stop = false;
        break;
    }
  }

  void told_ready(ServiceId id) {
    const auto& condition = spec(id).ready;
    if (condition && as<config::NotifyReady>(condition->when) && of(id).runs_since) ready(id);
  }

  void notified(const Notified& event) {
    Facts& facts = of(event.service);
    const bool comes_up = facts.runs_since && !facts.ready_since;
    if (event.extend_timeout && comes_up) facts.give_up_at = std::max(facts.give_up_at, now_ + *event.extend_timeout);
    const auto& health = spec(event.service).health;
    const auto* watchdog = health ? as<config::Watchdog>(health->check) : nullptr;
    if (!watchdog || !facts.up_since || facts.stop_began) return;
    if (event.watchdog) facts.fed_until = now_ + watchdog->within;
    if (!event.watchdog_trigger) return;
    facts.fed_until = kNever;
    unhealthy(event.service);
  }

  void got_signal(Signal signal) {
    const bool main_is_there = plan_.main_command && !main_is_gone_;
    const auto& stops = plan_.stop_signals;
    const bool is_stop =
        main_is_there ? signal == kTerminate : std::find(stops.begin(), stops.end(), signal) != stops.end();
    if (is_stop) ++stop_signals_;
  }

  void requested(const Requested& event) {
    if (stops() || plan_[event.service].role != Role::Service) return;
    Facts& facts = of(event.service);
    if (event.what == Requested::What::Stop) {
      const bool runs = facts.main || facts.task;
      facts.held = facts.held || runs;
      facts.wanted = facts.restart_due = false;
      if (!runs) facts.unsettled = false;
      return;
    }
    const bool is_new = facts.main && !facts.runs_since;
    if (event.what == Requested::What::Restart && facts.main && !is_new) facts.restart_due = true;
    const bool in_pre_start = facts.task && facts.task->task == Task::PreStart;
    if (event.what == Requested::What::Restart && in_pre_start) facts.restart_due = true;
    if (event.what == Requested::What::Start && facts.main && !facts.wanted) facts.restart_due = true;
    ask_for(event.service);
  }

  // What it requires is asked for with it, if it is down.
  void ask_for(ServiceId id) {
    Facts& facts = of(id);
    const bool is_up = facts.up_since && facts.wanted;
    facts.held = false;
    facts.wanted = true;
    is_down_.erase(id);
    facts.starts.clear();
    if (!is_up || facts.restart_due) facts.fresh = true;
    for (const ServiceId required : plan_[id].required) {
      if (is_down_.contains(required) || !of(required).wanted) ask_for(required);
    }
  }

  void stood_still(Duration span) {
    stood_still_ += span;
    for (Facts& facts : facts_) {
      facts.give_up_at = later(facts.give_up_at, span);
      facts.fed_until = later(facts.fed_until, span);
      facts.ready_at = later(facts.ready_at, span);
      if (facts.ready_since) *facts.ready_since += span;
    }
    last_ = now_;
  }

  void see(const entry::Said& said) {
    std::visit(Overloaded{
                   [&](const notice::ShutdownBegun& begun) { stop_begins(begun); },
                   [&](const notice::InvariantBroken&) { wrong("a broken invariant"); },
                   [&](const notice::Failed& notice) { failed(notice.service); },
                   [&](const notice::StartFailed& notice) { failed(notice.service); },
                   [&](const notice::StartLimitHit& notice) { failed(notice.service); },
                   [&](const notice::RequirementFailed& notice) {
                     failed(notice.service);
                     of(notice.service).fresh = of(notice.service).restart_due = false;
                   },
                   [&](const notice::Stopped& notice) { of(notice.service).unsettled = false; },
                   [&](const notice::Done& notice) { of(notice.service).done = true; },
                   [&](const notice::Exited& notice) {
                     if (!notice.restart && !of(notice.service).restart_due) of(notice.service).unsettled = false;
                   },
                   [](const auto&) {},
               },
               said.notice);
  }

  void failed(ServiceId id) {
    of(id).unsettled = false;
    is_down_.insert(id);
  }

  void stop_begins(const notice::ShutdownBegun& begun) {
    if (stops()) wrong("the stop begins twice");
    stop_at_ = now_;
    main_is_gone_ = plan_.main_command && !of(*plan_.main_command).main;
    ends_by_main_ = begun.cause == notice::StopCause::MainCommandEnded;
    const bool for_health = begun.cause == notice::StopCause::ServiceUnhealthy;
    if (for_health && unhealthy_ != begun.service) wrong("the stop begins for the health of one who is well");
    by_health_ = for_health;
    for (std::size_t i = 0; i < facts_.size(); ++i) {
      Facts& facts = facts_[i];
      facts.restart_due = facts.must_be_stopped = false;
      if (begun.cause != notice::StopCause::AllEnded) continue;
      const auto id = static_cast<ServiceId>(i);
      if (facts.held) wrong(id, "is held, and the container ends for want of services");
      if (facts.main || facts.task || clearing_.contains(id)) wrong(id, "runs, and all are said to have ended");
    }
  }

  // ---- The end

  void at_the_end() {
    if (!stops()) return wrong("cinit leaves without a stop");
    for (std::size_t i = 0; i < facts_.size(); ++i) {
      const auto id = static_cast<ServiceId>(i);
      if (facts_[i].task || facts_[i].probe) wrong(id, "leaves a command or a probe behind");
      if (facts_[i].owes_post_stop && !hurries()) wrong(id, "has not run its post-stop commands");
    }
    bool anybody = false;
    for (const auto& [pid, process] : processes_) {
      if (ended_.contains(pid)) continue;
      anybody = true;
      if (!kills_.contains(pid)) wrong(process.service, "leaves somebody alive who was not killed");
    }
    // One who wakes up after the time for reaping has not reaped yet.
    if (anybody != left_.abandoned && stood_still_ == 0s) wrong("cinit says wrongly whether something is left");
    const bool may_outlast = plan_.main_is_never_killed();
    const Time latest = std::max(deadline(), may_outlast ? last_kill_.value_or(kNever - 1h) : Time{}) + kReapingTime;
    if (*left_at_ > latest + stood_still_) wrong("cinit leaves too late");
    if (by_health_ && !plan_.exit_code_from && left_.code == 0) wrong("an unhealthy service is taken for a success");
  }

  const Plan& plan_;
  const Record& record_;
  std::vector<Facts> facts_;
  Time now_{};
  Time last_{};
  Duration stood_still_{};
  std::map<Pid, entry::Born> processes_;
  std::set<Pid> ended_;
  std::map<Pid, Time> kills_;
  std::map<ServiceId, bool> clearing_;  // their main process has ended, and their group is not known to be empty
  std::set<ServiceId> is_down_;         // they have failed for good
  std::optional<ServiceId> just_runs_;  // it was told by the last event
  std::optional<ServiceId> unhealthy_;
  bool by_health_ = false;
  std::optional<Time> stop_at_;
  std::optional<Time> swept_at_;
  std::optional<Time> last_kill_;
  int stop_signals_ = 0;
  bool killed_ = false;
  bool ends_by_main_ = false;
  bool main_is_gone_ = false;
  std::optional<Time> left_at_;
  entry::Left left_{};
  Violations violations_;
};

}  // namespace

Violations deep_rules(const Plan& plan, const Record& record) { return DeepRules(plan, record).check(); }

}  // namespace cinit::core::simulation
