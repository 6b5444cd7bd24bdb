// When somebody who asked for a start, a stop or a restart has what was asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "control/words.hpp"
#include "core/event.hpp"

namespace cinit::control {

// What was asked for, and how things stood then.
struct Awaited {
  core::ServiceId service;
  core::Requested::What what;
  std::uint32_t starts_before;
  bool reached_before;  // it was up, or for a stop: down
  // It has no readiness: it is taken for started when it has run for kSettleTime.
  bool settles = false;
  bool killed = false;  // it was seen to need SIGKILL on its way down
};

// As startsecs of supervisord has it.
inline constexpr Duration kSettleTime = std::chrono::seconds(1);

struct Outcome {
  bool reached = false;
  std::string words;  // "started"; "failed: exited with code 3"
};

// To be looked at in each turn from when it was asked on, and at settled_at(). std::nullopt: not decided yet. One that comes up
// between two looks and falls down again has failed, if it is seen down, or on its second way up.
std::optional<Outcome> outcome_of(Awaited& awaited, const ServiceView& service, Time now);

// When a service that has no readiness has run long enough; kNever: something else is waited for.
Time settled_at(const Awaited& awaited, const core::ServiceStatus& status);

// It holds already what `what` would bring about.
bool is_reached(core::Requested::What what, const core::ServiceStatus& status);

}  // namespace cinit::control
