#include "init/apply_sysctl.hpp"

#include "sysctl/apply.hpp"
#include "sysctl/sources.hpp"

namespace cinit::init {
namespace {

using config::LogLevel;
using sysctl::OutcomeKind;

sysctl::Policy to_policy(config::SysctlPolicy policy) {
  switch (policy) {
    case config::SysctlPolicy::Warn: return sysctl::Policy::Warn;
    case config::SysctlPolicy::Strict: return sysctl::Policy::Strict;
    case config::SysctlPolicy::Namespaced: return sysctl::Policy::Namespaced;
    case config::SysctlPolicy::Off: break;
  }
  return sysctl::Policy::Off;
}

LogLevel level_of(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::AlreadyRight:
    case OutcomeKind::Ignored: return LogLevel::Debug;
    case OutcomeKind::Applied: return LogLevel::Info;
    case OutcomeKind::AppliedHostWide:
    case OutcomeKind::Unknown:
    case OutcomeKind::Refused:
    case OutcomeKind::Skipped:
    case OutcomeKind::Malformed: break;
  }
  return LogLevel::Warning;
}

sysctl::Request request_of(const config::Sysctl& wanted, const std::string& where) {
  sysctl::Request request{wanted.files, {}};
  for (const auto& [key, value] : wanted.set) request.set.push_back({key, value, where});
  return request;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> find_sysctl_problems(const config::Sysctl& wanted,
                                                                      const std::string& where) {
  std::vector<std::pair<std::string, std::string>> found;
  if (wanted.policy == config::SysctlPolicy::Off) return found;
  for (const sysctl::Problem& problem : sysctl::read_sources(request_of(wanted, where)).problems)
    found.emplace_back(problem.where, problem.message);
  return found;
}

std::string apply_sysctl(const config::Sysctl& wanted, log::Log& log) {
  const sysctl::Policy policy = to_policy(wanted.policy);
  if (policy == sysctl::Policy::Off) return "";
  const std::string where = wanted.where.file + ":" + std::to_string(wanted.where.line);
  const sysctl::Request request = request_of(wanted, where);
  sysctl::Options options;
  options.policy = policy;
  std::string failures;
  for (const sysctl::Outcome& outcome : sysctl::apply(sysctl::read_sources(request), options)) {
    log.write({level_of(outcome.kind), "", "sysctl", "sysctl: " + outcome.text});
    if (sysctl::ends_boot(policy, {&outcome, 1})) failures += outcome.text + "\n";
  }
  return failures;
}

}  // namespace cinit::init
