// One service: a value that knows no other service, no plan and no phase of the stop. It is told what has happened to
// it, by the kernel or by the container, and answers with actions and with what the container is to know.
//
//   Waiting -> PreStart -> Launching -> Starting -> PostStart -> Running -> PreStop -> Stopping -> Stopped
//
// and from each of these, when its main process ends by itself, through StoppingRest (while something is left of its
// process group) and PostStop to Backoff and another start, or to Done or Failed for good. Killing lies between
// Stopping and the end of a process that ignored its stop signal. States in which nothing is to be done are passed
// over: PreStart, PostStart, PreStop and PostStop run its commands, Starting waits until it is ready.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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

// How long the process of a service may take from its start to its program's first instruction. It does nothing but
// what was asked for in that time, so it is held up: by SIGSTOP, a lease on its program, a file system that hangs.
inline constexpr Duration kLaunchTimeout = std::chrono::seconds(30);
// The same for a service that is to be stopped: what it gets is its stop signal.
inline constexpr Duration kLaunchTimeoutOfStop = std::chrono::seconds(1);

// How long after SIGKILL a service whose processes are still there waits for them.
inline constexpr Duration kAbandonTime = std::chrono::seconds(5);

// What is wanted of a service, which is kept apart from what it does.
enum class Wanted {
  Up,         // and again after each end, as its restart policy has it
  Once,       // up, and not again after its end
  Again,      // up; the end that it is coming to is followed by a start at once
  AgainOnce,  // both
  Down,
  DownOnRequest,  // down on request, for a while: the container does not end for that, nor fails what requires it
  DownInTurn,     // everything is stopped, and its turn has not come: what runs goes on, nothing more is begun
  DownWithAll,    // everything is stopped, and its turn has come
  DownAtOnce,     // a second stop signal: no more commands are run, either
};
constexpr bool is_up(Wanted wanted) { return wanted <= Wanted::AgainOnce; }
constexpr bool is_again(Wanted wanted) { return wanted == Wanted::Again || wanted == Wanted::AgainOnce; }
constexpr bool is_once(Wanted wanted) { return wanted == Wanted::Once || wanted == Wanted::AgainOnce; }
constexpr bool ends_with_all(Wanted wanted) { return wanted >= Wanted::DownInTurn; }

// How long a stop may take until SIGKILL; unset: as long as it takes.
struct StopTimes {
  std::optional<Duration> alone;     // it alone is stopped
  std::optional<Duration> with_all;  // everything is stopped, whose end has a time of its own
  Duration budget{};                 // of the stop of everything
  Duration last_chance{};            // of a post-stop command that was asked to end in it
};

struct Service {
  Service(const PlannedService& planned, ServiceId its_id, const StopTimes& its_times);

  const PlannedService* plan;
  ServiceId id;
  State state;
  Wanted wanted = Wanted::Down;
  StopTimes stop_times;

  // Of the attempt to start it that goes on, or was the last.
  Time begun_at{};
  Time started_at{};  // its main process
  Time ready_at{};
  std::optional<Time> input_closed_at;       // its pipe was given up: it is to read no more than what is in there
  std::optional<WaitStatus> end_of_attempt;  // unset: its main process could not be started, or has not ended
  ServiceStatus::Health health = ServiceStatus::Health::Unknown;
  std::uint32_t failed_checks = 0;
  Duration watchdog{};  // how often it must say that it is well, when that is its health; 0: it need not
  std::string probe_detail;
  std::string status_text;

  // Of all attempts.
  Time entered_at{};               // the state
  std::uint32_t attempts = 0;      // to start it
  std::uint32_t start_count = 0;   // of its main process
  std::uint32_t restarts = 0;      // as its restart policy has it: not on request
  std::uint32_t task_number = 0;   // of the last command that was run
  std::uint32_t probe_number = 0;  // of the last probe
  std::optional<WaitStatus> last_end;
  std::optional<StartFailure> failure;
  std::optional<int> code;  // of its last end, as a shell sees it
  Backoff delays;
  Backoff spawn_delays;
  StartLimit starts;
};

// What the container tells a service.
namespace told {

// It is wanted, whatever has failed before; it starts when its turn comes.
struct Start {
  bool once = false;
};
// It ends, and is started again. Told after Start.
struct Restart {};
// Its turn to start has come.
struct Begin {};
// It cannot start now: it waits for a service that is held down.
struct Wait {};
// It cannot start: `required` has failed, with `code`.
struct Fail {
  ServiceId required;
  int code;
};
// It ends. Its pre-stop commands have half of the time until `commands_by` at most.
struct Stop {
  Wanted wanted;  // Down, DownOnRequest, DownWithAll
  Time commands_by = kNever;
  bool by_input = false;  // it ends with its input, for which it has the time of pre-stop commands
};
// Everything is stopped: nothing more is begun, and its own stop comes in turn.
struct EndBegun {};
// A second stop signal: SIGTERM at once.
struct Urged {};
// SIGKILL. To a hook after the stop SIGKILL comes with that to everything.
struct Killed {};
struct HookEnded {};
// The plan has another description of it, and nothing has been done about it: it begins anew.
struct Described {};
// The time of its state has come; `progress` says how far its probe got: "not connected to 127.0.0.1:80 yet".
struct Due {
  std::string_view progress = {};
};

}  // namespace told

// What the container is to know of a step.
struct News {
  bool waits = false;            // it may start as soon as the order allows
  bool retries = false;          // its back-off is over: it may start if nothing that it requires has failed
  bool settled = false;          // services that come after it need not wait any more
  bool unsettled = false;        // they are to wait for it once more
  bool runs = false;             // its program does, from now on
  bool stop_due = false;         // it was to be stopped before its program ran: Stop is to be told
  bool unhealthy = false;        // everything is to be stopped for that
  std::optional<Ending> ended;   // for good: Done or Failed
  const char* broken = nullptr;  // what has been told cannot be
};

// One function for each event, and in it one for each state or named group of states.
struct Step {
  Service& service;
  Time now;
  Random& random;
  Actions& actions;
  notice::Cause cause;  // of the changes of state
  News news = {};

  void on(const Spawned& event);
  void on(const SpawnFailed& event);
  void on(const Exited& event);
  void on(const Forked& event);
  void on(const GroupEmptied& event);
  void on(const TaskEnded& event);
  void on(const ProbeEnded& event);
  void on(const ToldReady& event);
  void on(const Notified& event);
  void on(const StoodStill& event);
  void on(const told::Start& event);
  void on(const told::Restart& event);
  void on(const told::Begin& event);
  void on(const told::Wait& event);
  void on(const told::Fail& event);
  void on(const told::Stop& event);
  void on(const told::EndBegun& event);
  void on(const told::Urged& event);
  void on(const told::Killed& event);
  void on(const told::HookEnded& event);
  void on(const told::Described& event);
  void on(const told::Due& event);

  void enter(State state);
  void announce(Notice notice) { actions.push_back(Announce{std::move(notice)}); }
  void act(Action action) { actions.push_back(std::move(action)); }
  const config::Service& spec() const { return service.plan->spec; }
};

// By which event a state was entered.
constexpr notice::Cause cause_of(const Spawned&) { return notice::Cause::ProgramRuns; }
constexpr notice::Cause cause_of(const SpawnFailed&) { return notice::Cause::StartFailed; }
constexpr notice::Cause cause_of(const Exited&) { return notice::Cause::ProcessEnded; }
constexpr notice::Cause cause_of(const Forked&) { return notice::Cause::ProgramRuns; }
constexpr notice::Cause cause_of(const GroupEmptied&) { return notice::Cause::GroupEmptied; }
constexpr notice::Cause cause_of(const TaskEnded&) { return notice::Cause::CommandEnded; }
constexpr notice::Cause cause_of(const ProbeEnded&) { return notice::Cause::ProbeEnded; }
constexpr notice::Cause cause_of(const ToldReady&) { return notice::Cause::SaidReady; }
constexpr notice::Cause cause_of(const Notified&) { return notice::Cause::Notified; }
constexpr notice::Cause cause_of(const StoodStill&) { return notice::Cause::StoodStill; }
constexpr notice::Cause cause_of(const told::Start&) { return notice::Cause::Wanted; }
constexpr notice::Cause cause_of(const told::Restart&) { return notice::Cause::RestartWanted; }
constexpr notice::Cause cause_of(const told::Begin&) { return notice::Cause::TurnToStart; }
constexpr notice::Cause cause_of(const told::Wait&) { return notice::Cause::RequirementDown; }
constexpr notice::Cause cause_of(const told::Fail&) { return notice::Cause::RequirementFailed; }
constexpr notice::Cause cause_of(const told::Stop&) { return notice::Cause::StopWanted; }
constexpr notice::Cause cause_of(const told::EndBegun&) { return notice::Cause::ContainerStops; }
constexpr notice::Cause cause_of(const told::Urged&) { return notice::Cause::Urged; }
constexpr notice::Cause cause_of(const told::Killed&) { return notice::Cause::Killed; }
constexpr notice::Cause cause_of(const told::HookEnded&) { return notice::Cause::Killed; }
constexpr notice::Cause cause_of(const told::Described&) { return notice::Cause::PlanRevised; }
constexpr notice::Cause cause_of(const told::Due&) { return notice::Cause::TimeOver; }

template <class Event>
News step(Service& service, const Event& event, Time now, Random& random, Actions& actions) {
  Step taken{service, now, random, actions, cause_of(event)};
  taken.on(event);
  return taken.news;
}

// Whether something is to be done about it when its turn to be stopped comes: it lives, or what it has done is to be
// undone.
bool occupies_tier(const Service& service);

// It has failed or was stopped, or will have failed when nothing is left of it.
bool has_failed(const Service& service);
bool is_done(const Service& service);

// Its pipe is given up: it reads what is in it, and then the end.
void close_input(Service& service, Time now, Actions& actions);

// Not 0: the code of a failure.
int failure_code(const Service& service);

// It is there to take signals, or will be.
bool takes_signals(const Service& service);

ServiceStatus status_of(const Service& service);

}  // namespace cinit::core
