// What happened in a simulated container, in the order in which it happened. The rules judge nothing but this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/action.hpp"
#include "core/event.hpp"
#include "core/plan.hpp"

namespace cinit::core::simulation {

enum class Pid : std::uint32_t {};

// A kind of process by its place: who spawned it, and whose process group it is in.
enum class Kind {
  Leader,      // the main process of a service
  Background,  // in the group of a service's main process
  Daemon,      // forked twice: in no service's group
};

// By which action a signal came.
enum class Means { ToMain, ToGroup, Sweep, KillEverything };

namespace entry {

// The supervisor was asked to boot. Everything up to the first Told is its answer.
struct Booted {};
// An event was told to the supervisor. Everything up to the next Told is its answer.
struct Told {
  Event event;
};
struct Born {
  Pid pid;
  Kind kind;
  ServiceId service;  // the one that it descends from
  Pid leader;         // of the group that it is in, or would be in if it had not left; a leader's is itself
};
// A start that is not answered at once. Born or Refused follows, unless it hangs.
struct LaunchBegan {
  ServiceId service;
};
struct LaunchCancelled {
  ServiceId service;
};
// fork or exec failed.
struct Refused {
  ServiceId service;
  StartFailure failure;
};
// To a process that is there, or to a main process that has ended and is not reaped yet.
struct Signalled {
  Pid pid;
  Signal signal;
  Means means;
};
// The end of what its main process has left in its group is to be told.
struct GroupWatched {
  ServiceId service;
};
// It is not, although somebody is left.
struct GroupForgotten {
  ServiceId service;
};
struct Ended {
  Pid pid;
  WaitStatus status;
};
// A main process was reaped.
struct Reaped {
  Pid pid;
};
// A command beside the main process of a service.
struct TaskBegan {
  ServiceId service;
  Task task;
  std::size_t index;
  std::uint32_t number;
};
// It has ended by itself, or by a signal.
struct TaskOver {
  ServiceId service;
  std::uint32_t number;
};
struct TaskSignalled {
  ServiceId service;
  Signal signal;
};
// EndTask was asked for.
struct TaskGivenUp {
  ServiceId service;
};
struct ProbeBegan {
  ServiceId service;
  StartProbe::Use use;
  std::uint32_t number;
};
// EndProbe was asked for.
struct ProbeGivenUp {
  ServiceId service;
};
struct Swept {
  bool repeat;
};
struct KilledEverything {
  bool spare_main_command;
};
struct Said {
  Notice notice;
};
struct Left {
  int code;
  bool abandoned;
};

}  // namespace entry

using What =
    std::variant<entry::Booted, entry::Told, entry::Born, entry::LaunchBegan, entry::LaunchCancelled, entry::Refused,
                 entry::Signalled, entry::GroupWatched, entry::GroupForgotten, entry::Ended, entry::Reaped,
                 entry::TaskBegan, entry::TaskOver, entry::TaskSignalled, entry::TaskGivenUp, entry::ProbeBegan,
                 entry::ProbeGivenUp, entry::Swept, entry::KilledEverything, entry::Said, entry::Left>;

struct Entry {
  Time at;
  What what;
};

using Record = std::vector<Entry>;

// What is wrong, one sentence each.
using Violations = std::vector<std::string>;

// The plan's keys, and the record line by line, times counted from `start`.
std::string to_text(const Plan& plan);
std::string to_text(const Record& record, const Plan& plan, Time start);

// "1.250 s"
std::string to_text(Duration span);

}  // namespace cinit::core::simulation
