// What a service is doing. A state holds its own deadline, so that a deadline ends with its state and none can be stale.
#pragma once

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

namespace state {

// Not running, and nobody asked for it: autostart = false.
struct Idle {};
// To be started as soon as everything that it waits for is settled.
struct Waiting {};
// Its pre-start commands run, and there is no main process yet. At `give_up_at` they get SIGTERM, or, when they have been
// `asked` to end, SIGKILL.
struct PreStart {
  Time since;
  Time give_up_at;
  bool asked = false;
};
// Spawn was asked for, and not answered yet. At `give_up_at` that is cancelled, and at `stop_by` when it is to be stopped.
struct Launching {
  Time give_up_at;
  Time stop_by = kNever;
};
// Its process runs, and it is not ready yet: a oneshot, until it ends. At `give_up_at` it has failed.
struct Starting {
  Time give_up_at;
  ProbeClock probe = {};
};
// It is ready, and its post-start commands run. At `give_up_at` it has failed.
struct PostStart {
  Time give_up_at;
};
// It runs and is ready. `probe` is that of its health; for a watchdog, the time at which it must have said that it is well.
struct Running {
  ProbeClock probe = {};
};
// It will be started again.
struct Backoff {
  Time retry_at;
};
// It is to be asked to end, and its pre-stop commands run. At `ask_at` it is asked all the same; SIGKILL follows at `kill_at`.
struct PreStop {
  Time since;
  Time ask_at;
  Time kill_at;
};
// It was asked to end, with `sent` or by its stop command, at `since`; SIGKILL follows at `kill_at`.
struct Stopping {
  std::optional<Signal> sent;
  Time since;
  Time kill_at;
};
// It got SIGKILL at `since`, and its main process has not ended yet. At `tell_at` that is told.
struct Killing {
  Time since;
  Time tell_at;
};
// Its main process has ended, and the rest of its process group got SIGTERM at `since`. SIGKILL follows at `kill_at`; what has
// been `killed` and is still there at the next `kill_at` is left alone. Then it takes its ending; a Restart is due at
// `retry_at`.
struct Clearing {
  Ending ending;
  Time retry_at;
  Time since;
  Time kill_at;
  bool killed = false;   // it got SIGKILL, too
  bool emptied = false;  // nothing is left of the group: its stop command is waited for
};
// Nothing is left of it, and its post-stop commands run, until `kill_at`. Then it takes its ending.
struct PostStop {
  Ending ending;
  Time retry_at;
  Time since;
  Time kill_at;
};
// It has ended, successfully, and is not started again.
struct Done {};
// It has ended, or never came up, and is not started again.
struct Failed {};
// It has ended, or was not started, because it was to be stopped.
struct Stopped {};

}  // namespace state

using State =
    std::variant<state::Idle, state::Waiting, state::PreStart, state::Launching, state::Starting, state::PostStart,
                 state::Running, state::Backoff, state::PreStop, state::Stopping, state::Killing, state::Clearing,
                 state::PostStop, state::Done, state::Failed, state::Stopped>;

// The time at which the state must be looked at; kNever when it has none.
Time deadline_of(const State& state);

// A process of it may exist.
bool is_alive(const State& state);

// Nothing more will come of it unless somebody asks.
bool is_final(const State& state);

// A probe runs.
bool is_probed(const State& state);

}  // namespace cinit::core
