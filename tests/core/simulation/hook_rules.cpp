#include <algorithm>

#include "simulation/rules.hpp"

namespace cinit::core::simulation {
namespace {

constexpr Signal kTerminate{15};

class HookRules {
 public:
  explicit HookRules(const History& history) : history_(history), plan_(history.plan()) {}

  Violations check() {
    for (const ServiceId id : history_.ids()) {
      waits_for_boot_hooks(id);
      if (is_hook(plan_[id].role)) runs_once_and_in_time(id);
    }
    one_after_the_other(plan_.boot_hooks);
    one_after_the_other(plan_.pre_stop_hooks);
    one_after_the_other(plan_.post_stop_hooks);
    for (const ServiceId hook : plan_.pre_stop_hooks) pre_stop(hook);
    for (const ServiceId hook : plan_.post_stop_hooks) post_stop(hook);
    pre_stop_begins();
    post_stop_begins();
    post_stop_is_complete();
    return std::move(violations_);
  }

 private:
  // ---- The boot

  // Nothing of the services before every hook of the boot has succeeded, and no main command before those after it have.
  void waits_for_boot_hooks(ServiceId id) {
    const auto& attempts = history_.service(id).attempts;
    if (attempts.empty() || is_hook(plan_[id].role)) return;
    for (const ServiceId hook : history_.ids()) {
      const bool concerns = plan_[hook].role == Role::BootHook && (plan_.is_main(id) || is_before_services(hook));
      if (concerns && !succeeded_before(hook, attempts.front().index)) {
        wrong(id, "is started before " + history_.name(hook) + " has succeeded");
      }
    }
  }

  bool is_before_services(ServiceId hook) const {
    return std::find(plan_.boot_hooks.begin(), plan_.boot_hooks.end(), hook) != plan_.boot_hooks.end();
  }

  // Its end is judged here once more, by nothing but its status and its time.
  bool succeeded_before(ServiceId hook, Index index) const {
    const auto& runs = history_.service(hook).runs;
    if (runs.size() != 1) return false;
    const ProcessHistory& run = history_.process(runs.front());
    return run.told < index && run.status == WaitStatus::exited(0) && history_.timed_out(run) == kNowhere;
  }

  // ---- Every hook

  void runs_once_and_in_time(ServiceId hook) {
    const auto& runs = history_.service(hook).runs;
    if (runs.size() > 1) wrong(hook, "runs more than once");
    if (runs.empty()) return;
    const ProcessHistory& run = history_.process(runs.front());
    const std::optional<Duration> timeout = plan_[hook].start_timeout;
    for (const SentSignal& sent : run.signals) {
      const bool before_stop = sent.index < history_.stop_index() && sent.signal == kTerminate;
      if (before_stop && sent.index != history_.timed_out(run)) wrong(hook, "is asked to end for no reason");
    }
    if (!timeout || run.runs == kNowhere) return;
    const Time due = history_.at(run.begun) + *timeout;
    const Time end = std::min(
        {history_.at(run.told), history_.at(history_.asked(run)), history_.at(history_.left()), end_of_patience(run)});
    if (due < end && history_.timed_out(run) == kNowhere) wrong(hook, "has more than its time");
  }

  Time end_of_patience(const ProcessHistory& run) const {
    if (!history_.stop()) return kNever;
    return history_.is_post_stop(run) ? history_.end_of_patience_with_hooks() : history_.end_of_patience();
  }

  // And each at once after the one before.
  void one_after_the_other(const std::vector<ServiceId>& hooks) {
    for (std::size_t i = 1; i < hooks.size(); ++i) {
      const Index before = history_.hook_over(hooks[i - 1]);
      const auto& attempts = history_.service(hooks[i]).attempts;
      if (attempts.empty()) continue;
      if (before >= attempts.front().index) wrong(hooks[i], "is started before its turn");
      if (!history_.answers(attempts.front().index, before)) wrong(hooks[i], "is not started at its turn");
    }
  }

  // ---- Before the stop

  void pre_stop(ServiceId hook) {
    for (const Attempt& attempt : history_.service(hook).attempts) {
      of_stop(hook, attempt);
      // At its last instant it may be tried again, but not for the first time.
      const bool again = attempt.index != history_.service(hook).attempts.front().index;
      const Index drain = history_.drain();
      const bool in_time = attempt.index < drain || (again && history_.answers(attempt.index, drain));
      if (!in_time) wrong(hook, "is started when the services are already asked to stop");
      if (history_.at(attempt.index) > history_.stop()->begins + history_.stop()->reserve) wrong(hook, "comes after R");
    }
  }

  // One that has its turn has it at once.
  void pre_stop_begins() {
    if (plan_.pre_stop_hooks.empty() || !history_.stop_hooks_run() || history_.drain() == history_.stop_index()) return;
    Index turn = history_.stop_index();
    for (const ServiceId hook : plan_.pre_stop_hooks) {
      if (turn >= history_.drain()) return;
      const auto& attempts = history_.service(hook).attempts;
      if (attempts.empty() || attempts.front().index > history_.answer_end(turn)) return wrong(hook, "has no turn");
      turn = history_.hook_over(hook);
    }
  }

  // ---- After the stop

  void post_stop(ServiceId hook) {
    for (const Attempt& attempt : history_.service(hook).attempts) {
      of_stop(hook, attempt);
      if (history_.stop_signal(2) < attempt.index) wrong(hook, "is started although somebody urges");
      if (history_.at(attempt.index) > history_.stop()->deadline) wrong(hook, "is started after the budget");
      for (const auto& [pid, process] : history_.processes()) {
        if (!history_.is_post_stop(process) && process.alive_at(attempt.index)) wrong(hook, "is not alone");
      }
    }
  }

  // As soon as nothing else is left.
  void post_stop_begins() {
    const Index first = history_.post_stop();
    if (first == kNowhere) return;
    Time due = history_.at(history_.all_over());
    for (const auto& [pid, process] : history_.processes()) {
      if (!history_.is_post_stop(process)) due = std::max(due, history_.at(process.ended));
    }
    if (history_.at(first) != due) violations_.push_back("the hooks after the stop do not begin in time");
  }

  // Only the end of the budget and a second stop signal keep them from it.
  void post_stop_is_complete() {
    if (plan_.post_stop_hooks.empty() || !history_.stop_hooks_run() || history_.left() == kNowhere) return;
    const bool abandoned = std::get<entry::Left>(history_.record()[history_.left()].what).abandoned;
    const bool over = history_.at(history_.left()) >= history_.stop()->deadline;
    if (abandoned || over || history_.stop_signal(2) != kNowhere) return;
    for (const ServiceId hook : plan_.post_stop_hooks) {
      if (history_.hook_over(hook) == kNowhere) wrong(hook, "never runs");
    }
  }

  void of_stop(ServiceId hook, const Attempt& attempt) {
    if (attempt.index < history_.stop_index()) wrong(hook, "is started before the stop");
    if (!history_.stop_hooks_run()) wrong(hook, "is started although the boot did not get that far");
  }

  void wrong(ServiceId id, const std::string& what) { violations_.push_back(history_.name(id) + " " + what); }

  const History& history_;
  const Plan& plan_;
  Violations violations_;
};

}  // namespace

Violations hook_rules(const History& history) { return HookRules(history).check(); }

}  // namespace cinit::core::simulation
