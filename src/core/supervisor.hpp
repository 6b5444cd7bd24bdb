// What is happening. The supervisor knows the plan and every service's state; it is told events and answers with actions.
// It makes no system call and reads no clock, so a test can live through a day of it in a millisecond.
//
// A service goes
//
//   Waiting -> PreStart -> Launching -> Starting -> PostStart -> Running -> PreStop -> Stopping -> Stopped
//
// and from each of these, when its main process ends by itself, through Clearing (while something is left of its process
// group) and PostStop to Backoff and another start, or to Done or Failed for good. Killing lies between Stopping and the end
// of a process that ignored its stop signal. States in which nothing is to be done are passed over: PreStart, PostStart,
// PreStop and PostStop run its commands, Starting waits until it is ready.
//
// The container as a whole goes
//
//   Up -> EndingMain -> PreStop -> Draining -> Sweeping -> PostStop -> Reaping -> Over
//
// EndingMain is passed over unless the main command is to end before everything else. PreStop and PostStop run hooks,
// Draining stops the services tier by tier, Sweeping gives every other process its chance, Reaping comes after SIGKILL.
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
#include "core/status.hpp"

namespace cinit::core {

// The delays between attempts to start a process that there is no room for. They double from the first to the longest.
inline constexpr Duration kSpawnRetryDelay = std::chrono::milliseconds(200);
inline constexpr Duration kSpawnRetryMaxDelay = std::chrono::seconds(5);

// How long the process of a service may take from its start to its program's first instruction. It does nothing but what was
// asked for in that time, so it is held up: by SIGSTOP, a lease on its program, a file system that hangs.
inline constexpr Duration kLaunchTimeout = std::chrono::seconds(30);
// The same for a service that is to be stopped: what it gets is its stop signal.
inline constexpr Duration kLaunchTimeoutOfStop = std::chrono::seconds(1);

// A service directory's service is started at most once in this time.
inline constexpr Duration kDirectoryRestartInterval = std::chrono::seconds(1);

// How long after SIGKILL a service whose processes are still there waits for them.
inline constexpr Duration kAbandonTime = std::chrono::seconds(5);

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

  // Something has happened that cinit cannot go on with: begins the graceful stop, exit code 70.
  Actions cannot_go_on(const char* what, Time now);

  // When DeadlineReached is due; kNever when there is nothing to wait for but other events.
  Time next_deadline() const;

  // For tests and for reports on what is going on.
  const State& state(ServiceId id) const { return services_[index_of(id)].state; }
  // Whether nothing has been done about it so far; also true for one that the supervisor has not been told of.
  bool is_pristine(ServiceId id) const;
  ServiceStatus status(ServiceId id) const;
  bool is_stopping() const { return shutdown_.has_value(); }
  // Whether somebody has asked for that by a signal, and nothing in the container was the reason.
  bool is_stopped_by_signal() const { return shutdown_ && shutdown_->reason.cause == notice::StopCause::StopSignal; }
  bool is_over() const { return std::holds_alternative<phase::Over>(phase_); }

 private:
  enum class Wanted { Up, Down };

  struct Service {
    Service(const PlannedService& plan, ServiceId id);

    const PlannedService* plan;
    ServiceId id;
    State state;
    Wanted wanted = Wanted::Down;
    bool settled = false;  // it has been ready, done, failed or stopped: who comes after it need not wait
    Time entered_at{};     // the state
    Time begun_at{};       // the last attempt to start it
    Time started_at{};     // its main process
    Time ready_at{};
    std::optional<Task> task;  // the command that runs beside it
    std::size_t task_index = 0;
    std::uint32_t task_number = 0;   // of the last command that was run
    std::uint32_t probe_number = 0;  // of the last probe
    std::uint32_t start_count = 0;
    std::optional<WaitStatus> last_end;
    std::optional<WaitStatus> end_of_attempt;  // of the last attempt; unset: its main process could not be started
    std::optional<StartFailure> failure;
    ServiceStatus::Health health = ServiceStatus::Health::Unknown;
    std::uint32_t failed_checks = 0;
    Duration watchdog{};  // how often it must say that it is well, when that is its health; 0: it need not
    std::string probe_detail;
    std::string status_text;
    Backoff delays;
    Backoff spawn_delays;
    StartLimit starts;
    std::optional<int> code;  // of its last end, as a shell sees it
    bool failed_for_good = false;
    bool condemned = false;        // it is stopped for a failure of its own: however it ends, it has failed
    bool restart_asked = false;    // it is stopped only to be started again
    bool held = false;             // it was stopped on request: the container does not end for it
    bool once = false;             // it is not started again when it ends
    bool begun = false;            // an attempt to start it was made
    bool input_closed = false;     // its pipe is given up: it is not to read any more than what is in there
    bool counts_for_boot = false;  // the boot is not finished before it has come up
  };

  // In the place of a namespace, which a class cannot hold.
  struct phase {  // NOLINT(readability-identifier-naming)
    struct Up {};
    // The main command ends, and everything else waits for that: Conduct::ends_main_first.
    struct EndingMain {};
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
  using Phase = std::variant<phase::Up, phase::EndingMain, phase::PreStop, phase::Draining, phase::Sweeping,
                             phase::PostStop, phase::Outlasting, phase::Reaping, phase::Over>;

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
    bool kills = false;  // everything gets SIGKILL
  };

  // Events. One function for each; for those about a service one overload for each group of states that takes it alike.
  void on(const Spawned& event);
  void on(const SpawnFailed& event);
  void on(const Exited& event);
  void on(const GroupEmptied& event);
  void on(const TaskEnded& event);
  void on(const ProbeEnded& event);
  void on(const ToldReady& event);
  void on(const Notified& event);
  void on(const Requested& event);
  void on(const PlanRevised& event);
  void on(const StoodStill& event);
  void on(const MainSuspended& event);
  void on(const SignalReceived& event);
  void on(const DeadlineReached& event);
  void on(const NothingLeft& event);

  // Starting.
  void want_at_boot(Service& service);
  void start_what_can_start();
  void start(Service& service);
  void begin_attempt(Service& service);
  void launch(Service& service);
  void start_failed(Service& service, const StartFailure& failure);
  void launch_overdue(Service& service);
  void cancel_launch(Service& service);
  void requirement_failed(Service& service, ServiceId required);
  const ServiceId* failed_requirement(const Service& service) const;
  bool requires_held(const Service& service) const;
  bool has_failed(const Service& service) const;
  bool is_done(const Service& service) const;
  bool is_about_to_be(Ending ending, const Service& service) const;
  void postpone(Service& service, const StartFailure& failure, bool anything_ran);
  void could_not_run(Service& service, bool is_news);
  void comes_up(Service& service);
  void became_ready(Service& service);
  void is_up(Service& service);
  void settle(Service& service);
  bool may_start(const Service& service) const;
  Time give_up_time(const Service& service) const;

  // Commands beside the main process: supervisor_tasks.cpp.
  static std::size_t count_of(const Service& service, Task task);
  void run_task(Service& service, Task task, std::size_t index);
  void end_task(Service& service);
  bool is_told_to_end(const Service& service) const;
  bool skips_commands(const Service& service) const;
  bool task_failed(Service& service, Task task, const TaskEnded& event);
  static bool is_script(const Service& service);
  static bool gives_up(const Service& service, const TaskEnded& event);
  void give_up(Service& service);
  void tasks_done(Service& service, Task task);
  void signal_instead(Service& service);
  void attempt_failed(Service& service, std::optional<int> code = std::nullopt);
  void ask_pre_start_to_end(Service& service);
  void pre_start_overdue(Service& service, state::PreStart pre_start);
  void pre_stop_overdue(Service& service, state::PreStop pre_stop);
  void post_stop_overdue(Service& service, state::PostStop post_stop);

  // Readiness and health: supervisor_health.cpp.
  void probe_due(Service& service, ProbeClock clock);
  void start_probe(Service& service, StartProbe::Use use, Duration timeout);
  void probe_result(Service& service, bool passed, const std::string& detail);
  static Duration interval_of_probes(const Service& service);
  void health_result(Service& service, bool passed, const std::string& detail);
  void unhealthy(Service& service);
  void watchdog_barked(Service& service, std::optional<Duration> within);
  ProbeClock first_health_clock(const Service& service) const;
  void set_probe_clock(Service& service, ProbeClock clock);
  bool is_out_of_start_period(const Service& service) const;
  void extend_timeout(Service& service, Time until);

  // Services that come and go: supervisor_revision.cpp.
  void take_in(ServiceId id);
  void remove(Service& service);
  void stop_for_good(Service& service);
  void give_up_input(Service& service);
  void leave_boot(Service& service);
  void count_tiers();
  void end_idle_consumers();
  bool has_producers_alive(const Service& service) const;

  // What is asked for from outside: supervisor_requests.cpp.
  void request_start(Service& service);
  void request_once(Service& service);
  void request_stop(Service& service);
  void request_restart(Service& service);
  void start_anew(Service& service);
  void start_after_end(Service& service);
  void release(Service& service);

  // Ending: supervisor_ending.cpp.
  void main_process_ended(Service& service, const Exited& event);
  void leave_group(Service& service, const State& before, Ending ending, Time retry_at);
  bool succeeded(const Service& service, WaitStatus status) const;
  std::pair<Ending, Time> verdict(Service& service, bool success, std::optional<notice::Restart>& restart);
  void clear_group(Service& service, const state::Clearing& clearing);
  void clearing_is_over(Service& service, const state::Clearing& clearing);
  Time post_stop_limit(const Service& service, Time kill_at) const;
  void conclude(Service& service, Ending ending, Time retry_at, Time kill_at);
  void take_ending(Service& service, Ending ending, Time retry_at);
  std::pair<Ending, Time> plan_restart(Service& service, std::optional<notice::Restart>& restart);
  void announce_failure(const Service& service);
  void ended_for_good(Service& service, Ending ending);
  int failure_code(const Service& service) const;

  // Stopping one service: supervisor_stopping.cpp.
  void stop(Service& service);
  void begin_stop(Service& service);
  void begin_pre_stop(Service& service);
  bool ends_with_its_input(const Service& service) const;
  void close_input(Service& service);
  static bool is_to_be_undone(const Service& service, const State& state);
  void undo(Service& service);
  void ask_to_end(Service& service, Time kill_at);
  void send_stop_signal(Service& service, Signal signal, SendSignal::Target target, Time kill_at);
  void stop_condemned(Service& service);
  void kill(Service& service);
  void kill_rest(Service& service, state::Clearing clearing);
  void abandon_rest(Service& service, const state::Clearing& clearing);
  SendSignal::Target stop_target(const Service& service) const;
  Time kill_time(const Service& service) const;
  void deadline_passed(Service& service);
  void time_out(Service& service, const std::string& detail);

  // Stopping everything: supervisor_shutdown.cpp.
  void stop_signal_received(Signal signal);
  void forward_to_main(Signal signal);
  bool main_takes_signals() const;
  void begin_shutdown(ShutdownReason reason, std::optional<Signal> signal);
  void begin_stop_hooks();
  void advance_shutdown();
  void advance_pre_stop(phase::PreStop pre_stop);
  void begin_drain();
  void advance_drain(phase::Draining draining);
  phase::Draining stop_next_tier();
  void begin_sweep();
  void drained();
  void begin_post_stop();
  bool post_stop_hooks_run() const;
  void advance_post_stop(phase::PostStop post_stop);
  bool stop_hooks_run() const;
  bool advance_hooks(const std::vector<ServiceId>& hooks, std::size_t& next);
  bool is_asked_to_stop(const Service& service) const;
  bool is_to_stop(const Service& service) const;
  bool hurries() const;
  void escalate(Signal signal);
  void urge(Service& service);
  void forgo_undoing(Service& service);
  void kill_everything();
  void kill_now(Service& service);
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
  static bool occupies_tier(const Service& service, const State& state);
  void account(const Service& service, bool was_alive, bool alive);
  void note_coming_up(Service& service);
  void announce(Notice notice) { actions_.push_back(Announce{std::move(notice)}); }
  void broken_invariant(const char* what);
  void internal_error(const char* what);

  const Plan& plan_;  // what is in it changes before PlanRevised is told
  Random random_;
  Time now_{};
  std::vector<Service> services_;
  std::set<std::pair<Time, ServiceId>> deadlines_;  // deadline_of() of every state that has one
  std::deque<ServiceId> startable_;
  std::vector<ServiceId> removed_consumers_;  // to be stopped when nobody writes into their pipes any more
  std::vector<Signal> pending_signals_;       // for a main command that does not run yet
  Phase phase_ = phase::Up{};
  std::optional<Shutdown> shutdown_;
  std::vector<std::vector<ServiceId>> tier_members_;
  std::vector<std::uint32_t> alive_in_tier_;
  std::set<std::uint32_t> tiers_to_stop_;  // those that have somebody alive and have not been asked
  std::uint32_t alive_ = 0;                // services that may have a process, or are to be undone
  std::uint32_t asked_alive_ = 0;          // services alive in tiers that have been asked
  std::uint32_t unfinished_ = 0;           // services that are in no final state
  std::uint32_t held_ = 0;                 // services that were stopped on request
  std::uint32_t not_up_yet_ = 0;           // services and boot hooks that were wanted at boot and have never been up
  Time booted_at_{};
  bool main_suspended_ = false;
  bool stop_hook_failed_ = false;
  bool needed_kill_ = false;       // in the stop, a main process ended only by SIGKILL
  std::vector<ServiceId> failed_;  // services that failed for good and were not asked for since, in order
  Actions actions_;
};

}  // namespace cinit::core
