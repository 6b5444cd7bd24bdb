#include <algorithm>

#include "simulation/rules.hpp"

namespace cinit::core::simulation {
namespace {

using namespace std::chrono_literals;
using notice::StopCause;

constexpr Signal kKill{9};
constexpr Duration kReapingTime = 500ms;

class ExitRules {
 public:
  explicit ExitRules(const History& history) : history_(history), plan_(history.plan()) {}

  Violations check() {
    if (history_.left() == kNowhere || !history_.stop()) return {"cinit never leaves"};
    if (history_.left() + 1 != history_.record().size()) violations_.push_back("something happens after Exit");
    leaves_in_time();
    const int expected = expected_code();
    if (left().code != expected) {
      violations_.push_back("cinit leaves with code " + std::to_string(left().code) + " instead of " +
                            std::to_string(expected));
    }
    return std::move(violations_);
  }

 private:
  const entry::Left& left() const { return std::get<entry::Left>(history_.record()[history_.left()].what); }
  Time left_at() const { return history_.at(history_.left()); }

  // As soon as nothing is left, or when it has waited long enough after the last SIGKILL.
  void leaves_in_time() {
    const bool anybody = std::any_of(history_.processes().begin(), history_.processes().end(),
                                     [&](const auto& entry) { return entry.second.alive_at(history_.left()); });
    if (left().abandoned) {
      if (!anybody) violations_.push_back("cinit says that something is left, and nothing is");
      if (left_at() != last_kill() + kReapingTime) violations_.push_back("cinit gives up at the wrong time");
    } else {
      if (anybody) violations_.push_back("cinit leaves somebody behind");
      if (left_at() != last_end()) violations_.push_back("cinit does not leave as soon as nothing is left");
    }
    const Time latest = std::max(history_.stop()->begins + plan_.stop.total, last_kill()) + kReapingTime;
    if (left_at() > latest) violations_.push_back("cinit leaves too late");
  }

  // A main command that is never killed may outlast the budget.
  Time last_kill() const {
    const Time end = history_.end_of_patience();
    if (history_.post_stop() != kNowhere) return history_.end_of_patience_with_hooks();
    const bool may_outlast = history_.is_lone_main() && !plan_.stop.chosen;
    return may_outlast ? std::max(end, history_.at(history_.main_gone())) : end;
  }

  Time last_end() const {
    Time last = history_.at(history_.all_over());
    for (const auto& [pid, process] : history_.processes()) last = std::max(last, history_.at(process.ended));
    for (const ServiceId hook : plan_.post_stop_hooks) last = std::max(last, end_of_attempts(hook));
    return last;
  }

  // A hook that could not be started is not waited for any more when it is clear that it never will be.
  Time end_of_attempts(ServiceId hook) const {
    const auto& attempts = history_.service(hook).attempts;
    if (attempts.empty()) return Time{};
    if (attempts.back().counts()) return history_.at(attempts.back().answered);
    if (attempts.back().outcome == Attempt::Outcome::Cancelled) return history_.at(attempts.back().answered);
    return std::min(history_.end_of_patience_with_hooks(), history_.at(history_.stop_signal(2)));
  }

  int expected_code() const {
    const StopHistory& stop = *history_.stop();
    if (stop.cause == StopCause::HookFailed) return 1;
    if (plan_.exit_code_from && history_.service(*plan_.exit_code_from).code) {
      return *history_.service(*plan_.exit_code_from).code;
    }
    switch (stop.cause) {
      case StopCause::AllEnded: return code_of_first_failure();
      case StopCause::ServiceEnded: {
        const ServiceHistory& service = history_.service(*stop.service);
        return service.failed ? *service.failure_code : *service.code;
      }
      case StopCause::StopSignal:
      case StopCause::ShutdownCommand:
      case StopCause::MainCommandEnded:
      case StopCause::ServiceUnhealthy:
      case StopCause::HookFailed:
      case StopCause::BootTooLong:
      case StopCause::InternalError: break;
    }
    if (!plan_.main_command) return somebody_needed_kill() ? 137 : 0;
    return history_.service(*plan_.main_command).code.value_or(somebody_needed_kill() ? 137 : 143);
  }

  int code_of_first_failure() const {
    Index first = kNowhere;
    int code = 0;
    for (const ServiceId id : history_.ids()) {
      const ServiceHistory& service = history_.service(id);
      if (!service.failed || service.ended_for_good >= first || plan_[id].role != Role::Service) continue;
      first = service.ended_for_good;
      code = *service.failure_code;
    }
    return code;
  }

  // A main process of a service or the main command that cinit's SIGKILL ended, or did not even end. One whose end was known
  // before the stop began has no part in it.
  bool somebody_needed_kill() const {
    return std::any_of(history_.processes().begin(), history_.processes().end(), [&](const auto& entry) {
      const ProcessHistory& process = entry.second;
      if (process.kind != Kind::Leader || is_hook(plan_[process.service].role)) return false;
      if (process.told <= history_.stop_index() || process.cancelled != kNowhere) return false;
      const bool killed = std::any_of(process.signals.begin(), process.signals.end(),
                                      [](const SentSignal& sent) { return sent.signal == kKill; });
      const bool by_it = !process.status || *process.status == WaitStatus::signaled(kKill);
      return killed && by_it;
    });
  }

  const History& history_;
  const Plan& plan_;
  Violations violations_;
};

}  // namespace

Violations exit_rules(const History& history) { return ExitRules(history).check(); }

}  // namespace cinit::core::simulation
