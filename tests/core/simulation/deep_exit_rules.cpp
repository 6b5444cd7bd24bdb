#include <algorithm>
#include <utility>

#include "simulation/deep_rules.hpp"

namespace cinit::core::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Duration kReapingTime = 500ms;

}  // namespace

void DeepRules::see(const entry::Left& left) {
  left_at_ = now_;
  left_ = left;
}

void DeepRules::at_the_end() {
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
  const int expected = expected_code();
  if (left_.code != expected) {
    wrong("cinit leaves with code " + std::to_string(left_.code) + " instead of " + std::to_string(expected));
  }
}

int DeepRules::expected_code() {
  using notice::StopCause;
  if (begun_->cause == StopCause::HookFailed) return 1;
  if (plan_.exit_code_from && of(*plan_.exit_code_from).code) return *of(*plan_.exit_code_from).code;
  switch (begun_->cause) {
    case StopCause::AllEnded: return failures_.empty() ? 0 : failure_code(failures_.front());
    case StopCause::ServiceUnhealthy: return failure_code(*begun_->service);
    case StopCause::ServiceEnded:
      return is_down_.contains(*begun_->service) ? failure_code(*begun_->service) : *of(*begun_->service).code;
    case StopCause::StopSignal:
    case StopCause::ShutdownCommand:
    case StopCause::MainCommandEnded:
    case StopCause::HookFailed:
    case StopCause::BootTooLong:
    case StopCause::InternalError: break;
  }
  if (!plan_.main_command) return needed_kill() ? 137 : 0;
  return of(*plan_.main_command).code.value_or(needed_kill() ? 137 : 143);
}

int DeepRules::failure_code(ServiceId id) {
  const int code = of(id).code.value_or(1);
  return code == 0 ? 1 : code;
}

// A main process of a service or the main command that cinit's SIGKILL ended in the stop, or did not even end.
bool DeepRules::needed_kill() {
  for (std::size_t i = 0; i < facts_.size(); ++i) {
    const Facts& facts = facts_[i];
    const bool runs = facts.main && facts.runs_since && !is_hook(plan_.services[i].role);
    if (runs && kills_.contains(*facts.main)) return true;
  }
  return main_needed_kill_;
}

}  // namespace cinit::core::simulation
