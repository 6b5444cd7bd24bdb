#include "core/plan.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace cinit::core {
namespace {

using Services = std::deque<PlannedService>;

PlannedService& at(Services& services, ServiceId id) { return services[index_of(id)]; }

void add_once(std::vector<ServiceId>& ids, ServiceId id) {
  if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
}

// Turns the names in `after`, `before` and `requires` into edges.
class Linker {
 public:
  explicit Linker(Services& services) : services_(services) {
    for (std::size_t i = 0; i < services.size(); ++i) ids_.emplace(services[i].spec.name, static_cast<ServiceId>(i));
  }

  void link(ServiceId id) {
    const config::Service& spec = at(services_, id).spec;
    for (const std::string& name : spec.after) edge(id, find(name));
    for (const std::string& name : spec.before) {
      if (const auto later = find(name)) edge(*later, id);
    }
    for (const std::string& name : spec.required) {
      const auto required = find(name);
      edge(id, required);
      if (required) add_once(at(services_, id).required, *required);
    }
    if (spec.pipes_into.empty()) return;
    if (const auto consumer = find(spec.pipes_into)) {
      edge(id, consumer);
      at(services_, id).consumer = consumer;
      add_once(at(services_, *consumer).producers, id);
    }
  }

  std::optional<ServiceId> find(std::string_view name) const {
    const auto found = ids_.find(name);
    if (found == ids_.end()) return std::nullopt;
    return found->second;
  }

 private:
  void edge(ServiceId later, std::optional<ServiceId> earlier) {
    if (earlier) add_once(at(services_, later).waits_for, *earlier);
  }

  Services& services_;
  std::map<std::string_view, ServiceId> ids_;
};

// Walks the dependencies depth first, without recursion: a chain may be as long as there are services.
class CycleFinder {
 public:
  explicit CycleFinder(const Services& services) : services_(services), marks_(services.size(), Mark::New) {}

  std::optional<DependencyCycle> find() {
    for (std::size_t i = 0; i < services_.size(); ++i) {
      if (marks_[i] != Mark::New) continue;
      if (auto cycle = walk_from(static_cast<ServiceId>(i))) return cycle;
    }
    return std::nullopt;
  }

 private:
  enum class Mark { New, OnPath, Finished };
  struct Step {
    ServiceId id;
    std::size_t next = 0;
  };

  std::optional<DependencyCycle> walk_from(ServiceId start) {
    enter(start);
    while (!path_.empty()) {
      Step& step = path_.back();
      const auto& waits_for = services_[index_of(step.id)].waits_for;
      if (step.next == waits_for.size()) {
        marks_[index_of(step.id)] = Mark::Finished;
        path_.pop_back();
        continue;
      }
      const ServiceId target = waits_for[step.next++];
      if (marks_[index_of(target)] == Mark::OnPath) return cycle_at(target);
      if (marks_[index_of(target)] == Mark::New) enter(target);
    }
    return std::nullopt;
  }

  void enter(ServiceId id) {
    marks_[index_of(id)] = Mark::OnPath;
    path_.push_back({id});
  }

  DependencyCycle cycle_at(ServiceId target) const {
    DependencyCycle cycle;
    cycle.where = services_[index_of(target)].spec.where;
    auto step = std::find_if(path_.begin(), path_.end(), [&](const Step& on_path) { return on_path.id == target; });
    for (; step != path_.end(); ++step) cycle.names.push_back(services_[index_of(step->id)].spec.name);
    cycle.names.push_back(cycle.names.front());
    return cycle;
  }

  const Services& services_;
  std::vector<Mark> marks_;
  std::vector<Step> path_;
};

// A service's stop tier is one more than the highest of its dependents: whoever needs it has stopped before.
std::uint32_t assign_tiers(Services& services) {
  std::vector<std::size_t> dependents_left(services.size());
  std::vector<ServiceId> ready;
  for (std::size_t i = 0; i < services.size(); ++i) {
    services[i].stop_tier = 0;
    dependents_left[i] = services[i].dependents.size();
    if (dependents_left[i] == 0) ready.push_back(static_cast<ServiceId>(i));
  }
  std::uint32_t tiers = 0;
  while (!ready.empty()) {
    const ServiceId id = ready.back();
    ready.pop_back();
    const std::uint32_t tier = at(services, id).stop_tier;
    tiers = std::max(tiers, tier + 1);
    for (const ServiceId earlier : at(services, id).waits_for) {
      at(services, earlier).stop_tier = std::max(at(services, earlier).stop_tier, tier + 1);
      if (--dependents_left[index_of(earlier)] == 0) ready.push_back(earlier);
    }
  }
  return tiers;
}

// What is required by something wanted is wanted too.
void spread_wanted(Services& services) {
  std::vector<ServiceId> wanted;
  for (std::size_t i = 0; i < services.size(); ++i) {
    services[i].wanted_at_boot = services[i].spec.autostart;
    if (services[i].wanted_at_boot) wanted.push_back(static_cast<ServiceId>(i));
  }
  while (!wanted.empty()) {
    const ServiceId id = wanted.back();
    wanted.pop_back();
    for (const ServiceId required : at(services, id).required) {
      if (std::exchange(at(services, required).wanted_at_boot, true)) continue;
      wanted.push_back(required);
    }
  }
}

std::string base_name(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos || slash + 1 == path.size() ? path : path.substr(slash + 1);
}

// Puts what is no service into the plan: hooks, one after the other, and the main command.
class Extender {
 public:
  Extender(Plan& plan, const config::Hooks& hooks) : plan_(plan), hooks_(hooks), services_end_(plan.services.size()) {}

  void add_boot_hooks(const std::vector<Program>& programs) {
    for (const Program& program : programs) plan_.boot_hooks.push_back(add_program(Role::BootHook, program));
    for (const auto& command : hooks_.pre_start)
      plan_.boot_hooks.push_back(add_hook(Role::BootHook, "pre-start", command));
    chain(plan_.boot_hooks);
    if (plan_.boot_hooks.empty()) return;
    for (std::size_t i = 0; i < services_end_; ++i) plan_.services[i].waits_for.push_back(plan_.boot_hooks.back());
  }

  void add_post_start_hooks() {
    std::vector<ServiceId> hooks;
    for (const auto& command : hooks_.post_start) hooks.push_back(add_hook(Role::BootHook, "post-start", command));
    if (!hooks.empty()) wait_for_services(hooks.front());
    chain(hooks);
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
    wait_for_services(*plan_.main_command);
    if (last_) main.waits_for.push_back(*last_);
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
    hook.may_fail = program.may_fail;
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

  void chain(const std::vector<ServiceId>& hooks) {
    for (std::size_t i = 1; i < hooks.size(); ++i) plan_.services[index_of(hooks[i])].waits_for.push_back(hooks[i - 1]);
  }

  // The last boot hook stands for all of them when there is no service that waits for it.
  void wait_for_services(ServiceId id) {
    plan_.after_services.push_back(id);
    PlannedService& later = plan_.services[index_of(id)];
    for (std::size_t i = 0; i < services_end_; ++i) {
      if (plan_.services[i].wanted_at_boot) later.waits_for.push_back(static_cast<ServiceId>(i));
    }
    if (!plan_.boot_hooks.empty()) later.waits_for.push_back(plan_.boot_hooks.back());
  }

  Plan& plan_;
  const config::Hooks& hooks_;
  std::size_t services_end_;
  std::optional<ServiceId> last_;  // of the post-start hooks
};

void fill_in_defaults(PlannedService& service, const config::Container& defaults) {
  if (!service.spec.umask) service.spec.umask = defaults.umask;
  if (!service.spec.working_dir) service.spec.working_dir = defaults.working_dir;
}

void link_dependents(Services& services) {
  for (std::size_t i = 0; i < services.size(); ++i) {
    for (const ServiceId earlier : services[i].waits_for) {
      at(services, earlier).dependents.push_back(static_cast<ServiceId>(i));
    }
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
  service.wanted_at_boot = spec.autostart;
  if (spec.start_timeout > Duration::zero()) service.start_timeout = spec.start_timeout;
  fill_in_defaults(service, defaults);
  return service;
}

void assign_tiers(Plan& plan) { plan.tiers = assign_tiers(plan.services); }

std::variant<Plan, DependencyCycle> make_plan(const config::Config& config, const Commands& commands) {
  Plan plan;
  for (const config::Service& spec : config.services) {
    plan.services.push_back(plan_alone(spec, config.container));
    if (spec.directory) plan.is_kept_by_directories = true;
  }
  plan.has_services = !plan.services.empty();

  Linker linker(plan.services);
  for (std::size_t i = 0; i < plan.services.size(); ++i) linker.link(static_cast<ServiceId>(i));
  if (config.container.exit_code_from) plan.exit_code_from = linker.find(*config.container.exit_code_from);
  if (auto cycle = CycleFinder(plan.services).find()) return *std::move(cycle);

  spread_wanted(plan.services);
  Extender extender(plan, config.hooks);
  extender.add_boot_hooks(commands.startup);
  extender.add_post_start_hooks();
  extender.add_stop_hooks(commands);
  if (!commands.main_command.empty()) extender.add_main_command(commands.main_command);
  for (PlannedService& service : plan.services) fill_in_defaults(service, config.container);
  link_dependents(plan.services);
  assign_tiers(plan);

  plan.stop.total = config.container.stop_timeout.value_or(config::kDefaultStopTimeout);
  plan.stop.chosen = config.container.stop_timeout.has_value();
  plan.stop_signals = config.container.stop_signals;
  return plan;
}

}  // namespace cinit::core
