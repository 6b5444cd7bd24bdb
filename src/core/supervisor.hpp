// What is happening. The supervisor knows the plan and every service's state; it is told events and answers with actions.
// It makes no system call and reads no clock, so a test can live through a day of it in a millisecond.
//
// A service goes
//
//   Waiting -> Launching -> Running (a oneshot: Starting) -> Stopping -> Stopped
//
// and from each of these, when its main process ends by itself, through Clearing (while something is left of its process
// group) to Backoff and Launching again, or to Done or Failed for good. Killing lies between Stopping and the end of a
// process that ignored its stop signal.
//
// The container as a whole goes
//
//   Up -> PreStop -> Draining -> Sweeping -> PostStop -> Reaping -> Over
//
// PreStop and PostStop run hooks, Draining stops the services tier by tier, Sweeping gives every other process its chance,
// Reaping comes after SIGKILL.
// Phases are left early when nothing is left; one that runs out of time is followed by the next.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "core/action.hpp"
#include "core/event.hpp"
#include "core/plan.hpp"
#include "core/restart.hpp"
#include "core/service_state.hpp"

namespace cinit::core {

// The delays between attempts to start a process that there is no room for. They double from the first to the longest.
inline constexpr Duration kSpawnRetryDelay = std::chrono::milliseconds(200);
inline constexpr Duration kSpawnRetryMaxDelay = std::chrono::seconds(5);

// How long a process may take to vanish after SIGKILL before cinit leaves without it.
inline constexpr Duration kReapingTime = std::chrono::milliseconds(500);

class Supervisor {
 public:
  // `plan` must outlive the supervisor. `seed` feeds the jitter of restart delays.
  Supervisor(const Plan& plan, std::uint64_t seed);

  // Starts what is wanted at boot. To be called once, before the first event.
  Actions boot(Time now);

  // Takes in what has happened. `now` never goes back. Actions are to be carried out in their order, before the next event.
  Actions handle(const Event& event, Time now);

  // When DeadlineReached is due; kNever when there is nothing to wait for but other events.
  Time next_deadline() const;

  // For tests and for reports on what is going on.
  const State& state(ServiceId id) const { return services_[index_of(id)].state; }
  bool is_over() const { return std::holds_alternative<phase::Over>(phase_); }

 private:
  enum class Wanted { Up, Down };

  struct Service {
    Service(const PlannedService& plan, ServiceId id);

    const PlannedService* plan;
    ServiceId id;
    State state;
    Wanted wanted = Wanted::Down;
    bool settled = false;         // it has been ready, done, failed or stopped: who comes after it need not wait
    std::uint32_t unsettled = 0;  // services that it waits for and that are not settled
    Time started_at{};
    Backoff delays;
    Backoff spawn_delays;
    StartLimit starts;
    std::optional<int> code;  // of its last end, as a shell sees it
    bool failed_for_good = false;
    bool timed_out = false;  // in Starting, and so it has failed, however it ends
  };

  // In the place of a namespace, which a class cannot hold.
  struct phase {  // NOLINT(readability-identifier-naming)
    struct Up {};
    // The hooks before the stop, of which `next` is the one to run; what follows begins at `drain_at` at the latest.
    struct PreStop {
      std::size_t next;
      Time drain_at;
    };
    // Tiers below `next_tier` have been asked to stop. The next one is asked at `next_tier_at`, or when those are done.
    struct Draining {
      std::uint32_t next_tier;
      Time next_tier_at;
    };
    struct Sweeping {
      Time kill_at;
    };
    // Nothing was left, and now the hooks after the stop are.
    struct PostStop {
      std::size_t next;
      Time kill_at;
    };
    // Only a main command that cinit does not kill is left.
    struct Outlasting {};
    struct Reaping {
      Time give_up_at;
    };
    struct Over {};
  };
  using Phase = std::variant<phase::Up, phase::PreStop, phase::Draining, phase::Sweeping, phase::PostStop,
                             phase::Outlasting, phase::Reaping, phase::Over>;

  struct ShutdownReason {
    notice::StopCause cause;
    std::optional<ServiceId> service;  // which one caused it
  };

  // What is known of the stop of everything, once it has begun.
  struct Shutdown {
    ShutdownReason reason;
    Time deadline;  // the end of the budget
    Time sweep_at;  // when the sweep begins at the latest
    int stop_signals = 0;
    bool post_stop_begun = false;
  };

  // Events. One function for each; for those about a service one overload for each group of states that takes it alike.
  void on(const Spawned& event);
  void on(const SpawnFailed& event);
  void on(const Exited& event);
  void on(const GroupEmptied& event);
  void on(const MainSuspended& event);
  void on(const SignalReceived& event);
  void on(const DeadlineReached& event);
  void on(const NothingLeft& event);

  // Starting.
  void start_what_can_start();
  void start(Service& service);
  void launch(Service& service);
  void requirement_failed(Service& service, ServiceId required);
  const ServiceId* failed_requirement(const Service& service) const;
  void came_up(Service& service);
  void settle(Service& service);

  // Ending: supervisor_ending.cpp.
  void main_process_ended(Service& service, const Exited& event);
  bool succeeded(const Service& service, WaitStatus status) const;
  Ending verdict(const Service& service, WaitStatus status) const;
  void clear_group(Service& service, const state::Clearing& clearing);
  void take_ending(Service& service, Ending ending, Time retry_at);
  std::pair<Ending, Time> plan_restart(Service& service, std::optional<notice::Restart>& restart);
  void announce_failure(const Service& service);
  void ended_for_good(Service& service, Ending ending);
  int failure_code(const Service& service) const;

  // Stopping one service.
  void stop(Service& service, Signal signal, SendSignal::Target target);
  void send_stop_signal(Service& service, Signal signal, SendSignal::Target target);
  void kill(Service& service);
  void kill_rest(Service& service, state::Clearing clearing);
  SendSignal::Target stop_target(const Service& service) const;
  Time kill_time(const Service& service) const;
  void deadline_passed(Service& service);
  void time_out(Service& service);

  // Stopping everything: supervisor_shutdown.cpp.
  void stop_signal_received(Signal signal);
  void forward_to_main(Signal signal);
  bool main_takes_signals() const;
  void begin_shutdown(ShutdownReason reason, std::optional<Signal> signal);
  void advance_shutdown();
  void advance_pre_stop(phase::PreStop pre_stop);
  void begin_drain();
  void advance_drain(phase::Draining draining);
  phase::Draining stop_next_tier();
  void begin_sweep();
  void begin_post_stop();
  void advance_post_stop(phase::PostStop post_stop);
  bool stop_hooks_run() const;
  bool advance_hooks(const std::vector<ServiceId>& hooks, std::size_t& next);
  bool is_asked_to_stop(std::uint32_t tier) const;
  void escalate(Signal signal);
  void urge(Service& service);
  void kill_everything();
  void end_hook(Service& hook);
  void kill_what_is_left();
  bool spares_main() const;
  void leave(bool abandoned);
  int container_code() const;
  bool needed_kill() const;

  // Bookkeeping.
  Service& at(ServiceId id) { return services_[index_of(id)]; }
  const Service& at(ServiceId id) const { return services_[index_of(id)]; }
  void enter(Service& service, State state);
  void account(const Service& service, bool was_alive, bool alive);
  void announce(Notice notice) { actions_.push_back(Announce{std::move(notice)}); }
  void broken_invariant(const char* what);

  const Plan& plan_;
  Random random_;
  Time now_{};
  std::vector<Service> services_;
  std::set<std::pair<Time, ServiceId>> deadlines_;  // deadline_of() of every state that has one
  std::deque<ServiceId> startable_;
  std::vector<Signal> pending_signals_;  // for a main command that does not run yet
  Phase phase_ = phase::Up{};
  std::optional<Shutdown> shutdown_;
  std::vector<std::vector<ServiceId>> tier_members_;
  std::vector<std::uint32_t> alive_in_tier_;
  std::set<std::uint32_t> tiers_to_stop_;  // those that have somebody alive and have not been asked
  std::uint32_t alive_ = 0;                // services that may have a process
  std::uint32_t asked_alive_ = 0;          // services alive in tiers that have been asked
  std::uint32_t unfinished_ = 0;           // services that are in no final state
  bool main_suspended_ = false;
  bool needed_kill_ = false;          // a main process ended only by SIGKILL
  std::optional<int> first_failure_;  // exit code of the first service that failed for good
  Actions actions_;
};

}  // namespace cinit::core
