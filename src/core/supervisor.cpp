#include "core/supervisor.hpp"

#include <algorithm>
#include <cassert>

#include "base/exit_code.hpp"
#include "base/overloaded.hpp"
#include "core/signal_policy.hpp"

namespace cinit::core {

int StartFailure::exit_code() const {
  constexpr int kNoEntry = 2;  // ENOENT: <cerrno> has it, but its value is the kernel's
  return stage == StartStage::Exec && error == kNoEntry ? exit_code::kNotFound : exit_code::kNotExecutable;
}

Supervisor::Supervisor(const Plan& plan, std::uint64_t seed)
    : plan_(plan), random_(seed), order_(plan, services_), stop_(plan, services_), main_signals_(plan, services_) {
  services_.reserve(plan.services.size());
  for (std::size_t i = 0; i < plan.services.size(); ++i) {
    const PlannedService& planned = plan.services[i];
    services_.emplace_back(planned, static_cast<ServiceId>(i), stop_times_of(plan, planned));
  }
}

// ---- From an event to what decides about it

Actions Supervisor::boot(Time now) {
  now_ = now;
  booted_at_ = now;
  if (plan_.rules.boot_time) boot_deadline_ = later(now, *plan_.rules.boot_time);
  for (Service& service : services_) {
    service.entered_at = now;
    if (!service.plan->wanted_at_boot) continue;
    if (service.plan->role != Role::MainCommand) boot_.insert(service.id);
  }
  for (Service& service : services_) {
    if (service.plan->wanted_at_boot) tell(service, told::Start{});
  }
  return advance();
}

Actions Supervisor::handle(const Event& event, Time now) {
  now_ = std::max(now_, now);
  match([this](const auto& happened) { on(happened); }, event);
  stop_removed();
  return advance();
}

Actions Supervisor::cannot_go_on(const char* what, Time now) {
  now_ = std::max(now_, now);
  actions_.push_back(Announce{notice::InvariantBroken{what}});
  begin_stop({notice::StopCause::InternalError});
  stop_.blame_internal_error();
  return advance();
}

Actions Supervisor::shut_down(std::optional<int> code, Time now) {
  now_ = std::max(now_, now);
  begin_stop({.cause = notice::StopCause::ShutdownCommand, .code = code});
  return advance();
}

// What has become possible: starts, the end of the container, the next step of its stop.
Actions Supervisor::advance() {
  while (const auto next = order_.take_next()) start(*next);
  const bool is_down_on_request =
      unfinished_ == 0 && std::any_of(services_.begin(), services_.end(),
                                      [](const Service& service) { return service.wanted == Wanted::DownOnRequest; });
  if (unfinished_ == 0 && !is_down_on_request && !plan_.is_kept_open) begin_stop({notice::StopCause::AllEnded});
  while (const auto next = stop_.next(now_, actions_)) carry_out(*next);
  return std::exchange(actions_, {});
}

Time Supervisor::next_deadline() const {
  const Time of_services = deadlines_.empty() ? kNever : deadlines_.begin()->first;
  return std::min({of_services, stop_.deadline(), boot_deadline_});
}

std::vector<ServiceId> Supervisor::still_stopping() const {
  std::vector<ServiceId> awaited;
  for (const Service& service : services_) {
    const bool is_asked = service.wanted >= Wanted::DownWithAll || is_hook(service.plan->role);
    if (is_asked && is_alive(service.state)) awaited.push_back(service.id);
  }
  return awaited;
}

bool Supervisor::is_pristine(ServiceId id) const {
  if (index_of(id) >= services_.size()) return true;
  const StateKind kind = kind_of(at(services_, id).state);
  return at(services_, id).attempts == 0 && (kind == StateKind::Idle || kind == StateKind::Waiting);
}

bool Supervisor::starts_services(ServiceId hook, bool succeeded) const {
  const bool is_last = !plan_.boot_hooks.empty() && plan_.boot_hooks.back() == hook;
  const bool ends_boot = !succeeded && plan_[hook].on_hook_failure == HookFailure::EndsBoot;
  return is_last && !ends_boot && !is_stopping();
}

void Supervisor::on(const Exited& event) {
  Service& service = at(services_, event.service);
  // It may have ended by itself before the SIGKILL reached it.
  const bool by_kill =
      std::holds_alternative<state::Killing>(service.state) && event.status == WaitStatus::signaled(kKill);
  if (is_stopping() && by_kill && !is_hook(service.plan->role)) stop_.note_kill();
  const std::size_t first = actions_.size();
  tell(service, event);
  // What it leaves belongs to no service from now on.
  const bool is_watched = std::any_of(actions_.begin() + static_cast<std::ptrdiff_t>(first), actions_.end(),
                                      [](const Action& action) { return std::holds_alternative<WatchGroup>(action); });
  if (stop_.is_sweeping() && !is_watched) actions_.push_back(Sweep{});
}

void Supervisor::on(const StoodStill& event) {
  for (Service& service : services_) tell(service, event);
}

void Supervisor::on(const MainSuspended& event) {
  actions_.push_back(Announce{notice::MainSuspended{event.signal}});
  main_signals_.suspended(actions_);
}

void Supervisor::on(const DeadlineReached& event) {
  if (boot_deadline_ <= now_) end_wait_for_boot();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
    Service& service = at(services_, deadlines_.begin()->second);
    const auto progress = std::find_if(event.probes.begin(), event.probes.end(),
                                       [&](const ProbeProgress& probe) { return probe.service == service.id; });
    tell(service, told::Due{progress == event.probes.end() ? std::string_view() : progress->text});
    stop_removed();  // none of them is to be started for a service that has just gone
  }
}

void Supervisor::end_wait_for_boot() {
  boot_deadline_ = kNever;
  const auto slow = std::find_if(boot_.begin(), boot_.end(), [this](ServiceId id) { return !order_.is_settled(id); });
  if (slow == boot_.end() || is_stopping()) return;
  actions_.push_back(Announce{notice::WaitedTooLong{*slow, *plan_.rules.boot_time}});
  if (plan_.rules.slow_boot_fails) return begin_stop({notice::StopCause::BootTooLong});
  if (plan_.main_command) order_.release(*plan_.main_command);
}

void Supervisor::on(const NothingLeft&) { stop_.nothing_left(now_, actions_); }

// ---- From what a service did to everything else

Supervisor::Before::Before(const Service& service, std::size_t actions_so_far)
    : deadline(deadline_of(service.state)),
      occupied(occupies_tier(service)),
      was_final(is_final(service.state)),
      actions(actions_so_far) {}

// By what state it is in now, and which ones it came through.
void Supervisor::follow(Service& service, const Before& before) {
  const Time deadline = deadline_of(service.state);
  if (before.deadline != kNever) deadlines_.erase({before.deadline, service.id});
  if (deadline != kNever) deadlines_.insert({deadline, service.id});
  if (before.was_final) ++unfinished_;
  if (is_final(service.state)) --unfinished_;
  const bool occupied = occupies_tier(service);
  if (occupied != before.occupied) stop_.occupancy_changed(service.plan->stop_tier, occupied);

  std::optional<SendSignal> sent;
  bool came_up = false;
  for (std::size_t i = before.actions, end = actions_.size(); i < end; ++i) {
    if (const auto* signal = std::get_if<SendSignal>(&actions_[i])) sent = *signal;
    const auto* announced = std::get_if<Announce>(&actions_[i]);
    const auto* entered = announced ? std::get_if<notice::Entered>(&announced->notice) : nullptr;
    if (!entered) continue;
    came_up = came_up || entered->to == StateKind::Running || entered->to == StateKind::Done;
    if (entered->to == StateKind::Stopping && plan_.is_main(service.id) && sent) {
      main_signals_.asked_to_stop(*sent, actions_);
    }
  }
  const bool is_finished = came_up && boot_.erase(service.id) > 0 && boot_.empty();
  if (is_finished && !is_stopping() && plan_.has_services) {
    actions_.push_back(Announce{notice::BootFinished{now_ - booted_at_}});
  }
  // No service will read what is still in its pipe, nor write into it.
  const bool is_idle = service.plan->retired && !service.plan->producers.empty() && is_final(service.state);
  if (is_idle && !has_producers_alive(services_, service)) close_input(service, now_, actions_);
}

void Supervisor::follow(Service& service, const News& news) {
  if (news.broken) broken_invariant(news.broken);
  if (news.unsettled) order_.unsettle(service.id);
  if (news.settled) order_.settle(service.id);
  if (news.waits) order_.offer(service.id);
  if (news.retries) start(service.id);
  if (news.ended) {
    if (const auto reason = stop_.ended_for_good(service, *news.ended, actions_)) begin_stop(*reason);
  }
  // Signals that have waited for the main command come before that of its stop.
  if (news.runs && plan_.is_main(service.id)) main_signals_.main_runs(actions_);
  if (news.stop_due) tell(service, stop_.stop_of(service, service.wanted));
  if (news.unhealthy) begin_stop({notice::StopCause::ServiceUnhealthy, service.id});
}

void Supervisor::start(ServiceId id) {
  if (order_.requires_one_down_on_request(id)) {
    tell(at(services_, id), told::Wait{});
  } else if (const auto required = order_.failed_requirement(id)) {
    tell(at(services_, id), told::Fail{*required, failure_code(at(services_, *required))});
  } else {
    tell(at(services_, id), told::Begin{});
  }
}

// ---- Signals, and the stop of everything

void Supervisor::on(const SignalReceived& event) {
  switch (use_of(event, plan_, main_signals_.are_forwarded())) {
    case SignalUse::Drop: return;
    case SignalUse::Ignore: return actions_.push_back(Announce{notice::SignalIgnored{event.signal}});
    case SignalUse::Reload: return actions_.push_back(Announce{notice::ReloadRefused{}});
    case SignalUse::HandOn: return hand_on(*find_handed_on(event.signal, plan_));
    case SignalUse::Forward: return main_signals_.forward(event.signal, actions_);
    case SignalUse::Stop: break;
  }
  const bool begins = !is_stopping();
  if (begins) begin_stop({notice::StopCause::StopSignal}, event.signal);
  // A process of the container may ask for the stop, and cannot urge it: scripts do so in every stop, "halt" in a
  // ./finish.
  if (event.origin == SignalOrigin::Inside) return;
  // The first one asks for what may have begun for another reason; the second and the third urge.
  if (!begins && !plan_.rules.takes_more_stop_signals) return;
  const int count = stop_.count_signal();
  if (count == 2) {
    if (!stop_.begin_urging(kTerminate, actions_)) return;
    for (Service& service : services_) tell(service, told::Urged{});
    return stop_.urged(actions_);
  }
  const bool kills_main = count == 3 && !stop_.spares_main();
  if (!stop_.main_is_asked_later() && !kills_main && main_signals_.are_forwarded()) {
    main_signals_.forward(event.signal, actions_);
  }
  if (count == 3 && stop_.begin_urging(kKill, actions_)) stop_.kill();
}

// A service that has no process now gets nothing: its next process has begun with what the signal may be about.
void Supervisor::hand_on(const HandedOn& signal) {
  switch (signal.route.action) {
    case config::SignalRoute::Action::Start: return on(Requested{signal.service, Requested::What::Start});
    case config::SignalRoute::Action::Stop: return on(Requested{signal.service, Requested::What::Stop});
    case config::SignalRoute::Action::Restart: return on(Requested{signal.service, Requested::What::Restart});
    case config::SignalRoute::Action::Send: break;
  }
  const StateKind state = kind_of(at(services_, signal.service).state);
  const bool has_process = state == StateKind::Starting || state == StateKind::PostStart ||
                           state == StateKind::Running || state == StateKind::PreStop || state == StateKind::Stopping;
  actions_.push_back(
      Announce{notice::SignalHandedOn{signal.route.signal, signal.service, signal.route.sent, has_process}});
  if (!has_process) return;
  actions_.push_back(SendSignal{signal.service, SendSignal::Target::MainProcess, signal.route.sent});
}

void Supervisor::begin_stop(const StopReason& reason, std::optional<Signal> signal) {
  if (is_stopping()) return;
  stop_.begin(reason, signal, now_, actions_);
  for (Service& service : services_) tell(service, told::EndBegun{});
}

void Supervisor::carry_out(const StopOrder& order) {
  const auto stop = [this](ServiceId id) {
    tell(at(services_, id), stop_.stop_of(at(services_, id), Wanted::DownWithAll));
  };
  match(Overloaded{
            [&](stop_order::EndMain) { stop(*plan_.main_command); },
            [&](stop_order::StartHook start) { tell(at(services_, start.hook), told::Begin{}); },
            [&](stop_order::EndAll) {
              for (Service& service : services_) tell(service, told::EndBegun{});
            },
            [&](stop_order::StopTier asked) {
              for (const ServiceId id : stop_.members(asked.tier)) stop(id);
            },
            [&](stop_order::KillAll all) {
              for (Service& service : services_) {
                if (!all.spare_main || !plan_.is_main(service.id)) tell(service, told::Killed{});
              }
              for (const ServiceId hook : plan_.post_stop_hooks) tell(at(services_, hook), told::HookEnded{});
            },
        },
        order);
}

void Supervisor::broken_invariant(const char* what) {
  assert(false && "broken invariant");
  actions_.push_back(Announce{notice::InvariantBroken{what}});
  begin_stop({notice::StopCause::InternalError});
  stop_.blame_internal_error();
}

}  // namespace cinit::core
