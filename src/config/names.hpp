// The words that stand for enumerators, and the names of resource limits, used for reading, for writing and for
// suggestions.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "config/config.hpp"

namespace cinit::config {

template <class E>
struct Named {
  std::string_view name;
  E value;
};

inline constexpr Named<ServiceType> kServiceTypes[] = {
    {"simple", ServiceType::Simple},
    {"oneshot", ServiceType::Oneshot},
    {"forking", ServiceType::Forking},
};
inline constexpr Named<RestartPolicy> kRestartPolicies[] = {
    {"no", RestartPolicy::No},
    {"on-failure", RestartPolicy::OnFailure},
    {"always", RestartPolicy::Always},
};
inline constexpr Named<EndAction> kEndActions[] = {
    {"ignore", EndAction::Ignore},
    {"shutdown", EndAction::Shutdown},
};
inline constexpr Named<KillMode> kKillModes[] = {
    {"mixed", KillMode::Mixed},
    {"group", KillMode::Group},
    {"process", KillMode::Process},
};
inline constexpr Named<Input> kInputs[] = {
    {"null", Input::Null},
    {"inherit", Input::Inherit},
};
inline constexpr Named<LogLevel> kLogLevels[] = {
    {"debug", LogLevel::Debug},
    {"info", LogLevel::Info},
    {"warning", LogLevel::Warning},
    {"error", LogLevel::Error},
};
inline constexpr Named<SysctlPolicy> kSysctlPolicies[] = {
    {"warn", SysctlPolicy::Warn},
    {"strict", SysctlPolicy::Strict},
    {"namespaced", SysctlPolicy::Namespaced},
    {"off", SysctlPolicy::Off},
};
inline constexpr Named<LogFormat> kLogFormats[] = {
    {"text", LogFormat::Text},
    {"json", LogFormat::Json},
};
inline constexpr Named<LogPrefix> kLogPrefixes[] = {
    {"none", LogPrefix::None},
    {"name", LogPrefix::Name},
    {"json", LogPrefix::Json},
};
inline constexpr Named<LogJson> kLogJson[] = {
    {"merge", LogJson::Merge},
    {"escape", LogJson::Escape},
};
inline constexpr Named<HealthAction> kHealthActions[] = {
    {"restart", HealthAction::Restart},
    {"shutdown", HealthAction::Shutdown},
    {"ignore", HealthAction::Ignore},
};

// All names of an enumeration; the argument only chooses which.
constexpr std::span<const Named<ServiceType>> names_of(ServiceType) { return kServiceTypes; }
constexpr std::span<const Named<RestartPolicy>> names_of(RestartPolicy) { return kRestartPolicies; }
constexpr std::span<const Named<EndAction>> names_of(EndAction) { return kEndActions; }
constexpr std::span<const Named<KillMode>> names_of(KillMode) { return kKillModes; }
constexpr std::span<const Named<Input>> names_of(Input) { return kInputs; }
constexpr std::span<const Named<LogLevel>> names_of(LogLevel) { return kLogLevels; }
constexpr std::span<const Named<SysctlPolicy>> names_of(SysctlPolicy) { return kSysctlPolicies; }
constexpr std::span<const Named<LogFormat>> names_of(LogFormat) { return kLogFormats; }
constexpr std::span<const Named<LogPrefix>> names_of(LogPrefix) { return kLogPrefixes; }
constexpr std::span<const Named<LogJson>> names_of(LogJson) { return kLogJson; }
constexpr std::span<const Named<HealthAction>> names_of(HealthAction) { return kHealthActions; }

// Enumerations that are written as one of a few words.
template <class E>
concept NamedEnum = requires(E value) {
  names_of(value);
};

// The resources of setrlimit(2), as limits.conf(5) and prlimit(1) call them.
inline constexpr std::array<std::string_view, 16> kLimitNames{
    "as",   "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue",
    "nice", "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};

}  // namespace cinit::config
