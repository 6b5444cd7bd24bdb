// One simulated life of a container: a random plan, a fake kernel, and the supervisor between them.
#pragma once

#include <cstdint>
#include <string>

#include "core/plan.hpp"
#include "simulation/random_plan.hpp"
#include "simulation/record.hpp"

namespace cinit::core::simulation {

struct Life {
  Plan plan;
  Time start;
  Record record;
  Violations violations;  // those that show while it lasts; the rules find the others in the record
};

// The same seed gives the same life.
Life live(std::uint64_t seed, Depth depth = Depth::Plain);

// A life and all that is wrong with it, for somebody who has to find the reason. Empty when nothing is wrong.
std::string complaint(std::uint64_t seed, Depth depth = Depth::Plain);

}  // namespace cinit::core::simulation
