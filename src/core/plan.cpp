#include "core/plan.hpp"

#include <algorithm>
#include <utility>

#include "core/order.hpp"

namespace cinit::core {
namespace {

std::string base_name(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos || slash + 1 == path.size() ? path : path.substr(slash + 1);
}

// Puts what is no service into the plan: hooks, one after the other, and the main command.
class Extender {
 public:
  Extender(Plan& plan, Linker& links, const config::Hooks& hooks) : plan_(plan), links_(links), hooks_(hooks) {}

  void add_boot_hooks(const std::vector<Program>& programs) {
    for (const Program& program : programs) plan_.boot_hooks.push_back(add_program(Role::BootHook, program));
    for (const auto& command : hooks_.pre_start)
      plan_.boot_hooks.push_back(add_hook(Role::BootHook, "pre-start", command));
    links_.chain(plan_.boot_hooks);
    for (std::size_t i = 0; i < plan_.services.size(); ++i) {
      if (plan_.services[i].role == Role::Service) links_.wait_for_boot_hooks(static_cast<ServiceId>(i));
    }
  }

  void add_post_start_hooks() {
    std::vector<ServiceId> hooks;
    for (const auto& command : hooks_.post_start) hooks.push_back(add_hook(Role::BootHook, "post-start", command));
    if (!hooks.empty()) links_.wait_for_services(hooks.front());
    links_.chain(hooks);
    last_ = hooks.empty() ? std::nullopt : std::optional(hooks.back());
  }

  void add_stop_hooks(const Commands& commands) {
    for (const Program& program : commands.pre_stop) {
      plan_.pre_stop_hooks.push_back(add_program(Role::StopHook, program));
    }
    for (const Program& program : commands.post_stop) {
      plan_.post_stop_hooks.push_back(add_program(Role::StopHook, program));
    }
    for (const auto& command : hooks_.pre_stop) {
      plan_.pre_stop_hooks.push_back(add_hook(Role::StopHook, "pre-stop", command));
    }
    for (const auto& command : hooks_.post_stop) {
      plan_.post_stop_hooks.push_back(add_hook(Role::StopHook, "post-stop", command));
    }
  }

  // Started when everything else is up, never restarted.
  void add_main_command(const std::vector<std::string>& command) {
    plan_.main_command = static_cast<ServiceId>(plan_.services.size());
    PlannedService& main = add(Role::MainCommand, base_name(command.front()), command);
    main.wanted_at_boot = true;
    links_.wait_for_services(*plan_.main_command);
    if (last_) links_.edge(*plan_.main_command, *last_);
  }

 private:
  PlannedService& add(Role role, std::string name, const std::vector<std::string>& command) {
    PlannedService& added = plan_.services.emplace_back();
    added.role = role;
    added.spec.name = std::move(name);
    added.spec.command = command;
    added.spec.restart = config::RestartPolicy::No;
    added.spec.input = config::Input::Inherit;
    return added;
  }

  ServiceId add_program(Role role, const Program& program) {
    const ServiceId id = add_hook(role, program.name, program.command);
    PlannedService& hook = plan_.services[index_of(id)];
    hook.spec.name = program.name;
    hook.on_hook_failure = program.on_failure;
    if (program.timeout) hook.start_timeout = program.timeout;
    hook.spec.stop_timeout = program.kill_after;
    hook.spec.clear_env = program.environment.has_value();
    if (program.environment) hook.spec.env = *program.environment;
    return id;
  }

  ServiceId add_hook(Role role, const std::string& name, const std::vector<std::string>& command) {
    PlannedService& hook = add(role, command.front() == name ? name : name + " " + base_name(command.front()), command);
    hook.spec.type = config::ServiceType::Oneshot;
    hook.wanted_at_boot = role == Role::BootHook;
    hook.start_timeout = hooks_.timeout;
    return static_cast<ServiceId>(plan_.services.size() - 1);
  }

  Plan& plan_;
  Linker& links_;
  const config::Hooks& hooks_;
  std::optional<ServiceId> last_;  // of the post-start hooks
};

void fill_in_defaults(PlannedService& service, const config::Container& defaults) {
  if (!service.spec.umask) service.spec.umask = defaults.umask;
  if (!service.spec.working_dir) service.spec.working_dir = defaults.working_dir;
}

// The STOPSIGNAL of an image is that of its program: where nothing else is said, the stop signal of a service stops the
// container, too. SIGHUP is not that of an image.
void add_stop_signals_of_services(Plan& plan, const config::Container& container) {
  if (container.stop_signals != config::Container{}.stop_signals) return;
  for (const PlannedService& service : plan.services) {
    const Signal signal = service.spec.stop_signal;
    const bool is_new = std::ranges::find(plan.stop_signals, signal) == plan.stop_signals.end();
    const bool is_chosen = service.role == Role::Service && !service.spec.directory;
    if (is_new && is_chosen && signal != kHangup && signal != kKill) plan.stop_signals.push_back(signal);
  }
}

void take_signals(Plan& plan, const config::Container& container, const Linker& links) {
  plan.stop_signals = container.stop_signals;
  add_stop_signals_of_services(plan, container);
  for (const config::SignalRoute& route : container.signals.routes) {
    const std::optional<ServiceId> service = links.find(route.service);
    if (!service) continue;
    plan.handed_on.push_back({route, *service});
    std::erase(plan.stop_signals, route.signal);
  }
}

}  // namespace

config::Problem DependencyCycle::to_problem() const {
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += " -> ";
    text += name;
  }
  return {config::Severity::Error, where, "services wait for each other: " + text};
}

PlannedService plan_alone(const config::Service& spec, const config::Container& defaults) {
  PlannedService service;
  service.spec = spec;
  service.policy = config::policy_of(spec);
  service.wanted_at_boot = spec.autostart;
  if (spec.start_timeout > Duration::zero()) service.start_timeout = spec.start_timeout;
  fill_in_defaults(service, defaults);
  return service;
}

std::variant<Plan, DependencyCycle> make_plan(const config::Config& config, const Commands& commands) {
  Plan plan;
  for (const config::Service& spec : config.services) {
    const PlannedService& service = plan.services.emplace_back(plan_alone(spec, config.container));
    plan.is_kept_open = plan.is_kept_open || service.policy.keeps_container;
  }
  plan.has_services = !plan.services.empty();

  Linker links(plan);
  links.link_names();
  if (config.container.exit_code_from) plan.exit_code_from = links.find(*config.container.exit_code_from);
  if (auto cycle = links.find_cycle()) return *std::move(cycle);
  links.spread_wanted();
  Extender extender(plan, links, config.hooks);
  extender.add_boot_hooks(commands.startup);
  extender.add_post_start_hooks();
  extender.add_stop_hooks(commands);
  if (!commands.main_command.empty()) extender.add_main_command(commands.main_command);
  for (PlannedService& service : plan.services) fill_in_defaults(service, config.container);
  links.finish();

  plan.stop.total = config.container.stop_timeout.value_or(config::kDefaultStopTimeout);
  plan.stop.chosen = config.container.stop_timeout.has_value();
  take_signals(plan, config.container, links);
  return plan;
}

}  // namespace cinit::core
