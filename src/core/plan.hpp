// What will happen: the configuration put in order, with names resolved to indices. What is in it never changes, but
// for services that come and go (revise()).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/stop_budget.hpp"
#include "config/config.hpp"
#include "config/policy.hpp"
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

// What a boot hook that fails prevents.
enum class HookFailure {
  EndsBoot,       // everything that has not begun
  EndsBootLater,  // the same, but hooks of this kind that follow are run first
  Ignored,        // nothing
};

// One service, with its order relative to the others.
struct PlannedService {
  config::Service spec;
  config::Policy policy;  // that of `spec`
  Role role = Role::Service;
  bool retired = false;  // it is gone for good, and stopped if it was started
  HookFailure on_hook_failure = HookFailure::EndsBoot;
  bool wanted_at_boot = true;             // autostart, or required by one that is
  std::vector<ServiceId> waits_for;       // everything that it is started after, each once
  std::vector<ServiceId> required;        // the part of waits_for that must not have failed
  std::vector<ServiceId> dependents;      // the inverse of waits_for
  std::optional<ServiceId> consumer;      // who reads its output, by `pipes_into`
  std::vector<ServiceId> producers;       // the inverse: whose output it reads
  std::optional<Duration> start_timeout;  // how long a start may take until it is ready; unset: for ever
  std::uint32_t stop_tier = 0;  // stopped in ascending order; a service's tier is above those of its dependents
};

// Where another init, in whose place cinit is, goes about signals and the end in another way.
struct InitRules {
  bool forwards_signals = true;          // to the main command
  bool takes_more_stop_signals = true;   // each one more urges
  bool ends_main_first = false;          // before the hooks of the stop, and so before the services
  bool runs_hooks_before_sweep = false;  // those after the stop
  bool sweeps = true;                    // other processes than services get their time
  bool container_goes_on = false;        // the container goes on when all of it has ended: that end is not told
  // How long the main command waits for the boot. Then it is started, or the boot has failed. Unset: until the boot has
  // ended.
  std::optional<Duration> boot_time = {};
  bool slow_boot_fails = false;
  // Times of their own, inside the whole budget; unset: cinit's. Of the hooks before the stop together, of a service
  // whose policy is to wait for its end, and of the sweep.
  std::optional<Duration> pre_stop_time = {};
  std::optional<Duration> service_stop_timeout = {};
  std::optional<Duration> sweep_time = {};
  // Exit codes; null and unset: cinit's. After a stop signal, and when a hook of the stop has failed.
  int (*stop_signal_code)(Signal) = nullptr;
  std::optional<int> failed_stop_hook_code = {};
};

// A signal that is for a service.
struct HandedOn {
  config::SignalRoute route;
  ServiceId service;
};

struct Plan {
  // By name, then hooks in their order, then the main command, and then what has come later. A service stays where it
  // is in memory as long as the plan does.
  std::deque<PlannedService> services;
  std::uint32_t tiers = 0;  // stop tiers are 0 .. tiers - 1
  std::optional<ServiceId> main_command;
  std::vector<ServiceId> after_services;  // what waits for every service: the first post-start hook, the main command
  std::vector<ServiceId> boot_hooks;      // before the first service
  std::vector<ServiceId> pre_stop_hooks;
  std::vector<ServiceId> post_stop_hooks;
  bool has_services = false;  // that are more than hooks and a main command
  // The container does not end because every service has: there are services that come and go.
  bool is_kept_open = false;
  std::optional<ServiceId> exit_code_from;
  StopBudget stop{config::kDefaultStopTimeout};
  InitRules rules;
  std::vector<Signal> stop_signals;
  std::vector<HandedOn> handed_on;  // they are no stop signals

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

// A program of the image that is run in the boot or in the stop.
struct Program {
  // NOLINTNEXTLINE(google-explicit-constructor): a path is one
  Program(std::string path) : name(path), command{std::move(path)} {}
  Program(std::string its_name, config::Command its_command)
      : name(std::move(its_name)), command(std::move(its_command)) {}

  std::string name;                                   // by which it is known in the log
  config::Command command;                            // an argv
  std::optional<config::Variables> environment = {};  // instead of the container's
  std::optional<Duration> timeout = {};               // instead of that of [hooks]
  std::optional<Duration> kill_after = {};            // that: SIGKILL; unset: at the end of the container's time
  HookFailure on_failure = HookFailure::EndsBoot;     // in the boot
};

// What the container is to run apart from what its configuration says.
struct Commands {
  std::vector<std::string> main_command;  // an argv; empty: there is none
  std::vector<Program> startup;           // to be run first, in this order: /etc/my_init.d/* and the like
  // The same for the stop: before the first service is stopped, and after the last.
  std::vector<Program> pre_stop = {};
  std::vector<Program> post_stop = {};
};

// A service by itself, without an order. `defaults` is [cinit].
PlannedService plan_alone(const config::Service& spec, const config::Container& defaults);

// Puts everything in order. Names in `after`, `before`, `requires` and `exit-code-from` that are not in the
// configuration are passed over: config::load has reported those that are mistakes.
std::variant<Plan, DependencyCycle> make_plan(const config::Config& config, const Commands& commands);

}  // namespace cinit::core
