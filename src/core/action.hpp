// What the supervisor wants done. Every name is an imperative; init/ carries it out, in order, and reports back by
// events.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "core/notice.hpp"

namespace cinit::core {

// Start the service's process. Answered by Spawned or SpawnFailed, when it is known whether its program runs.
struct Spawn {
  ServiceId service;
};

// SIGKILL to the process that is being started, if there is one already. What becomes of it is not told.
struct CancelSpawn {
  ServiceId service;
};

// Send a signal to a service: to its main process, or to its whole process group.
struct SendSignal {
  enum class Target { MainProcess, Group };
  ServiceId service;
  Target target;
  Signal signal;
};

// Close the pipe that is the service's standard input: it reads what is in it, and then the end.
struct CloseInput {
  ServiceId service;
};

// Run this command of the service, beside its main process. Answered by TaskEnded, with the same number, when it has
// ended.
struct RunTask {
  ServiceId service;
  Task task;
  std::size_t index;         // which of them, where there may be several
  std::uint32_t number = 0;  // tells this run from all others of the service
  // How the main process has ended in this attempt; unset: it does not exist yet, still runs, or could not be started.
  std::optional<WaitStatus> end = {};
};

// Send a signal to the process group of the command that runs for the service.
struct SignalTask {
  ServiceId service;
  Signal signal;
};

// SIGKILL to the command that runs for the service. Its end is not told.
struct EndTask {
  ServiceId service;
};

// Find out once whether the service is ready, or healthy. Answered by ProbeEnded, with the same number.
struct StartProbe {
  enum class Use { Ready, Health };
  ServiceId service;
  Use use;
  std::uint32_t number = 0;  // tells this probe from all others of the service
};

// Give up the probe that runs for the service. Its result is not told.
struct EndProbe {
  ServiceId service;
};

// Tell, by GroupEmptied, when nothing is left of the process group of a service whose main process has ended.
struct WatchGroup {
  ServiceId service;
};

// What is left of the process group that is watched belongs to no service any more. GroupEmptied is not told.
struct ForgetGroup {
  ServiceId service;
};

// SIGTERM and SIGCONT (and SIGHUP with a controlling terminal) to every process that belongs to no service that runs.
// Without `repeat`, those that got it before are passed over. From now on NothingLeft is looked for.
struct Sweep {
  bool repeat = false;
};

// SIGKILL to every process, or to every one but the main command's. From now on NothingLeft is looked for.
struct KillEverything {
  bool spare_main_command = false;
};

struct Announce {
  Notice notice;
};

// End cinit with this exit code. `abandoned`: something would not end, and is to be named.
struct Exit {
  int code;
  bool abandoned;
};

using Action = std::variant<Spawn, CancelSpawn, SendSignal, CloseInput, RunTask, SignalTask, EndTask, StartProbe,
                            EndProbe, WatchGroup, ForgetGroup, Sweep, KillEverything, Announce, Exit>;
using Actions = std::vector<Action>;

}  // namespace cinit::core
