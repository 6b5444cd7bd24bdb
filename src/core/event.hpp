// What the supervisor is told. Every name is in the past tense: it has happened, and cannot be refused.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

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

// The main process of a service has ended. It is not reaped before the actions that answer this are carried out: until
// then its number cannot become another process's.
struct Exited {
  ServiceId service;
  WaitStatus status;
  // Its own program, which has put itself into the background: "nginx (9)". Empty: it has not.
  std::string went_on = {};
};

// The first process of a service that goes into the background has ended as it should, and another one is its main
// process now.
struct Forked {
  ServiceId service;
};

// The commands that are run for a service beside its main process, one at a time.
// Down is a oneshot's, and has no main process beside it.
enum class Task { PreStart, PostStart, PreStop, StopCommand, PostStop, Down };

// The command that RunTask asked for has ended, or could not be started. One that EndTask came too late for is passed
// over.
struct TaskEnded {
  ServiceId service;
  std::variant<WaitStatus, StartFailure> result;
  std::uint32_t number = 0;  // that of RunTask

  bool succeeded() const {
    const auto* status = std::get_if<WaitStatus>(&result);
    return status != nullptr && *status == WaitStatus::exited(0);
  }
};

// The probe that StartProbe asked for has come to a result. `detail` says why it failed: "connection refused". One that
// EndProbe came too late for is passed over.
struct ProbeEnded {
  ServiceId service;
  bool passed;
  std::string detail;
  std::uint32_t number = 0;  // that of StartProbe
  bool conclusive =
      true;  // false: it could not be made (no descriptor, no process slot), and says nothing of the service
};

// The service has told by itself that it is ready: by sd_notify(3), by a newline on its descriptor, or in its output.
struct ToldReady {
  ServiceId service;
};

// What else a service tells by sd_notify(3). What it does not mention is unset.
struct Notified {
  ServiceId service;
  bool watchdog = false;          // WATCHDOG=1: it is well
  bool watchdog_trigger = false;  // WATCHDOG=trigger: it is not
  std::optional<Duration> watchdog_within;
  std::optional<Duration> extend_timeout;  // what it is about takes at least this long from now
  std::optional<std::string> status;
};

// A client asks for something, by the control socket or by supervise/control.
struct Requested {
  // Once: it is started if it does not run, and not started again when it ends.
  enum class What { Start, Stop, Restart, Once };
  ServiceId service;
  What what;
};

// Everything, cinit included, stood still for this long (a frozen cgroup, a suspended machine): nothing is late by it.
struct StoodStill {
  Duration span;
};

// Services have come or gone: see revise().
struct PlanRevised {
  std::vector<ServiceId> described;  // new in the plan, or described anew before they were ever started
  std::vector<ServiceId> removed;    // to be stopped for good
  std::vector<ServiceId> renamed;    // they have other names now
  // What is found at `path` cannot have its name, since a service has it that does not come and go.
  struct Unplaced {
    std::string path;
    ServiceId holder;                  // of the name
    std::optional<ServiceId> goes_on;  // the same service, under its old name
  };
  std::vector<Unplaced> unplaced = {};
};

// Nothing is left of a process group for which WatchGroup asked.
struct GroupEmptied {
  ServiceId service;
};

// The main command was stopped by job control (SIGTSTP, SIGSTOP...).
struct MainSuspended {
  Signal signal;
};

// Inside: another process of the container, or, when cinit is not PID 1, a descendant of it.
enum class SignalOrigin { Process, Inside, Terminal, Self };

// cinit itself got a signal that is not about its children.
struct SignalReceived {
  Signal signal;
  SignalOrigin origin = SignalOrigin::Process;
};

// How far a probe that still runs has got: "not connected to 127.0.0.1:80 yet".
struct ProbeProgress {
  ServiceId service;
  std::string text;
};

// The time that next_deadline() named has come. A probe that has taken too long has failed, and what is told of it here
// says why.
struct DeadlineReached {
  std::vector<ProbeProgress> probes = {};
};

// cinit is the only process left: of the PID namespace, or of its own descendants when it is not PID 1.
struct NothingLeft {};

using Event =
    std::variant<Spawned, SpawnFailed, Exited, Forked, GroupEmptied, TaskEnded, ProbeEnded, ToldReady, Notified,
                 MainSuspended, SignalReceived, Requested, PlanRevised, StoodStill, DeadlineReached, NothingLeft>;

}  // namespace cinit::core
