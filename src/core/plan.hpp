// What will happen: the configuration put in order, with names resolved to indices. It never changes once it is made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/config.hpp"
#include "config/problem.hpp"

namespace cinit::core {

// A service's place in Plan::services.
enum class ServiceId : std::uint32_t {};

constexpr std::size_t index_of(ServiceId id) { return static_cast<std::size_t>(id); }

enum class Role {
  Service,
  // The command that the container was started for: it gets every signal, and the container ends with it.
  MainCommand,
};

// One service, with its order relative to the others.
struct PlannedService {
  config::Service spec;
  Role role = Role::Service;
  bool wanted_at_boot = true;         // autostart, or required by one that is
  std::vector<ServiceId> waits_for;   // everything that it is started after, each once
  std::vector<ServiceId> required;    // the part of waits_for that must not have failed
  std::vector<ServiceId> dependents;  // the inverse of waits_for
  std::uint32_t stop_tier = 0;        // stopped in ascending order; a service's tier is above those of its dependents
};

// The budget of the whole stop.
struct StopBudget {
  Duration total = config::kDefaultStopTimeout;
  bool chosen = false;  // somebody asked for this value: then it holds for a lone main command as well

  // The part at the end that is kept for processes that belong to no service.
  Duration reserve() const { return std::min<Duration>(total / 4, std::chrono::seconds(2)); }
};

struct Plan {
  std::vector<PlannedService> services;  // by name; the main command, when there is one, is the last
  std::uint32_t tiers = 0;               // stop tiers are 0 .. tiers - 1
  std::optional<ServiceId> main_command;
  std::optional<ServiceId> exit_code_from;
  StopBudget stop;
  std::vector<Signal> stop_signals;

  const PlannedService& operator[](ServiceId id) const { return services[index_of(id)]; }
  bool is_main(ServiceId id) const { return main_command == id; }
  // A main command without services and without a chosen budget is left to the container runtime's own grace period.
  bool main_is_never_killed() const { return main_command && services.size() == 1 && !stop.chosen; }
};

// Services that wait for each other: names in order, the first again at the end.
struct DependencyCycle {
  std::vector<std::string> names;
  config::Location where;  // of the first

  // "services wait for each other: a -> b -> c -> a"
  config::Problem to_problem() const;
};

// Puts the configuration in order. `main_command` is the argv of the main command, empty when there is none. Names in
// `after`, `before`, `requires` and `exit-code-from` that are not in the configuration are passed over: config::load has
// reported those that are mistakes.
std::variant<Plan, DependencyCycle> make_plan(const config::Config& config,
                                              const std::vector<std::string>& main_command);

}  // namespace cinit::core
