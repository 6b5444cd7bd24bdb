// The end of the container: its phases, its budget, its exit code. It reads what services do, and answers with what
// they are to be told next.
//
//   Up -> EndingMain -> PreStopHooks -> Draining -> Sweeping -> PostStopHooks -> Reaping -> Over
//
// EndingMain is passed over unless the main command is to end before everything else. The hooks before the stop and
// after it have a phase each. Draining stops the services tier by tier, Sweeping gives every other process its chance,
// Reaping comes after SIGKILL. Phases are left early when nothing is left; one that runs out of time is followed by the
// next.
#pragma once

#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "core/action.hpp"
#include "core/order.hpp"

namespace cinit::core {

// How long the stop of a service may take until SIGKILL.
StopTimes stop_times_of(const Plan& plan, const PlannedService& service);

struct StopReason {
  notice::StopCause cause;
  std::optional<ServiceId> service = {};  // which one caused it
  bool failed = false;                    // that one has
  std::optional<int> code = {};           // the container's exit code, whatever happens
};

// What is to be told to services next. The stop goes on when that has been done.
namespace stop_order {

struct EndMain {};  // Stop, before everything else
struct StartHook {
  ServiceId hook;
};
struct EndAll {};  // EndBegun, once more: hooks before the stop that still run are stopped in turn, too
struct StopTier {
  std::uint32_t tier;  // Stop::members() are to be told Stop
};
struct KillAll {
  bool spare_main;
};

}  // namespace stop_order

using StopOrder = std::variant<stop_order::EndMain, stop_order::StartHook, stop_order::EndAll, stop_order::StopTier,
                               stop_order::KillAll>;

class Stop {
 public:
  // Both must outlive it.
  Stop(const Plan& plan, const Services& services) : plan_(plan), services_(services) {}

  bool has_begun() const { return reason_.has_value(); }
  bool is_over() const { return std::holds_alternative<phase::Over>(phase_); }
  bool is_sweeping() const { return std::holds_alternative<phase::Sweeping>(phase_); }
  // Services are being stopped, or have been. Before that only the main command and hooks are.
  bool has_begun_with_services() const;
  // By a signal or by `cinit shutdown`, and not because of something in the container.
  bool is_asked_for() const { return reason_ && (reason_->cause == notice::StopCause::StopSignal || is_by_command()); }
  bool is_by_command() const { return reason_ && reason_->cause == notice::StopCause::ShutdownCommand; }
  // The end of the budget; kNever before the stop begins.
  Time end_of_budget() const { return deadline_; }
  // A main command that cinit does not kill, because that is left to the container runtime, and that has not ended.
  bool spares_main() const;

  // The stop begins, and services are told that; what follows is said by next().
  void begin(const StopReason& reason, std::optional<Signal> signal, Time now, Actions& actions);
  // It is an internal error that ends the container, whatever has begun its end.
  void blame_internal_error();
  // One more stop signal: how many there have been.
  int count_signal() { return ++signals_; }
  // Whether the main command gets a stop signal of its own later, and need not be handed this one.
  bool main_is_asked_later() const;

  // What is to be told to services now; std::nullopt: nothing before something else happens.
  std::optional<StopOrder> next(Time now, Actions& actions);
  Time deadline() const;
  // Of a tier that is to be stopped.
  const std::vector<ServiceId>& members(std::uint32_t tier) const { return members_[tier]; }
  // How a service is to be told that it is stopped. A logger that is not to come back ends with its input.
  told::Stop stop_of(const Service& service, Wanted wanted) const;

  // Everything gets SIGTERM at once. False: it is too late for that. urged() follows when services have been told.
  bool begin_urging(Signal signal, Actions& actions);
  void urged(Actions& actions);
  // Everything gets SIGKILL: next() begins with it.
  void kill() { phase_ = phase::Killing{}; }

  // A service of `tier` has begun or ceased to occupy it: occupies_tier().
  void occupancy_changed(std::uint32_t tier, bool occupied);
  void nothing_left(Time now, Actions& actions);

  // A service has ended for good. std::nullopt: the container does not end for that.
  std::optional<StopReason> ended_for_good(const Service& service, Ending ending, Actions& actions);

  // What the exit code depends on.
  void forget_failure(ServiceId id) { std::erase(failed_, id); }
  void note_kill() { needed_kill_ = true; }  // a main process has ended only by SIGKILL

 private:
  // In the place of a namespace, which a class cannot hold.
  struct phase {  // NOLINT(readability-identifier-naming)
    struct Up {};
    // It has begun just now.
    struct Begun {};
    // The main command ends, and everything else waits for that: InitRules::ends_main_first.
    struct EndingMain {};
    // The hooks before the stop, of which `next` is the one to run; what follows begins at `drain_at` at the latest.
    struct PreStopHooks {
      std::size_t next;
      Time drain_at;
    };
    // Services are to be told that they are stopped in turn.
    struct BeginDrain {};
    // Tiers below `next_tier` have been asked to stop. The next one is asked at `next_tier_at`, or when those are done.
    struct Draining {
      std::uint32_t next_tier;
      Time next_tier_at;
    };
    struct Sweeping {
      Time kill_at;
    };
    // Nothing was left, and now the hooks after the stop are.
    struct PostStopHooks {
      std::size_t next;
      Time kill_at;
    };
    // Services have been told that everything gets SIGKILL, or are about to be.
    struct Killing {
      bool told = false;
    };
    // Only a main command that cinit does not kill is left.
    struct Outlasting {};
    struct Reaping {
      Time give_up_at;
    };
    struct Over {};
  };
  using Phase = std::variant<phase::Up, phase::Begun, phase::EndingMain, phase::PreStopHooks, phase::BeginDrain,
                             phase::Draining, phase::Sweeping, phase::PostStopHooks, phase::Killing, phase::Outlasting,
                             phase::Reaping, phase::Over>;

  // One for each phase: what is to be told, or `Again` when the phase has changed and the new one has the word.
  struct Again {};
  struct Nothing {};
  using Next = std::variant<Nothing, Again, StopOrder>;
  struct Turn;

  const Service& at(ServiceId id) const { return services_[index_of(id)]; }
  bool stop_hooks_run() const;
  int exit_code() const;
  bool needed_kill() const;

  const Plan& plan_;
  const Services& services_;
  Phase phase_ = phase::Up{};
  std::optional<StopReason> reason_;
  Time deadline_ = kNever;        // the end of the budget
  Time sweep_at_ = kNever;        // when the sweep begins at the latest
  std::optional<Signal> signal_;  // that the stop began with
  int signals_ = 0;
  bool post_stop_begun_ = false;

  // Of the drain.
  std::vector<std::vector<ServiceId>> members_;  // by tier
  std::vector<std::uint32_t> occupants_;         // by tier
  std::set<std::uint32_t> to_stop_;              // tiers that are occupied and have not been asked
  std::uint32_t asked_occupants_ = 0;            // of tiers that have been asked

  std::optional<StopReason> boot_hook_ended(const Service& service, bool failed);

  std::optional<ServiceId> failed_hook_;  // of the boot, which ends with the last hook of its kind
  std::vector<ServiceId> failed_;         // services that failed for good and were not asked for since, in order
  bool stop_hook_failed_ = false;
  bool needed_kill_ = false;
};

}  // namespace cinit::core
