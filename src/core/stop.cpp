#include "core/stop.hpp"

#include <algorithm>

#include "base/exit_code.hpp"
#include "base/overloaded.hpp"

namespace cinit::core {

// A main command and hooks of the stop have all the time there is, and so has a service that is waited for.
StopTimes stop_times_of(const Plan& plan, const PlannedService& service) {
  const auto& own = service.spec.stop_timeout;
  const bool waits = service.policy.waits_for_its_end;
  const bool has_all_time = waits || service.role == Role::MainCommand || service.role == Role::StopHook;
  StopTimes times{own, own, plan.stop.total, plan.rules.sweep_time.value_or(plan.stop.total)};
  if (own) return times;
  if (waits) times.with_all = plan.rules.service_stop_timeout;
  if (!has_all_time) times.alone = plan.stop.total;
  return times;
}

bool Stop::spares_main() const {
  // No runtime waits for a container that ends itself.
  return !is_by_command() && plan_.main_is_never_killed() && plan_.rules.forwards_signals &&
         takes_signals(at(*plan_.main_command));
}

bool Stop::has_begun_with_services() const {
  return match(Overloaded{
                   [](OneOf<phase::Up, phase::Begun, phase::EndingMain, phase::PreStopHooks> auto) { return false; },
                   [](OneOf<phase::BeginDrain, phase::Draining, phase::Sweeping, phase::PostStopHooks, phase::Killing,
                            phase::Outlasting, phase::Reaping, phase::Over> auto) { return true; },
               },
               phase_);
}

void Stop::begin(const StopReason& reason, std::optional<Signal> signal, Time now, Actions& actions) {
  reason_ = reason;
  signal_ = signal;
  deadline_ = plan_.stop.deadline(now);
  sweep_at_ = plan_.stop.sweep_at(now);
  phase_ = phase::Begun{};
  const bool goes_on = plan_.rules.container_goes_on && reason.cause == notice::StopCause::AllEnded;
  if (!goes_on) actions.push_back(Announce{notice::ShutdownBegun{reason.cause, reason.service, signal}});
}

void Stop::blame_internal_error() {
  if (reason_) reason_->cause = notice::StopCause::InternalError;
}

bool Stop::main_is_asked_later() const {
  return std::holds_alternative<phase::Begun>(phase_) || std::holds_alternative<phase::PreStopHooks>(phase_);
}

Time Stop::deadline() const {
  return match(
      Overloaded{
          [&](phase::EndingMain) { return deadline_; },
          [](phase::PreStopHooks pre_stop) { return pre_stop.drain_at; },
          [](phase::Draining draining) { return draining.next_tier_at; },
          [](phase::Sweeping sweeping) { return sweeping.kill_at; },
          [](phase::PostStopHooks post_stop) { return post_stop.kill_at; },
          [](phase::Reaping reaping) { return reaping.give_up_at; },
          [](OneOf<phase::Up, phase::Begun, phase::BeginDrain, phase::Killing, phase::Outlasting, phase::Over> auto) {
            return kNever;
          },
      },
      phase_);
}

// ---- Phases

// What follows in each phase, at one moment.
struct Stop::Turn {
  Stop& stop;
  Time now;
  Actions& actions;

  Next operator()(phase::Up) const { return Nothing{}; }

  Next operator()(phase::Begun) const {
    const auto& main = stop.plan_.main_command;
    if (!stop.plan_.rules.ends_main_first || !main || !is_alive(stop.at(*main).state)) return begin_hooks();
    stop.phase_ = phase::EndingMain{};
    return StopOrder(stop_order::EndMain{});
  }

  // A main command that not even SIGKILL ends does not keep services from their stop.
  Next operator()(phase::EndingMain) const {
    const bool is_over = !is_alive(stop.at(*stop.plan_.main_command).state) || now >= stop.deadline_;
    return is_over ? begin_hooks() : Nothing{};
  }

  // Not one more is started when the time is over.
  Next operator()(phase::PreStopHooks pre_stop) const {
    const auto hook = now < pre_stop.drain_at ? advance(stop.plan_.pre_stop_hooks, pre_stop.next) : std::nullopt;
    stop.phase_ = pre_stop;
    if (!hook) return go_to(phase::BeginDrain{});
    return start_if_idle(*hook);
  }

  Next operator()(phase::BeginDrain) const {
    begin_drain();
    return StopOrder(stop_order::EndAll{});
  }

  Next operator()(phase::Draining draining) const {
    if (!stop.to_stop_.empty() && (stop.asked_occupants_ == 0 || now >= draining.next_tier_at)) return stop_next_tier();
    if (!stop.to_stop_.empty()) return Nothing{};
    if (stop.asked_occupants_ == 0 || now >= stop.sweep_at_) return drained();
    // There is no next tier that a share would be for, also when the tiers that were left have ended by themselves.
    stop.phase_ = phase::Draining{draining.next_tier, stop.sweep_at_};
    return Nothing{};
  }

  Next operator()(phase::Sweeping sweeping) const {
    if (now < sweeping.kill_at) return Nothing{};
    announce(notice::SweepOver{});
    if (now >= stop.deadline_) announce(notice::BudgetSpent{stop.plan_.stop.total, stop.spares_main()});
    return go_to(phase::Killing{});
  }

  Next operator()(phase::PostStopHooks post_stop) const {
    if (now >= post_stop.kill_at) {
      announce(notice::BudgetSpent{stop.plan_.stop.total, stop.spares_main()});
      return go_to(phase::Killing{});
    }
    const auto hook = advance(stop.plan_.post_stop_hooks, post_stop.next);
    stop.phase_ = post_stop;
    if (!hook) return begin_sweep();  // of what the hooks have left behind
    return start_if_idle(*hook);
  }

  Next operator()(phase::Killing killing) const {
    if (!killing.told) {
      stop.phase_ = phase::Killing{true};
      return StopOrder(stop_order::KillAll{stop.spares_main()});
    }
    return kill_what_is_left();
  }

  // The main command that was spared has ended, and nothing else is to outlast the budget.
  Next operator()(phase::Outlasting) const { return stop.spares_main() ? Nothing{} : kill_what_is_left(); }

  Next operator()(phase::Reaping reaping) const { return now >= reaping.give_up_at ? leave(true) : Nothing{}; }

  Next operator()(phase::Over) const { return Nothing{}; }

  // ---- From one to the next

  Next go_to(Phase phase) const {
    stop.phase_ = phase;
    return Again{};
  }

  void announce(Notice notice) const { actions.push_back(Announce{std::move(notice)}); }

  Next begin_hooks() const {
    if (!stop.stop_hooks_run()) return go_to(phase::BeginDrain{});
    const Time drain_at = later(now, stop.plan_.rules.pre_stop_time.value_or(stop.plan_.stop.reserve()));
    return go_to(phase::PreStopHooks{0, std::min(drain_at, stop.deadline_)});
  }

  // The first of `hooks` from `next` on that has not ended, in whichever way; std::nullopt: there is none left.
  std::optional<ServiceId> advance(const std::vector<ServiceId>& hooks, std::size_t& next) const {
    for (; next < hooks.size(); ++next) {
      const StateKind kind = kind_of(stop.at(hooks[next]).state);
      if (kind == StateKind::Idle || !is_final(stop.at(hooks[next]).state)) return hooks[next];
    }
    return std::nullopt;
  }

  Next start_if_idle(ServiceId hook) const {
    if (!std::holds_alternative<state::Idle>(stop.at(hook).state)) return Nothing{};
    return StopOrder(stop_order::StartHook{hook});
  }

  void begin_drain() const {
    stop.members_.assign(stop.plan_.tiers, {});
    stop.occupants_.assign(stop.plan_.tiers, 0);
    stop.asked_occupants_ = 0;
    for (const Service& service : stop.services_) {
      const std::uint32_t tier = service.plan->stop_tier;
      stop.members_[tier].push_back(service.id);
      if (!occupies_tier(service)) continue;
      ++stop.occupants_[tier];
      stop.to_stop_.insert(tier);
    }
    stop.phase_ = phase::Draining{0, now};
  }

  // Each tier has the same share of what is left; one that needs less leaves more to the others.
  Next stop_next_tier() const {
    const Duration share = (stop.sweep_at_ - now) / static_cast<std::int64_t>(stop.to_stop_.size());
    const std::uint32_t tier = *stop.to_stop_.begin();
    stop.to_stop_.erase(stop.to_stop_.begin());
    stop.asked_occupants_ += stop.occupants_[tier];
    stop.phase_ = phase::Draining{tier + 1, now + share};
    return StopOrder(stop_order::StopTier{tier});
  }

  // Post-stop hooks are skipped after a second stop signal.
  bool post_stop_hooks_run() const {
    return !stop.plan_.post_stop_hooks.empty() && stop.stop_hooks_run() && stop.signals_ <= 1 && now < stop.deadline_;
  }

  Next drained() const {
    if (!stop.plan_.rules.runs_hooks_before_sweep || !post_stop_hooks_run()) return begin_sweep();
    return begin_post_stop();
  }

  Next begin_post_stop() const {
    stop.post_stop_begun_ = true;
    if (!post_stop_hooks_run()) return leave(false);
    return go_to(phase::PostStopHooks{0, stop.deadline_});
  }

  // Its own deadline is looked at when that has come.
  Next begin_sweep() const {
    announce(notice::SweepBegun{stop.plan_.rules.sweeps});
    if (!stop.plan_.rules.sweeps) return leave(false);
    // What cleans up after a service directory has its signal with every other process; what the sweep lets begin has
    // not.
    for (const Service& service : stop.services_) {
      if (!service.plan->policy.post_stop_time || !std::holds_alternative<state::PostStop>(service.state)) continue;
      actions.push_back(SignalTask{service.id, kTerminate});
      actions.push_back(SignalTask{service.id, kContinue});
    }
    actions.push_back(Sweep{});
    // A main command that has ended by itself leaves nothing that could be asked for more time, but for the time that
    // was set.
    const bool by_main = stop.reason_->cause == notice::StopCause::MainCommandEnded;
    Time kill_at = by_main && !stop.plan_.stop.chosen ? later(now, stop.plan_.stop.reserve()) : kNever;
    if (stop.plan_.rules.sweep_time) kill_at = later(now, *stop.plan_.rules.sweep_time);
    stop.phase_ = phase::Sweeping{std::min(kill_at, stop.deadline_)};
    return Nothing{};
  }

  Next kill_what_is_left() const {
    const bool spares = stop.spares_main();
    actions.push_back(KillEverything{spares});
    stop.phase_ = spares ? Phase(phase::Outlasting{}) : Phase(phase::Reaping{later(now, kReapingTime)});
    return Nothing{};
  }

  Next leave(bool abandoned) const {
    stop.phase_ = phase::Over{};
    actions.push_back(Exit{stop.exit_code(), abandoned});
    return Nothing{};
  }
};

std::optional<StopOrder> Stop::next(Time now, Actions& actions) {
  for (;;) {
    const Next next = match(Turn{*this, now, actions}, phase_);
    if (const auto* order = std::get_if<StopOrder>(&next)) return *order;
    if (std::holds_alternative<Nothing>(next)) return std::nullopt;
  }
}

// Hooks that clean up after the services are not run when there were none: when the boot did not get that far.
bool Stop::stop_hooks_run() const {
  return std::all_of(plan_.boot_hooks.begin(), plan_.boot_hooks.end(), [&](ServiceId id) {
    const StateKind kind = kind_of(at(id).state);
    return kind == StateKind::Done || (plan_[id].on_hook_failure == HookFailure::Ignored && kind == StateKind::Failed);
  });
}

// ---- What happens meanwhile

void Stop::occupancy_changed(std::uint32_t tier, bool occupied) {
  const auto* draining = std::get_if<phase::Draining>(&phase_);
  if (!draining) return;
  const std::uint32_t change = occupied ? 1U : ~0U;  // modulo 2^32: minus one
  occupants_[tier] += change;
  if (tier < draining->next_tier) {
    asked_occupants_ += change;
  } else if (occupants_[tier] == 0) {
    to_stop_.erase(tier);
  }
}

bool Stop::begin_urging(Signal signal, Actions& actions) {
  if (std::holds_alternative<phase::Reaping>(phase_) || is_over()) return false;
  actions.push_back(Announce{notice::Escalated{signal}});
  return true;
}

// Every tier has been asked. Hooks that have not been started are not.
void Stop::urged(Actions& actions) {
  const Turn turn{*this, sweep_at_, actions};
  if (std::holds_alternative<phase::PreStopHooks>(phase_)) turn.begin_drain();
  if (std::holds_alternative<phase::Draining>(phase_)) {
    phase_ = phase::Draining{plan_.tiers, sweep_at_};
    asked_occupants_ = 0;
    for (const Service& service : services_) asked_occupants_ += occupies_tier(service) ? 1U : 0U;
    to_stop_.clear();
  }
  if (std::holds_alternative<phase::PostStopHooks>(phase_)) phase_ = phase::Sweeping{deadline_};
  actions.push_back(Sweep{.repeat = true});
}

void Stop::nothing_left(Time now, Actions& actions) {
  const bool is_looking = is_sweeping() || std::holds_alternative<phase::Reaping>(phase_);
  // Told too early: what is still to come will be told again.
  if (!is_looking || std::any_of(services_.begin(), services_.end(), occupies_tier)) return;
  const Turn turn{*this, now, actions};
  post_stop_begun_ ? turn.leave(false) : turn.begin_post_stop();
}

told::Stop Stop::stop_of(const Service& service, Wanted wanted) const {
  const bool by_input = !service.plan->producers.empty() && (has_begun() || service.plan->retired);
  return {has_begun() ? std::max(wanted, Wanted::DownWithAll) : wanted, sweep_at_, by_input};
}

std::optional<StopReason> Stop::ended_for_good(const Service& service, Ending ending, Actions& actions) {
  const config::Service& spec = service.plan->spec;
  const bool failed = ending == Ending::Failed;
  switch (service.plan->role) {
    case Role::Service: break;
    case Role::MainCommand: return StopReason{notice::StopCause::MainCommandEnded, service.id};
    case Role::BootHook: return boot_hook_ended(service, failed);
    case Role::StopHook: stop_hook_failed_ = stop_hook_failed_ || failed; return std::nullopt;
  }
  if (!failed && spec.type == config::ServiceType::Oneshot) actions.push_back(Announce{notice::Done{service.id}});
  if (failed) failed_.push_back(service.id);
  if (failed && spec.failure_ends_boot) return StopReason{notice::StopCause::HookFailed, service.id};
  const config::EndAction action = failed ? spec.on_failure : spec.on_success;
  if (action != config::EndAction::Shutdown) return std::nullopt;
  return StopReason{notice::StopCause::ServiceEnded, service.id, failed};
}

// A failure that waits for more hooks of its kind is told after the last of them.
std::optional<StopReason> Stop::boot_hook_ended(const Service& service, bool failed) {
  const auto ends_later = [this](ServiceId id) { return plan_[id].on_hook_failure == HookFailure::EndsBootLater; };
  if (failed && service.plan->on_hook_failure == HookFailure::EndsBoot) {
    return StopReason{notice::StopCause::HookFailed, service.id};
  }
  if (!ends_later(service.id)) return std::nullopt;
  if (failed && !failed_hook_) failed_hook_ = service.id;
  const auto last = std::find_if(plan_.boot_hooks.rbegin(), plan_.boot_hooks.rend(), ends_later);
  if (!failed_hook_ || *last != service.id) return std::nullopt;
  return StopReason{notice::StopCause::HookFailed, *failed_hook_};
}

// ---- Exit code

int Stop::exit_code() const {
  using notice::StopCause;
  if (reason_->cause == StopCause::InternalError) return exit_code::kInternal;
  if (reason_->code) return *reason_->code;
  if (reason_->cause == StopCause::HookFailed || reason_->cause == StopCause::BootTooLong)
    return exit_code::kBootFailed;
  if (stop_hook_failed_ && plan_.rules.failed_stop_hook_code) return *plan_.rules.failed_stop_hook_code;
  if (signal_ && plan_.rules.stop_signal_code) return plan_.rules.stop_signal_code(*signal_);
  if (plan_.exit_code_from && at(*plan_.exit_code_from).code) return *at(*plan_.exit_code_from).code;
  switch (reason_->cause) {
    case StopCause::AllEnded: return failed_.empty() ? exit_code::kOk : failure_code(at(failed_.front()));
    case StopCause::ServiceUnhealthy: return failure_code(at(*reason_->service));
    case StopCause::ServiceEnded: {
      const Service& service = at(*reason_->service);
      return reason_->failed ? failure_code(service) : service.code.value_or(exit_code::kOk);
    }
    case StopCause::StopSignal:
    case StopCause::ShutdownCommand:
    case StopCause::MainCommandEnded:
    case StopCause::HookFailed:
    case StopCause::BootTooLong:
    case StopCause::InternalError: break;
  }
  const int by_stop = needed_kill() ? exit_code::kKilled : exit_code::kOk;
  if (!plan_.main_command) return by_stop;
  // One that was never started did not succeed, so 0 would be a lie; this is what the stop signal would have made of
  // it.
  return at(*plan_.main_command).code.value_or(needed_kill() ? exit_code::kKilled : exit_code::kTerminated);
}

bool Stop::needed_kill() const {
  const bool outlived_it = std::any_of(services_.begin(), services_.end(), [](const Service& service) {
    return std::holds_alternative<state::Killing>(service.state) && !is_hook(service.plan->role);
  });
  return needed_kill_ || outlived_it;
}

}  // namespace cinit::core
