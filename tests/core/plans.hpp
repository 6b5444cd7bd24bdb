// Short ways to write down a configuration and the plan that comes of it.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/plan.hpp"

namespace cinit::core {

// A service with a name and a command. `spec` holds what differs from the defaults.
inline config::Service service(std::string name, config::Service spec = {}) {
  spec.name = std::move(name);
  spec.command = {"/bin/" + spec.name};
  return spec;
}

inline config::Service oneshot(std::string name, config::Service spec = {}) {
  spec.type = config::ServiceType::Oneshot;
  return service(std::move(name), std::move(spec));
}

inline config::Config config_of(std::vector<config::Service> services, config::Container container = {}) {
  config::Config config;
  config.container = std::move(container);
  config.services = std::move(services);
  return config;
}

// Commands of one word each.
inline std::vector<std::vector<std::string>> commands(const std::vector<std::string>& words) {
  std::vector<std::vector<std::string>> commands;
  for (const std::string& word : words) commands.push_back({word});
  return commands;
}

// The configuration with these hooks. A hook is called after its kind and its command: "pre-start a".
inline config::Config with_hooks(config::Config config, config::Hooks hooks) {
  config.hooks = std::move(hooks);
  return config;
}

// The plan of a configuration without cycles.
inline Plan plan_of(const config::Config& config, const std::vector<std::string>& main_command = {},
                    const std::vector<std::string>& startup_files = {}) {
  return std::get<Plan>(make_plan(config, {main_command, {startup_files.begin(), startup_files.end()}}));
}

}  // namespace cinit::core
