// The part of the supervisor that stops everything: tiers, sweep, SIGKILL, exit code.
#include <algorithm>

#include "base/exit_code.hpp"
#include "base/overloaded.hpp"
#include "core/supervisor.hpp"

namespace cinit::core {

void Supervisor::stop_signal_received(Signal signal) {
  const bool begins = !shutdown_;
  if (begins) begin_shutdown({notice::StopCause::StopSignal, std::nullopt}, signal);
  // The first one asks for what may have begun for another reason; the second and the third urge.
  if (!begins && !plan_.conduct.takes_more_stop_signals) return;
  const int count = ++shutdown_->stop_signals;
  if (count == 2) return escalate(kTerminate);
  const bool kills_main = count == 3 && !spares_main();
  // While the hooks before the stop run, its own stop signal is still to come, and is this one.
  const bool comes_later = begins || std::holds_alternative<phase::PreStop>(phase_);
  if (!comes_later && !kills_main && main_takes_signals()) forward_to_main(signal);
  if (count == 3) escalate(kKill);
}

void Supervisor::begin_shutdown(ShutdownReason reason, std::optional<Signal> signal) {
  if (shutdown_) return;
  const Duration total = plan_.stop.total;
  shutdown_ = Shutdown{reason, later(now_, total), later(now_, total - plan_.stop.reserve())};
  const bool goes_on = plan_.conduct.is_prelude && reason.cause == notice::StopCause::AllEnded;
  if (!goes_on) announce(notice::ShutdownBegun{reason.cause, reason.service, signal});
  for (Service& service : services_) {
    service.wanted = Wanted::Down;
    if (!is_alive(service.state) && !is_final(service.state)) enter(service, state::Stopped{});
  }
  if (!plan_.conduct.ends_main_first || !plan_.main_command || !is_alive(at(*plan_.main_command).state)) {
    return begin_stop_hooks();
  }
  phase_ = phase::EndingMain{};
  stop(at(*plan_.main_command));
}

void Supervisor::begin_stop_hooks() {
  if (!stop_hooks_run()) return begin_drain();
  const Time drain_at = later(now_, plan_.conduct.pre_stop_time.value_or(plan_.stop.reserve()));
  phase_ = phase::PreStop{0, std::min(drain_at, shutdown_->deadline)};
}

// Those who clean up after the services are not asked to when there were none: when the boot did not get that far.
bool Supervisor::stop_hooks_run() const {
  return std::all_of(plan_.boot_hooks.begin(), plan_.boot_hooks.end(), [&](ServiceId id) {
    const State& state = at(id).state;
    return std::holds_alternative<state::Done>(state) ||
           (plan_[id].may_fail && std::holds_alternative<state::Failed>(state));
  });
}

// Starts the next of `hooks` when the one before has ended, in whichever way. True: there is none left.
bool Supervisor::advance_hooks(const std::vector<ServiceId>& hooks, std::size_t& next) {
  while (next < hooks.size()) {
    Service& hook = at(hooks[next]);
    if (std::holds_alternative<state::Idle>(hook.state)) {
      hook.wanted = Wanted::Up;
      begin_attempt(hook);
    }
    if (!is_final(hook.state)) return false;
    ++next;
  }
  return true;
}

void Supervisor::advance_pre_stop(phase::PreStop pre_stop) {
  // Not one more is started when the time is over.
  const bool done = now_ >= pre_stop.drain_at || advance_hooks(plan_.pre_stop_hooks, pre_stop.next);
  phase_ = pre_stop;
  if (done) begin_drain();
}

// A hook that still runs is stopped with the first tier.
void Supervisor::begin_drain() {
  for (Service& service : services_) {
    service.wanted = Wanted::Down;
    if (occupies_tier(service, service.state)) {
      tiers_to_stop_.insert(service.plan->stop_tier);
    } else if (!is_final(service.state)) {
      enter(service, state::Stopped{});
    }
  }
  phase_ = phase::Draining{0, now_};
}

bool Supervisor::is_asked_to_stop(const Service& service) const {
  if (std::holds_alternative<phase::Up>(phase_) || std::holds_alternative<phase::PreStop>(phase_)) return false;
  if (std::holds_alternative<phase::EndingMain>(phase_)) return plan_.is_main(service.id);
  const auto* draining = std::get_if<phase::Draining>(&phase_);
  return !draining || service.plan->stop_tier < draining->next_tier;
}

// Now, and not when its turn comes.
bool Supervisor::is_to_stop(const Service& service) const {
  return service.wanted == Wanted::Down && (!shutdown_ || is_asked_to_stop(service));
}

// Whether somebody urges: no more commands are run then.
bool Supervisor::hurries() const { return shutdown_ && (shutdown_->stop_signals > 1 || shutdown_->kills); }

void Supervisor::advance_shutdown() {
  if (!shutdown_ && unfinished_ == 0 && held_ == 0 && !plan_.is_kept_by_directories)
    begin_shutdown({notice::StopCause::AllEnded, std::nullopt}, std::nullopt);
  const bool is_ending_main = std::holds_alternative<phase::EndingMain>(phase_);
  // A main command that not even SIGKILL ends keeps nobody from the stop.
  const bool main_is_over = is_ending_main && (!is_alive(at(*plan_.main_command).state) || now_ >= shutdown_->deadline);
  if (main_is_over) begin_stop_hooks();
  if (const auto* pre_stop = std::get_if<phase::PreStop>(&phase_)) advance_pre_stop(*pre_stop);
  if (const auto* post_stop = std::get_if<phase::PostStop>(&phase_)) return advance_post_stop(*post_stop);
  if (const auto* draining = std::get_if<phase::Draining>(&phase_)) return advance_drain(*draining);
  const auto* sweeping = std::get_if<phase::Sweeping>(&phase_);
  if (sweeping && now_ >= sweeping->kill_at) {
    announce(notice::SweepOver{});
    if (now_ >= shutdown_->deadline) announce(notice::BudgetSpent{plan_.stop.total, spares_main()});
    return kill_everything();
  }
  // The main command that was spared has ended, and nothing else is to outlast the budget.
  if (std::holds_alternative<phase::Outlasting>(phase_) && !spares_main()) return kill_what_is_left();
  const auto* reaping = std::get_if<phase::Reaping>(&phase_);
  if (reaping && now_ >= reaping->give_up_at) leave(true);
}

void Supervisor::advance_drain(phase::Draining draining) {
  while (!tiers_to_stop_.empty() && (asked_alive_ == 0 || now_ >= draining.next_tier_at)) draining = stop_next_tier();
  if (!tiers_to_stop_.empty()) return;
  if (asked_alive_ == 0 || now_ >= shutdown_->sweep_at) return drained();
  // There is no next tier that a share would be for, also when the tiers that were left have ended by themselves.
  phase_ = phase::Draining{draining.next_tier, shutdown_->sweep_at};
}

Supervisor::phase::Draining Supervisor::stop_next_tier() {
  // Each tier has the same share of what is left; one that needs less leaves more to the others.
  const Duration share = (shutdown_->sweep_at - now_) / static_cast<std::int64_t>(tiers_to_stop_.size());
  const std::uint32_t tier = *tiers_to_stop_.begin();
  tiers_to_stop_.erase(tiers_to_stop_.begin());
  const phase::Draining draining{tier + 1, now_ + share};
  phase_ = draining;
  asked_alive_ += alive_in_tier_[tier];
  for (const ServiceId id : tier_members_[tier]) stop(at(id));
  return draining;
}

void Supervisor::drained() {
  if (!plan_.conduct.runs_hooks_before_sweep || !post_stop_hooks_run()) return begin_sweep();
  begin_post_stop();
  advance_post_stop(phase::PostStop{0, shutdown_->deadline});
}

void Supervisor::begin_sweep() {
  announce(notice::SweepBegun{plan_.conduct.sweeps});
  if (!plan_.conduct.sweeps) return leave(false);
  actions_.push_back(Sweep{});
  // A main command that has ended by itself leaves nobody who could be asked for more time.
  const bool by_main = shutdown_->reason.cause == notice::StopCause::MainCommandEnded;
  Time kill_at = by_main ? later(now_, plan_.stop.reserve()) : kNever;
  if (plan_.conduct.sweep_time) kill_at = later(now_, *plan_.conduct.sweep_time);
  phase_ = phase::Sweeping{std::min(kill_at, shutdown_->deadline)};
}

// Hooks are on nobody's mind any more when everything is urged to end.
bool Supervisor::post_stop_hooks_run() const {
  const bool urged = shutdown_->stop_signals > 1;
  return !plan_.post_stop_hooks.empty() && stop_hooks_run() && !urged && now_ < shutdown_->deadline;
}

void Supervisor::begin_post_stop() {
  shutdown_->post_stop_begun = true;
  if (!post_stop_hooks_run()) return leave(false);
  phase_ = phase::PostStop{0, shutdown_->deadline};
}

void Supervisor::advance_post_stop(phase::PostStop post_stop) {
  if (now_ >= post_stop.kill_at) {
    announce(notice::BudgetSpent{plan_.stop.total, spares_main()});
    return kill_everything();
  }
  const bool done = advance_hooks(plan_.post_stop_hooks, post_stop.next);
  phase_ = post_stop;
  if (done) begin_sweep();  // of what the hooks have left behind
}

void Supervisor::escalate(Signal signal) {
  if (std::holds_alternative<phase::Reaping>(phase_) || is_over()) return;
  announce(notice::Escalated{signal});
  if (signal == kKill) return kill_everything();
  if (std::holds_alternative<phase::PreStop>(phase_)) begin_drain();
  for (Service& service : services_) urge(service);
  tiers_to_stop_.clear();
  asked_alive_ = alive_;
  if (std::holds_alternative<phase::Draining>(phase_)) phase_ = phase::Draining{plan_.tiers, shutdown_->sweep_at};
  // The hooks that have not been started are not.
  if (std::holds_alternative<phase::PostStop>(phase_)) phase_ = phase::Sweeping{shutdown_->deadline};
  actions_.push_back(Sweep{.repeat = true});
}

// Whatever it was about to do first is given up.
void Supervisor::urge(Service& service) {
  const auto terminate_group = [&](Time kill_at) {
    send_stop_signal(service, kTerminate, SendSignal::Target::Group, kill_at);
  };
  service.wanted = Wanted::Down;
  std::visit(
      Overloaded{
          [&](OneOf<state::Waiting, state::Backoff> auto) { enter(service, state::Stopped{}); },
          [&](state::PreStart pre_start) {
            if (!pre_start.asked) return ask_pre_start_to_end(service);
            actions_.push_back(SignalTask{service.id, kTerminate});
          },
          [&](OneOf<state::Starting, state::PostStart, state::Running> auto&&) { terminate_group(kill_time(service)); },
          [&](state::PreStop pre_stop) { terminate_group(pre_stop.kill_at); },
          [&](state::Stopping stopping) {
            end_task(service);
            actions_.push_back(SendSignal{service.id, SendSignal::Target::Group, kTerminate});
            if (!stopping.sent) enter(service, state::Stopping{kTerminate, stopping.since, stopping.kill_at});
          },
          [&](state::Killing) {
            actions_.push_back(SendSignal{service.id, SendSignal::Target::Group, kTerminate});
          },
          [&](const state::Clearing& clearing) {
            end_task(service);
            if (clearing.emptied) return clearing_is_over(service, clearing);
            actions_.push_back(SendSignal{service.id, SendSignal::Target::Group, kTerminate});
          },
          [&](state::PostStop) {
            actions_.push_back(SignalTask{service.id, kTerminate});
            actions_.push_back(SignalTask{service.id, kContinue});
          },
          [&](state::Done) { forgo_undoing(service); },
          [&](state::Launching) { cancel_launch(service); },
          [&](OneOf<state::Idle, state::Failed, state::Stopped> auto) {},
      },
      State(service.state));
}

void Supervisor::forgo_undoing(Service& service) {
  if (is_to_be_undone(service, service.state)) enter(service, state::Stopped{});
}

void Supervisor::kill_everything() {
  shutdown_->kills = true;
  for (Service& service : services_) {
    if (!spares_main() || !plan_.is_main(service.id)) kill_now(service);
  }
  for (const ServiceId id : plan_.post_stop_hooks) end_hook(at(id));
  kill_what_is_left();
}

void Supervisor::kill_now(Service& service) {
  std::visit(Overloaded{
                 [&](state::PreStart) {
                   end_task(service);
                   attempt_failed(service);
                 },
                 [&](state::Launching) { cancel_launch(service); },
                 [&](OneOf<state::PreStop, state::Stopping> auto&&) { kill(service); },
                 [&](state::Clearing clearing) {
                   if (!clearing.killed) kill_rest(service, clearing);
                 },
                 [&](state::PostStop post_stop) {
                   end_task(service);
                   take_ending(service, post_stop.ending, post_stop.retry_at);
                 },
                 [&](state::Done) { forgo_undoing(service); },
                 // They were all asked to end before; a hook after the stop was not, and is seen to below.
                 [&](const OneOf<state::Idle, state::Waiting, state::Starting, state::PostStart, state::Running,
                                 state::Backoff, state::Killing, state::Failed, state::Stopped> auto&) {},
             },
             State(service.state));
}

// A hook after the stop was not asked to end: the SIGKILL to everything is all that it gets.
void Supervisor::end_hook(Service& hook) {
  hook.wanted = Wanted::Down;
  if (std::holds_alternative<state::Starting>(hook.state)) enter(hook, state::Killing{now_, kNever});
  if (std::holds_alternative<state::Backoff>(hook.state)) enter(hook, state::Stopped{});
}

void Supervisor::kill_what_is_left() {
  actions_.push_back(KillEverything{spares_main()});
  phase_ = spares_main() ? Phase(phase::Outlasting{}) : Phase(phase::Reaping{later(now_, kReapingTime)});
}

bool Supervisor::spares_main() const { return plan_.main_is_never_killed() && main_takes_signals(); }

void Supervisor::on(const NothingLeft&) {
  const bool looking =
      std::holds_alternative<phase::Sweeping>(phase_) || std::holds_alternative<phase::Reaping>(phase_);
  if (!looking || alive_ > 0) return;  // told too early: what is still to come will be told again
  if (shutdown_->post_stop_begun) return leave(false);
  begin_post_stop();
}

void Supervisor::leave(bool abandoned) {
  if (is_over()) return;
  phase_ = phase::Over{};
  actions_.push_back(Exit{container_code(), abandoned});
}

int Supervisor::container_code() const {
  const ShutdownReason& reason = shutdown_->reason;
  if (reason.cause == notice::StopCause::InternalError) return exit_code::kInternal;
  if (reason.cause == notice::StopCause::HookFailed) return exit_code::kBootFailed;
  if (stop_hook_failed_ && plan_.conduct.failed_stop_hook_code) return *plan_.conduct.failed_stop_hook_code;
  if (reason.cause == notice::StopCause::StopSignal && plan_.conduct.stop_signal_code) {
    return *plan_.conduct.stop_signal_code;
  }
  if (plan_.exit_code_from && at(*plan_.exit_code_from).code) return *at(*plan_.exit_code_from).code;
  if (reason.cause == notice::StopCause::AllEnded)
    return failed_.empty() ? exit_code::kOk : failure_code(at(failed_.front()));
  if (reason.cause == notice::StopCause::ServiceUnhealthy) return failure_code(at(*reason.service));
  if (reason.cause == notice::StopCause::ServiceEnded) {
    const Service& service = at(*reason.service);
    return service.failed_for_good ? failure_code(service) : service.code.value_or(exit_code::kOk);
  }
  if (plan_.main_command) {
    // One that was never started did not succeed, so 0 would be a lie; this is what the stop signal would have made of it.
    return at(*plan_.main_command).code.value_or(needed_kill() ? exit_code::kKilled : exit_code::kTerminated);
  }
  return needed_kill() ? exit_code::kKilled : exit_code::kOk;
}

bool Supervisor::needed_kill() const {
  const bool outlived_it = std::any_of(services_.begin(), services_.end(), [](const Service& service) {
    return std::holds_alternative<state::Killing>(service.state) && !is_hook(service.plan->role);
  });
  return needed_kill_ || outlived_it;
}

}  // namespace cinit::core
