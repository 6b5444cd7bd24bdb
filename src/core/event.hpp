// What the supervisor is told. Every name is in the past tense: it has happened, and cannot be refused.
#pragma once

#include <optional>
#include <variant>

#include "base/signal.hpp"
#include "base/start_stage.hpp"
#include "base/wait_status.hpp"
#include "core/plan.hpp"

namespace cinit::core {

// Why a process could not be started.
struct StartFailure {
  StartStage stage = StartStage::Prepare;
  int error = 0;       // errno(3), 0 when the reason is in the detail alone
  std::string detail;  // what it was about: a path, a user, an interpreter. May be empty
  // The same attempt may succeed later without anybody changing anything: no process slot, no memory, no descriptor.
  bool transient = false;

  // 127 when the program was not found, 126 for every other reason.
  int exit_code() const;
};

// The process of a service runs the service's program: exec succeeded.
struct Spawned {
  ServiceId service;
};

struct SpawnFailed {
  ServiceId service;
  StartFailure failure;
};

// The main process of a service has ended. It is not reaped before the actions that answer this are carried out: until then
// its number cannot become another process's.
struct Exited {
  ServiceId service;
  WaitStatus status;
};

// Nothing is left of a process group for which WatchGroup asked.
struct GroupEmptied {
  ServiceId service;
};

// The main command was stopped by job control (SIGTSTP, SIGSTOP...).
struct MainSuspended {
  Signal signal;
};

enum class SignalOrigin { Process, Terminal, Self };

// cinit itself got a signal that is not about its children.
struct SignalReceived {
  Signal signal;
  SignalOrigin origin = SignalOrigin::Process;
};

// The time that next_deadline() named has come.
struct DeadlineReached {};

// cinit is the only process left: of the PID namespace, or of its own descendants when it is not PID 1.
struct NothingLeft {};

using Event = std::variant<Spawned, SpawnFailed, Exited, GroupEmptied, MainSuspended, SignalReceived, DeadlineReached,
                           NothingLeft>;

}  // namespace cinit::core
