// Configurations that nobody would write, for the supervisor to survive.
#pragma once

#include "core/plan.hpp"
#include "core/random.hpp"

namespace cinit::core::simulation {

// 1 to 30 services in a random order without cycles, with or without a main command, or a lone main command, and with or
// without hooks of every kind.
// Plain ones know nothing of readiness, health, start-timeouts and commands beside the main process.
enum class Depth { Plain, Deep };
Plan random_plan(Random& random, Depth depth);

}  // namespace cinit::core::simulation
