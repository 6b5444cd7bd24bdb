// What the supervisor has to say: the one source of log lines, status and history. Facts, no sentences.
#pragma once

#include <optional>
#include <variant>

#include "core/event.hpp"
#include "core/plan.hpp"

namespace cinit::core::notice {

struct Started {
  ServiceId service;
};
struct Ready {
  ServiceId service;
};
// It will be started again in `delay`, as start number `start` of at most `burst` in the interval (0: there is no limit).
struct Restart {
  Duration delay;
  std::uint32_t start;
  std::uint32_t burst;
};
// The main process ended. `ran` is how long it had run.
struct Exited {
  ServiceId service;
  WaitStatus status;
  Duration ran;
  bool expected;  // a success, or asked for
  std::optional<Restart> restart;
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
// It is not ready after `waited`, and is stopped.
struct TimedOut {
  ServiceId service;
  Duration waited;
};
// It ended with a failure, and its restart policy is "no".
struct Failed {
  ServiceId service;
};
struct Stopping {
  ServiceId service;
  Signal signal;
};
struct Stopped {
  ServiceId service;
};
// It ignored `signal` for `waited`, and gets SIGKILL. `main_process` false: only others of its process group are left.
struct Killing {
  ServiceId service;
  Signal signal;
  Duration waited;
  bool main_process;
};
struct MainSuspended {
  Signal signal;
};
struct SignalIgnored {
  Signal signal;
};
// SIGHUP asked for a reload, which there is not yet.
struct ReloadRefused {};

enum class StopCause {
  StopSignal,
  MainCommandEnded,
  HookFailed,    // one of the boot
  ServiceEnded,  // one with on-success or on-failure = "shutdown"
  AllEnded,
  InternalError,
};
// The stop of everything has begun.
struct ShutdownBegun {
  StopCause cause;
  std::optional<ServiceId> service;  // ServiceEnded and MainCommandEnded
  std::optional<Signal> signal;      // StopSignal
};
// Another stop signal: SIGTERM, or SIGKILL, to everything.
struct Escalated {
  Signal sent;
};
// The budget is over.
struct BudgetSpent {
  Duration budget;
  bool spares_main_command;
};
struct InvariantBroken {
  std::string what;
};

}  // namespace cinit::core::notice

namespace cinit::core {

using Notice = std::variant<notice::Started, notice::Ready, notice::Exited, notice::StartPostponed, notice::StartFailed,
                            notice::RequirementFailed, notice::StartLimitHit, notice::Done, notice::TimedOut,
                            notice::Failed, notice::Stopping, notice::Stopped, notice::Killing, notice::MainSuspended,
                            notice::SignalIgnored, notice::ReloadRefused, notice::ShutdownBegun, notice::Escalated,
                            notice::BudgetSpent, notice::InvariantBroken>;

}  // namespace cinit::core
