// What the supervisor wants done. Every name is an imperative; init/ carries it out, in order, and reports back by events.
#pragma once

#include <variant>
#include <vector>

#include "core/notice.hpp"

namespace cinit::core {

// Start the service's process. Answered by Spawned or SpawnFailed.
struct Spawn {
  ServiceId service;
};

// Send a signal to a service: to its main process, or to its whole process group.
struct SendSignal {
  enum class Target { MainProcess, Group };
  ServiceId service;
  Target target;
  Signal signal;
};

// Tell, by GroupEmptied, when nothing is left of the process group of a service whose main process has ended.
struct WatchGroup {
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

using Action = std::variant<Spawn, SendSignal, WatchGroup, Sweep, KillEverything, Announce, Exit>;
using Actions = std::vector<Action>;

}  // namespace cinit::core
