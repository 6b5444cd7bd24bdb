// What the supervisor has to say: the one source of log lines, status and history. Facts, no sentences.
#pragma once

#include <optional>
#include <variant>

#include "core/event.hpp"
#include "core/plan.hpp"
#include "core/service_state.hpp"

namespace cinit::core::notice {

// What has brought a service into a state.
enum class Cause {
  ProgramRuns,
  StartFailed,
  ProcessEnded,
  GroupEmptied,
  CommandEnded,
  ProbeEnded,
  SaidReady,
  Notified,
  StoodStill,
  Wanted,
  RestartWanted,
  TurnToStart,
  RequirementDown,
  RequirementFailed,
  StopWanted,
  ContainerStops,
  Urged,
  Killed,
  TimeOver,
  PlanRevised,
};
// A service has come into another state. Every change of a state is told, so that supervise/, status, events and a plot
// can be made of these alone.
struct Entered {
  ServiceId service;
  StateKind from;
  StateKind to;
  Cause why;
  Time at;
};
// It is about to be started.
struct Starting {
  ServiceId service;
};
struct Started {
  ServiceId service;
};
// It is ready, `after` it was started. Only for one that has a way to tell.
struct Ready {
  ServiceId service;
  Duration after;
};
// One of its commands failed.
struct TaskFailed {
  ServiceId service;
  Task task;
  std::size_t index;
  std::variant<WaitStatus, StartFailure> result;
};
// One of its commands took too long, and was ended.
struct TaskTimedOut {
  ServiceId service;
  Task task;
  Duration waited;
};
// It did not pass a health check, for the `failures`-th time in a row; `retries` make it unhealthy. 0 of them: it does
// not count yet.
struct HealthCheckFailed {
  ServiceId service;
  std::string detail;
  std::uint32_t failures;
  std::uint32_t retries;
};
struct Healthy {
  ServiceId service;
};
struct Unhealthy {
  ServiceId service;
  config::HealthAction action;
};
// It did not say that it is well for `within`, or said that it is not (then there is none).
struct WatchdogExpired {
  ServiceId service;
  std::optional<Duration> within;
};
struct Requested {
  ServiceId service;
  core::Requested::What what;
};
// What is found at `path` has the name of `service`, which is another one. If it was started before, it `goes_on` under
// its old name.
struct NameTaken {
  ServiceId service;
  std::string path;
  std::optional<ServiceId> goes_on;
};
// Everything that was wanted at boot is ready or done.
struct BootFinished {
  Duration after;
};
// It will be started again in `delay`, as start number `start` of at most `burst` in the interval (0: there is no
// limit).
struct Restart {
  Duration delay;
  std::uint32_t start;
  std::uint32_t burst;
};
// An attempt to start it has failed, and another follows.
struct Restarting {
  ServiceId service;
  Restart restart;
};
// The main process ended. `ran` is how long it had run.
struct Exited {
  ServiceId service;
  WaitStatus status;
  Duration ran;
  bool expected;  // a success, or asked for
  std::optional<Restart> restart;
  bool before_ready = false;  // a failure, whatever its status
};
// Starting it failed for want of something that may come back.
struct StartPostponed {
  ServiceId service;
  StartFailure failure;
  Duration delay;
};
struct StartFailed {
  ServiceId service;
  StartFailure failure;
};
// Its main process has ended well, and has left itself running in the background: `processes`. `for_good`: it is not
// started again.
struct WentIntoBackground {
  ServiceId service;
  std::string processes;
  bool for_good;
};
// It has ended for good: not started because `required` failed.
struct RequirementFailed {
  ServiceId service;
  ServiceId required;
};
struct StartLimitHit {
  ServiceId service;
  std::uint32_t burst;
  Duration interval;
};
struct Done {
  ServiceId service;
};
// It is not ready after `waited`, and is stopped. `detail` says why, as the last probe did, if there was one.
struct TimedOut {
  ServiceId service;
  Duration waited;
  std::string detail;
};
// It ended with a failure, and its restart policy is "no".
struct Failed {
  ServiceId service;
};
// It is asked to end: by a signal, by its stop command, or by the end of what it reads; or what it has done is undone.
struct Stopping {
  struct ByCommand {};
  struct ByInput {};
  struct ByDownCommand {};
  ServiceId service;
  std::variant<Signal, ByCommand, ByInput, ByDownCommand> how;
};
// Its ./finish has said that it is not to be started again.
struct GivenUp {
  ServiceId service;
};
struct Stopped {
  ServiceId service;
};
// It ignored `signal` (or else its stop command) for `waited`, and gets SIGKILL. `main_process` false: only others of
// its process group are left.
struct Killing {
  ServiceId service;
  std::optional<Signal> signal;
  Duration waited;
  bool main_process;
};
// Its main process, or what else is in its process group, is still there this long after SIGKILL: it may not be killed
// by us, or the kernel does not let it end.
struct Undying {
  ServiceId service;
  Duration waited;
  bool main_process;
};
struct MainSuspended {
  Signal signal;
};
struct SignalIgnored {
  Signal signal;
};
// The configuration names a service for it, to which `sent` is sent if it has a process.
struct SignalHandedOn {
  Signal signal;
  ServiceId service;
  Signal sent;
  bool has_process;
};
// SIGHUP asked for a reload, which there is not yet.
struct ReloadRefused {};

// The main command does not wait any longer for the boot, of which `service` is one that is not up.
struct WaitedTooLong {
  ServiceId service;
  Duration waited;
};

enum class StopCause {
  StopSignal,
  ShutdownCommand,  // cinit shutdown
  MainCommandEnded,
  HookFailed,    // one of the boot
  BootTooLong,   // InitRules::slow_boot_fails
  ServiceEnded,  // one with on-success or on-failure = "shutdown"
  ServiceUnhealthy,
  AllEnded,
  InternalError,
};
// The stop of everything has begun.
struct ShutdownBegun {
  StopCause cause;
  std::optional<ServiceId> service;  // all that are about one
  std::optional<Signal> signal;      // StopSignal
};
// Every process that belongs to no service is about to get SIGTERM, or else to be left alone.
struct SweepBegun {
  bool sweeps = true;
};
// Some of them are still there at the end of their time, and get SIGKILL.
struct SweepOver {};
// Another stop signal: SIGTERM, or SIGKILL, to everything.
struct Escalated {
  Signal sent;
};
// The budget is over.
struct BudgetSpent {
  Duration budget;
  bool spares_main_command;
};
// The stop goes on, and this is what it waits for; empty: processes that belong to no service.
struct StillStopping {
  Duration lasted;
  std::vector<ServiceId> awaited;
};
struct InvariantBroken {
  std::string what;
};

}  // namespace cinit::core::notice

namespace cinit::core {

using Notice =
    std::variant<notice::Entered, notice::Starting, notice::Started, notice::Ready, notice::Exited,
                 notice::StartPostponed, notice::StartFailed, notice::WentIntoBackground, notice::RequirementFailed,
                 notice::StartLimitHit, notice::Done, notice::TimedOut, notice::TaskFailed, notice::TaskTimedOut,
                 notice::Restarting, notice::HealthCheckFailed, notice::Healthy, notice::Unhealthy,
                 notice::WatchdogExpired, notice::Requested, notice::NameTaken, notice::BootFinished,
                 notice::WaitedTooLong, notice::Failed, notice::GivenUp, notice::Stopping, notice::Stopped,
                 notice::Killing, notice::Undying, notice::MainSuspended, notice::SignalIgnored, notice::SignalHandedOn,
                 notice::ReloadRefused, notice::ShutdownBegun, notice::SweepBegun, notice::SweepOver, notice::Escalated,
                 notice::BudgetSpent, notice::StillStopping, notice::InvariantBroken>;

}  // namespace cinit::core
