#include "control/select.hpp"

#include <fnmatch.h>

#include <string_view>

#include "base/nearest.hpp"

namespace cinit::control {
namespace {

using core::Role;

bool is_among(const core::PlannedService& service, Among among) {
  if (service.retired) return false;
  return service.role == Role::Service || (service.role == Role::MainCommand && among == Among::All);
}

bool matches(const std::string& pattern, const std::string& name) {
  return pattern == name || fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

std::string why_not(Role role) {
  return role == Role::MainCommand
             ? "is the main command, which cannot be started or stopped by itself: the container ends with it"
             : "is a hook, which runs in the boot or the stop only";
}

// Why the pattern stands for nothing.
Error no_match(const core::Plan& plan, const std::string& pattern, Among among) {
  std::vector<std::string_view> names;
  for (const core::PlannedService& service : plan.services) {
    if (is_among(service, among)) {
      names.push_back(service.spec.name);
    } else if (service.spec.name == pattern && !service.retired) {
      return Error{pattern + " " + why_not(service.role)};
    }
  }
  const std::string_view near = nearest(pattern, names);
  if (pattern == "all") return Error{"there is no service \"all\"; all of them are '*'"};
  std::string message = "there is no service \"" + pattern + "\"";
  if (!near.empty()) message += "; did you mean " + std::string(near) + "?";
  return Error{message};
}

}  // namespace

Result<std::vector<core::ServiceId>> select(const core::Plan& plan, std::span<const std::string> patterns,
                                            Among among) {
  const std::size_t count = plan.services.size();
  std::vector<bool> chosen(count, patterns.empty());
  for (const std::string& pattern : patterns) {
    bool found = false;
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_among(plan.services[i], among) || !matches(pattern, plan.services[i].spec.name)) continue;
      chosen[i] = found = true;
    }
    if (!found) return no_match(plan, pattern, among);
  }
  std::vector<core::ServiceId> services;
  for (std::size_t i = 0; i < count; ++i) {
    if (chosen[i] && is_among(plan.services[i], among)) services.push_back(static_cast<core::ServiceId>(i));
  }
  return services;
}

}  // namespace cinit::control
