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
  // A oneshot of the boot; when it fails the container ends.
  BootHook,
  // A oneshot of the stop, started by it; its failure prevents nothing.
  StopHook,
};

// A hook is a service in everything but its place in the boot and the stop.
constexpr bool is_hook(Role role) { return role == Role::BootHook || role == Role::StopHook; }

// One service, with its order relative to the others.
struct PlannedService {
  config::Service spec;
  Role role = Role::Service;
  bool wanted_at_boot = true;             // autostart, or required by one that is
  std::vector<ServiceId> waits_for;       // everything that it is started after, each once
  std::vector<ServiceId> required;        // the part of waits_for that must not have failed
  std::vector<ServiceId> dependents;      // the inverse of waits_for
  std::optional<Duration> start_timeout;  // how long a start may take until it is ready; unset: for ever
  std::uint32_t stop_tier = 0;  // stopped in ascending order; a service's tier is above those of its dependents
};

// The budget of the whole stop.
struct StopBudget {
  Duration total = config::kDefaultStopTimeout;
  bool chosen = false;  // somebody asked for this value: then it holds for a lone main command as well

  // The part at the end that is kept for processes that belong to no service.
  Duration reserve() const { return std::min<Duration>(total / 4, std::chrono::seconds(2)); }
};

struct Plan {
  std::vector<PlannedService> services;  // by name, then hooks in their order; the main command, if any, is the last
  std::uint32_t tiers = 0;               // stop tiers are 0 .. tiers - 1
  std::optional<ServiceId> main_command;
  std::vector<ServiceId> boot_hooks;  // before the first service
  std::vector<ServiceId> pre_stop_hooks;
  std::vector<ServiceId> post_stop_hooks;
  bool has_services = false;  // that are more than hooks and a main command
  std::optional<ServiceId> exit_code_from;
  StopBudget stop;
  std::vector<Signal> stop_signals;

  const PlannedService& operator[](ServiceId id) const { return services[index_of(id)]; }
  bool is_main(ServiceId id) const { return main_command == id; }
  // A main command without services and without a chosen budget is left to the container runtime's own grace period.
  bool main_is_never_killed() const { return main_command && !has_services && !stop.chosen; }
};

// Services that wait for each other: names in order, the first again at the end.
struct DependencyCycle {
  std::vector<std::string> names;
  config::Location where;  // of the first

  // "services wait for each other: a -> b -> c -> a"
  config::Problem to_problem() const;
};

// What the container is to run apart from what its configuration says.
struct Commands {
  std::vector<std::string> main_command;   // an argv; empty: there is none
  std::vector<std::string> startup_files;  // programs to run first, in this order: /etc/my_init.d/* and the like
};

// Puts everything in order. Names in `after`, `before`, `requires` and `exit-code-from` that are not in the configuration are
// passed over: config::load has reported those that are mistakes.
std::variant<Plan, DependencyCycle> make_plan(const config::Config& config, const Commands& commands);

}  // namespace cinit::core
