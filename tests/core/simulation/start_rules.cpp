#include <algorithm>
#include <tuple>

#include "simulation/rules.hpp"

namespace cinit::core::simulation {
namespace {

using namespace std::chrono_literals;
using Outcome = Attempt::Outcome;

// Attempts that lack a process slot are repeated with delays between these.
constexpr Duration kShortestRetry = 10ms;
constexpr Duration kLongestRetry = 40s;

class StartRules {
 public:
  explicit StartRules(const History& history) : history_(history), plan_(history.plan()) {}

  Violations check() {
    for (const ServiceId id : history_.ids()) {
      attempts(id);
      first_start(id);
      restarts(id);
      start_limit(id);
      requirement(id);
    }
    notices();
    stop_begins_for_a_reason();
    return std::move(violations_);
  }

 private:
  void attempts(ServiceId id) {
    const auto& attempts = history_.service(id).attempts;
    for (std::size_t i = 0; i < attempts.size(); ++i) {
      const Index index = attempts[i].index;
      const bool of_stop = plan_[id].role == Role::StopHook;
      if (!plan_[id].wanted_at_boot && !of_stop) wrong(id, "is started, and nobody wants it");
      if (index > history_.stop_index() && !of_stop) wrong(id, "is started after the stop began");
      if (index > history_.service(id).ended_for_good) wrong(id, "is started after it ended for good");
      for (const ServiceId earlier : plan_[id].waits_for) {
        const bool settled = history_.service(earlier).settled < index;
        if (plan_[earlier].wanted_at_boot && !settled)
          wrong(id, "is started before " + history_.name(earlier) + " was ready");
      }
      if (failed_requirement(id, index)) wrong(id, "is started although a requirement has failed");
      if (i > 0) follows(id, attempts[i - 1], attempts[i]);
    }
  }

  // One attempt after another.
  void follows(ServiceId id, const Attempt& before, const Attempt& attempt) {
    if (before.outcome == Outcome::Refused) return wrong(id, "is started again although it cannot be executed");
    if (before.outcome == Outcome::Pending) return wrong(id, "is started while it is being started");
    if (before.outcome == Outcome::Late) return wrong(id, "is started again although it has failed");
    if (!before.counts()) {
      const Duration waited = history_.at(attempt.index) - history_.at(before.answered);
      if (waited < kShortestRetry || waited > kLongestRetry) wrong(id, "is tried again after " + to_text(waited));
      return;
    }
    const ProcessHistory& run = run_before(id, attempt.index);
    if (run.verdict != Verdict::Restart) return wrong(id, "is started again, which was not due");
    if (run.over > attempt.index) wrong(id, "is started before its last run was over");
    if (!history_.leaves_group_alone(run) && !run.forgotten && anybody_left(run, attempt.index)) {
      wrong(id, "is started while its process group has members");
    }
    const auto [from, until] = restart_span(run);
    const Time at = history_.at(attempt.index);
    if (at < from) wrong(id, "is started again before its delay is over");
    if (at > until) wrong(id, "is started again too late");
  }

  bool anybody_left(const ProcessHistory& leader, Index index) const {
    const auto& processes = history_.processes();
    return std::any_of(processes.begin(), processes.end(), [&](const auto& entry) {
      const ProcessHistory& process = entry.second;
      return process.leader == leader.pid && process.kind == Kind::Background && process.alive_at(index);
    });
  }

  std::pair<Time, Time> restart_span(const ProcessHistory& run) const {
    const Time over = history_.at(run.over);
    return {std::max(run.restart_from, over), std::max(run.restart_until, over)};
  }

  const ProcessHistory& run_before(ServiceId id, Index index) const {
    const ProcessHistory* last = nullptr;
    for (const Pid pid : history_.service(id).runs) {
      if (history_.process(pid).begun < index) last = &history_.process(pid);
    }
    return *last;
  }

  bool failed_requirement(ServiceId id, Index index) const {
    const auto& required = plan_[id].required;
    return std::any_of(required.begin(), required.end(), [&](ServiceId earlier) {
      return history_.service(earlier).failed && history_.service(earlier).ended_for_good < index;
    });
  }

  // As soon as everything that it waits for is settled, and not later.
  void first_start(ServiceId id) {
    if (!plan_[id].wanted_at_boot) return;
    Index settled = 0;
    for (const ServiceId earlier : plan_[id].waits_for) {
      if (plan_[earlier].wanted_at_boot) settled = std::max(settled, history_.service(earlier).settled);
    }
    const Index end = settled == kNowhere ? kNowhere : history_.answer_end(settled);
    if (settled == kNowhere || history_.stop_index() < end) return;
    const ServiceHistory& service = history_.service(id);
    const Index first = service.attempts.empty() ? service.requirement_failed : service.attempts.front().index;
    if (first >= end) wrong(id, "is not started although nothing keeps it back");
  }

  void restarts(ServiceId id) {
    for (const Pid pid : history_.service(id).runs) {
      const ProcessHistory& run = history_.process(pid);
      if (run.verdict != Verdict::Restart || run.told == kNowhere || run.over == kNowhere) continue;
      next_try_comes(id, run.over, restart_span(run).second);
    }
    for (const Attempt& attempt : history_.service(id).attempts) {
      if (!attempt.counts() && attempt.answered < history_.stop_index())
        next_try_comes(id, attempt.answered, history_.at(attempt.answered) + kLongestRetry);
    }
  }

  void next_try_comes(ServiceId id, Index after, Time until) {
    if (history_.stop() && history_.stop()->begins <= until) return;
    const auto& attempts = history_.service(id).attempts;
    const bool tried = std::any_of(attempts.begin(), attempts.end(), [&](const Attempt& attempt) {
      return attempt.index > after && history_.at(attempt.index) <= until;
    });
    const Index requirement_failed = history_.service(id).requirement_failed;
    if (!tried && history_.at(requirement_failed) > until) wrong(id, "is not started again");
  }

  void start_limit(ServiceId id) {
    const config::Service& spec = plan_[id].spec;
    if (spec.start_limit_burst == 0) return;
    std::vector<Time> starts;
    for (const Attempt& attempt : history_.service(id).attempts) {
      if (attempt.counts()) starts.push_back(history_.at(attempt.index));
    }
    for (std::size_t i = spec.start_limit_burst; i < starts.size(); ++i) {
      const bool too_often = starts[i] - starts[i - spec.start_limit_burst] < spec.start_limit_interval;
      if (too_often) wrong(id, "is started more often than its limit allows");
    }
  }

  void requirement(ServiceId id) {
    const Index index = history_.service(id).requirement_failed;
    if (index != kNowhere && !failed_requirement(id, index)) wrong(id, "is not started, and no requirement has failed");
  }

  void notices() {
    const Record& record = history_.record();
    for (Index i = 0; i < record.size(); ++i) {
      const auto* said = std::get_if<entry::Said>(&record[i].what);
      if (!said) continue;
      if (std::holds_alternative<notice::InvariantBroken>(said->notice)) violations_.push_back("a broken invariant");
      const auto* exited = std::get_if<notice::Exited>(&said->notice);
      if (exited && !just_told(i, *exited)) wrong(exited->service, "is said to have ended in a way that it did not");
    }
  }

  bool just_told(Index index, const notice::Exited& notice) const {
    while (!std::holds_alternative<entry::Told>(history_.record()[index].what)) --index;
    const auto* exited = std::get_if<Exited>(&std::get<entry::Told>(history_.record()[index].what).event);
    return exited && exited->service == notice.service && exited->status == notice.status;
  }

  // ---- The begin of the stop

  using Reason = std::tuple<Index, notice::StopCause, std::optional<ServiceId>>;

  void stop_begins_for_a_reason() {
    const Reason reason = first_reason();
    const auto& stop = history_.stop();
    const auto [index, cause, service] = reason;
    if (index == kNowhere) {
      if (stop) violations_.push_back("a stop begins for no reason");
      return;
    }
    if (!stop || !history_.answers(stop->index, index)) {
      violations_.push_back("no stop begins at " + std::to_string(index) + " although there is a reason");
    } else if (stop->cause != cause || stop->service != service) {
      violations_.push_back("the stop begins for the wrong reason");
    }
  }

  Reason first_reason() const {
    Reason first{history_.stop_signal(1), notice::StopCause::StopSignal, std::nullopt};
    const auto consider = [&](const Reason& reason) {
      if (std::get<Index>(reason) < std::get<Index>(first)) first = reason;
    };
    for (const ServiceId id : history_.ids()) {
      const ServiceHistory& service = history_.service(id);
      const config::Service& spec = plan_[id].spec;
      const config::EndAction action = service.failed ? spec.on_failure : spec.on_success;
      if (is_hook(plan_[id].role)) {
        if (plan_[id].role == Role::BootHook && service.failed)
          consider({service.ended_for_good, notice::StopCause::HookFailed, id});
      } else if (plan_.is_main(id)) {
        consider({service.ended_for_good, notice::StopCause::MainCommandEnded, id});
      } else if (action == config::EndAction::Shutdown) {
        consider({service.ended_for_good, notice::StopCause::ServiceEnded, id});
      }
    }
    consider({all_ended(), notice::StopCause::AllEnded, std::nullopt});
    return first;
  }

  Index all_ended() const {
    Index last = 0;
    for (const ServiceId id : history_.ids()) {
      if (!plan_[id].wanted_at_boot) continue;
      const ServiceHistory& service = history_.service(id);
      const Index over = service.runs.empty() ? 0 : history_.process(service.runs.back()).over;
      last = std::max({last, service.ended_for_good, over});
    }
    return last;
  }

  void wrong(ServiceId id, const std::string& what) { violations_.push_back(history_.name(id) + " " + what); }

  const History& history_;
  const Plan& plan_;
  Violations violations_;
};

}  // namespace

Violations start_rules(const History& history) { return StartRules(history).check(); }

}  // namespace cinit::core::simulation
