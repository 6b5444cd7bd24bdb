// What a service is doing. A state holds its own deadline and its own command, so that they end with it and neither can
// be stale. What each state is (alive, final...) is a member of it: a new state does not compile without saying so.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/time.hpp"
#include "core/event.hpp"

namespace cinit::core {

// How a service's end is to be taken once nothing is left of it.
enum class Ending { Done, Failed, Stopped, Restart };

// When something is to be done about a probe: it is due, or the one that runs has taken too long.
struct ProbeClock {
  Time at = kNever;
  bool running = false;
};

// A command that runs for the service, beside its main process.
struct RunningTask {
  Task task;
  std::size_t index;
  std::uint32_t number;  // tells this run from all others of the service
};

// For whose sake the service is to end. With OwnFailure it has failed, however it ends.
enum class Fault { None, OwnFailure };

// What a state is.
enum class Activity {
  Over,     // nothing more will come of the service unless it is asked for
  Pending,  // it has no process, and is to be started
  Alive,    // a process of it may exist
};
struct Nature {
  Activity activity;
  bool main_process;  // it runs
  bool ready;         // services that depend on this one may rely on it; a oneshot: it has finished
};

namespace state {

// Not running, and not asked for: autostart = false.
struct Idle {
  static constexpr Nature kNature{Activity::Over, false, false};
  static constexpr Time deadline() { return kNever; }
};
// To be started as soon as everything that it waits for is settled.
struct Waiting {
  static constexpr Nature kNature{Activity::Pending, false, false};
  static constexpr Time deadline() { return kNever; }
};
// Its pre-start commands run, and there is no main process yet. At `give_up_at` they get SIGTERM, or, when they have
// been `asked` to end, SIGKILL.
struct PreStart {
  Time since;
  Time give_up_at;
  bool asked = false;
  std::optional<RunningTask> task = {};
  static constexpr Nature kNature{Activity::Alive, false, false};
  Time deadline() const { return give_up_at; }
};
// Spawn was asked for, and not answered yet. At `give_up_at` that is cancelled, and at `stop_by` when it is to be
// stopped.
struct Launching {
  Time give_up_at;
  Time stop_by = kNever;
  static constexpr Nature kNature{Activity::Alive, false, false};
  Time deadline() const { return give_up_at < stop_by ? give_up_at : stop_by; }
};
// Its process runs, and it is not ready yet: a oneshot, until it ends. At `give_up_at` it has failed. `forks`: it is to
// go into the background first.
struct Starting {
  Time give_up_at;
  ProbeClock probe = {};
  bool forks = false;
  static constexpr Nature kNature{Activity::Alive, true, false};
  Time deadline() const { return give_up_at < probe.at ? give_up_at : probe.at; }
};
// It is ready, and its post-start commands run. At `give_up_at` it has failed.
struct PostStart {
  Time give_up_at;
  std::optional<RunningTask> task = {};
  static constexpr Nature kNature{Activity::Alive, true, false};
  Time deadline() const { return give_up_at; }
};
// It runs and is ready. `probe` is that of its health; for a watchdog, the time at which it must have said that it is
// well. OwnFailure: everything is being stopped because it is unhealthy.
struct Running {
  ProbeClock probe = {};
  Fault fault = Fault::None;
  static constexpr Nature kNature{Activity::Alive, true, true};
  Time deadline() const { return probe.at; }
};
// It will be started again.
struct Backoff {
  Time retry_at;
  static constexpr Nature kNature{Activity::Pending, false, false};
  Time deadline() const { return retry_at; }
};
// It is to be asked to end, and its pre-stop commands run, or it reads what is left of its input. At `ask_at` it is
// asked all the same; SIGKILL follows at `kill_at`.
struct PreStop {
  Time since;
  Time ask_at;
  Time kill_at;
  Fault fault = Fault::None;
  std::optional<RunningTask> task = {};
  static constexpr Nature kNature{Activity::Alive, true, false};
  Time deadline() const { return ask_at < kill_at ? ask_at : kill_at; }
};
// It was asked to end, with `sent` or by its stop command, at `since`; SIGKILL follows at `kill_at`.
struct Stopping {
  std::optional<Signal> sent;
  Time since;
  Time kill_at;
  Fault fault = Fault::None;
  std::optional<RunningTask> task = {};
  static constexpr Nature kNature{Activity::Alive, true, false};
  Time deadline() const { return kill_at; }
};
// It got SIGKILL at `since`, and its main process has not ended yet. At `tell_at` that is told.
struct Killing {
  Time since;
  Time tell_at;
  Fault fault = Fault::None;
  static constexpr Nature kNature{Activity::Alive, true, false};
  Time deadline() const { return tell_at; }
};
// Its main process has ended, and the rest of its process group got SIGTERM at `since`. SIGKILL follows at `kill_at`;
// what has been `killed` and is still there at the next `kill_at` is left alone. Then it takes its ending; a Restart is
// due at `retry_at`.
struct StoppingRest {
  Ending ending;
  Time retry_at;
  Time since;
  Time kill_at;
  bool killed = false;                   // it got SIGKILL, too
  bool emptied = false;                  // nothing is left of the group: its stop command is waited for
  std::optional<RunningTask> task = {};  // its stop command
  static constexpr Nature kNature{Activity::Alive, false, false};
  Time deadline() const { return kill_at; }
};
// Nothing is left of it, and its post-stop commands run, until `kill_at`. Then it takes its ending; or, in the stop of
// everything, they are `asked` to end first: Policy::asks_post_stop.
struct PostStop {
  Ending ending;
  Time retry_at;
  Time since;
  Time kill_at;
  bool asked = false;
  std::optional<RunningTask> task = {};
  static constexpr Nature kNature{Activity::Alive, false, false};
  Time deadline() const { return kill_at; }
};
// It has ended, successfully, and is not started again.
struct Done {
  static constexpr Nature kNature{Activity::Over, false, true};
  static constexpr Time deadline() { return kNever; }
};
// It has ended, or never came up, and is not started again.
struct Failed {
  static constexpr Nature kNature{Activity::Over, false, false};
  static constexpr Time deadline() { return kNever; }
};
// It has ended, or was not started, because it was to be stopped.
struct Stopped {
  static constexpr Nature kNature{Activity::Over, false, false};
  static constexpr Time deadline() { return kNever; }
};

}  // namespace state

using State =
    std::variant<state::Idle, state::Waiting, state::PreStart, state::Launching, state::Starting, state::PostStart,
                 state::Running, state::Backoff, state::PreStop, state::Stopping, state::Killing, state::StoppingRest,
                 state::PostStop, state::Done, state::Failed, state::Stopped>;

// Which state it is, without what is in it; in the order of State.
enum class StateKind {
  Idle,
  Waiting,
  PreStart,
  Launching,
  Starting,
  PostStart,
  Running,
  Backoff,
  PreStop,
  Stopping,
  Killing,
  StoppingRest,
  PostStop,
  Done,
  Failed,
  Stopped,
};
static_assert(std::variant_size_v<State> == static_cast<std::size_t>(StateKind::Stopped) + 1);

inline StateKind kind_of(const State& state) { return static_cast<StateKind>(state.index()); }

const Nature& nature_of(const State& state);

// The time at which the state must be looked at; kNever when it has none.
Time deadline_of(const State& state);

inline bool is_alive(const State& state) { return nature_of(state).activity == Activity::Alive; }
inline bool is_final(const State& state) { return nature_of(state).activity == Activity::Over; }

// A probe runs.
bool is_probed(const State& state);

// For whose sake it is to end.
Fault fault_of(const State& state);

// The place for the command that runs in this state; nullptr: there is none in it.
std::optional<RunningTask>* task_of(State& state);

}  // namespace cinit::core
