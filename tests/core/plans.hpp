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

// The plan of a configuration without cycles.
inline Plan plan_of(const config::Config& config, const std::vector<std::string>& main_command = {}) {
  return std::get<Plan>(make_plan(config, main_command));
}

}  // namespace cinit::core
