// Which services a command is about.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "core/plan.hpp"

namespace cinit::control {

// Hooks are never among them: they have no life of their own.
enum class Among {
  All,          // services and the main command
  Controllable  // services: what can be started and stopped by itself
};

// The services that `patterns` name, each once, in the order of the plan; all of them when there is no pattern. A pattern
// is a name or a glob of fnmatch(3). The error says which pattern names nothing, or what it may not name.
Result<std::vector<core::ServiceId>> select(const core::Plan& plan, std::span<const std::string> patterns, Among among);

}  // namespace cinit::control
