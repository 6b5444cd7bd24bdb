#include <algorithm>

#include "simulation/rules.hpp"

namespace cinit::core::simulation {
namespace {

using Outcome = Attempt::Outcome;

class LaunchRules {
 public:
  explicit LaunchRules(const History& history) : history_(history), plan_(history.plan()), asks_(history.asks()) {}

  Violations check() {
    for (const ServiceId id : history_.ids()) {
      for (const Attempt& attempt : history_.service(id).attempts) {
        given_up_in_time(id, attempt);
        nothing_is_sent(id, attempt);
      }
    }
    return std::move(violations_);
  }

 private:
  // Exactly when it has had its time, and not at all when it is answered before that.
  void given_up_in_time(ServiceId id, const Attempt& attempt) {
    const Time due = limit(id, attempt);
    const Time at = history_.at(attempt.answered);
    if (is_given_up(attempt)) {
      if (at < due) wrong(id, "has its start given up too early");
      if (at > due) wrong(id, "has its start given up too late");
    } else if (at > due && due < history_.at(history_.left())) {
      wrong(id, "has more time for its start than it may");
    }
  }

  static bool is_given_up(const Attempt& attempt) {
    return attempt.outcome == Outcome::Cancelled || attempt.outcome == Outcome::Late;
  }

  Time limit(ServiceId id, const Attempt& attempt) const {
    const Time begun = history_.at(attempt.index);
    Time limit = begun + kLongestLaunch;
    if (plan_[id].start_timeout) limit = std::min(limit, begun + *plan_[id].start_timeout);
    if (!history_.stop()) return limit;
    const auto ask = asks_.find(attempt.index);
    if (ask != asks_.end()) {
      const Duration own = plan_[id].spec.stop_timeout.value_or(kLongestLaunchInStop);
      limit = std::min(limit, std::max(begun, ask->second.at) + std::min(own, kLongestLaunchInStop));
    }
    const bool is_after_all = plan_[id].role == Role::StopHook && attempt.index >= history_.post_stop();
    const Time end = is_after_all ? history_.end_of_patience_with_hooks() : history_.end_of_patience();
    return std::min({limit, std::max(begun, history_.at(history_.stop_signal(2))), std::max(begun, end)});
  }

  // Neither to it nor to what its last process has left: a new start comes after all that.
  void nothing_is_sent(ServiceId id, const Attempt& attempt) {
    for (const auto& [pid, process] : history_.processes()) {
      if (process.service != id || process.kind == Kind::Daemon) continue;
      for (const SentSignal& sent : process.signals) {
        const bool directly = sent.means == Means::ToMain || sent.means == Means::ToGroup;
        const bool meanwhile = attempt.index < sent.index && sent.index < attempt.answered;
        if (directly && meanwhile) wrong(id, "gets a signal while it is being started");
      }
    }
  }

  void wrong(ServiceId id, const std::string& what) { violations_.push_back(history_.name(id) + " " + what); }

  const History& history_;
  const Plan& plan_;
  std::map<Index, Ask> asks_;
  Violations violations_;
};

}  // namespace

Violations launch_rules(const History& history) { return LaunchRules(history).check(); }

}  // namespace cinit::core::simulation
