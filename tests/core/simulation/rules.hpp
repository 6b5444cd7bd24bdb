// What must hold in every life of a container, whatever its processes do. Each function returns what does not hold.
#pragma once

#include "simulation/history.hpp"

namespace cinit::core::simulation {

// How long a start may take from Spawn to its answer: at all, and when it is to be stopped.
inline constexpr Duration kLongestLaunch = std::chrono::seconds(30);
inline constexpr Duration kLongestLaunchInStop = std::chrono::seconds(1);

// Who is started, when, and how often; and when the stop of everything begins.
Violations start_rules(const History& history);

// How long a start may take, and when it is given up.
Violations launch_rules(const History& history);

// Who gets which signal, and when.
Violations stop_rules(const History& history);

// Which hooks run, when, and for how long.
Violations hook_rules(const History& history);

// What holds for services with readiness, health, commands and requests, too, seen from the kernel's side alone.
Violations deep_rules(const Plan& plan, const Record& record);

// When cinit leaves, and with which code.
Violations exit_rules(const History& history);

}  // namespace cinit::core::simulation
