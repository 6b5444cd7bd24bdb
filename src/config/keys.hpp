// The keys of the tables: the only list of them. What reads, writes and suggests keys goes through visit_keys().
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

#include "config/config.hpp"
#include "config/forms.hpp"

namespace cinit::config {

// What is asked again and again is not asked without a pause, and is given time to answer.
inline constexpr std::int64_t kShortestProbeMs = 10;
// A service cannot be expected to say that it is alive more often than this.
inline constexpr std::int64_t kShortestWatchdogMs = 100;
// Descriptors that a service can be given besides its standard streams, below the usual limit of open files.
inline constexpr std::int64_t kLowestReadyFd = 3;
inline constexpr std::int64_t kHighestReadyFd = 1023;
inline constexpr std::int64_t kMostRetries = 1000;
inline constexpr std::int64_t kMostLogFiles = 1000;
inline constexpr std::uint64_t kSmallestLogBuffer = 1 << 10;
inline constexpr std::uint64_t kLargestLogBuffer = 64 << 20;

// Keys of `ready` and `health` that mean something with a probe only.
inline constexpr std::array<std::string_view, 3> kProbeKeys{"interval", "timeout", "retries"};

// The keys of the probes, which `ready` and `health` have both.
template <class Ways, class Visit>
void visit_probe_ways(Ways& ways, Visit& visit) {
  visit("exec", as<Way<ExecProbe>>(ways));
  visit("tcp", as<Way<TcpProbe>>(ways));
  visit("http", as<Way<HttpProbe>>(ways));
  visit("file", as<Way<FileProbe>>(ways));
}

// Calls visit(key, field) for every key of the table `ready`. A field is a member, or an As<> of one.
template <class R, class Visit>
requires std::same_as<std::remove_const_t<R>, Ready>
void visit_keys(R& ready, Visit&& visit) {
  visit("notify", as<Way<NotifyReady>>(ready.when));
  visit("fd", as<Way<FdReady>>(ready.when));
  visit("log", as<Way<LogReady>>(ready.when));
  visit("delay", as<Way<DelayReady>>(ready.when));
  visit_probe_ways(ready.when, visit);
  visit("interval", as<AtLeast<kShortestProbeMs>>(ready.interval));
  visit("timeout", as<AtLeast<kShortestProbeMs>>(ready.timeout));
}

// The same for `health`.
template <class H, class Visit>
requires std::same_as<std::remove_const_t<H>, Health>
void visit_keys(H& health, Visit&& visit) {
  visit_probe_ways(health.check, visit);
  visit("watchdog", as<Way<Watchdog>>(health.check));
  visit("interval", as<AtLeast<kShortestProbeMs>>(health.interval));
  visit("timeout", as<AtLeast<kShortestProbeMs>>(health.timeout));
  visit("start-period", health.start_period);
  visit("retries", as<Between<1, kMostRetries>>(health.retries));
  visit("action", health.action);
}

// The same for [cinit].
template <class C, class Visit>
requires std::same_as<std::remove_const_t<C>, Container>
void visit_keys(C& container, Visit&& visit) {
  visit("stop-timeout", container.stop_timeout);
  visit("stop-signals", container.stop_signals);
  visit("signals", container.signals);
  visit("exit-code-from", container.exit_code_from);
  visit("log-level", container.log_level);
  visit("log-format", container.log_format);
  visit("log-prefix", container.log_prefix);
  visit("log-json", container.log_json);
  visit("log-buffer", as<SizeBetween<kSmallestLogBuffer, kLargestLogBuffer>>(container.log_buffer));
  visit("control-socket", as<SocketPath>(container.control_socket));
  visit("service-directories", as<AbsolutePath>(container.service_directories));
  visit("umask", container.umask);
  visit("working-dir", as<AbsolutePath>(container.working_dir));
  visit("env-file", container.env_file);
}

// The same for [service.NAME] and [defaults].
template <class S, class Visit>
requires std::same_as<std::remove_const_t<S>, Service>
void visit_keys(S& service, Visit&& visit) {
  visit("command", as<CommandLine>(service.command));
  visit("type", service.type);
  visit("pid-file", as<AbsolutePath>(service.pid_file));
  visit("enabled", service.enabled);
  visit("autostart", service.autostart);

  visit("working-dir", as<AbsolutePath>(service.working_dir));
  visit("user", as<Account>(service.user));
  visit("group", as<Account>(service.group));
  visit("groups", as<Account>(service.groups));
  visit("umask", service.umask);
  visit("env", service.env);
  visit("env-file", service.env_file);
  visit("clear-env", service.clear_env);

  visit("stdin", service.input);
  visit("stdout", as<StandardOutput>(service.output));
  visit("stderr", service.error);
  visit("log-max-size", service.log_max_size);
  visit("log-max-files", as<Between<1, kMostLogFiles>>(service.log_max_files));

  visit("after", service.after);
  visit("before", service.before);
  visit("requires", service.required);

  visit("ready", service.ready);
  visit("start-timeout", service.start_timeout);
  visit("health", service.health);

  visit("restart", service.restart);
  visit("restart-delay", service.restart_delay);
  visit("restart-max-delay", service.restart_max_delay);
  visit("start-limit-burst", service.start_limit_burst);
  visit("start-limit-interval", service.start_limit_interval);
  visit("success-exit-status", service.success_exit_status);
  visit("on-success", service.on_success);
  visit("on-failure", service.on_failure);

  visit("stop-signal", service.stop_signal);
  visit("stop-command", as<CommandLine>(service.stop_command));
  visit("stop-timeout", service.stop_timeout);
  visit("kill-mode", service.kill_mode);

  visit("pre-start", as<CommandLine>(service.pre_start));
  visit("post-start", as<CommandLine>(service.post_start));
  visit("pre-stop", as<CommandLine>(service.pre_stop));
  visit("post-stop", as<CommandLine>(service.post_stop));

  visit("limits", service.limits);
  visit("nice", as<Between<-20, 19>>(service.nice));
  visit("oom-score-adj", as<Between<-1000, 1000>>(service.oom_score_adj));
  visit("capabilities", as<CapabilityName>(service.capabilities));
  visit("no-new-privileges", service.no_new_privileges);
}

// The same for [sysctl].
template <class S, class Visit>
requires std::same_as<std::remove_const_t<S>, Sysctl>
void visit_keys(S& sysctl, Visit&& visit) {
  visit("policy", sysctl.policy);
  visit("files", sysctl.files);
  visit("set", sysctl.set);
}

// The same for [hooks].
template <class H, class Visit>
requires std::same_as<std::remove_const_t<H>, Hooks>
void visit_keys(H& hooks, Visit&& visit) {
  visit("directories", as<AbsolutePath>(hooks.directories));
  visit("pre-start", as<CommandLine>(hooks.pre_start));
  visit("post-start", as<CommandLine>(hooks.post_start));
  visit("pre-stop", as<CommandLine>(hooks.pre_stop));
  visit("post-stop", as<CommandLine>(hooks.post_stop));
  visit("timeout", hooks.timeout);
}

// Once, and not in each instance of a template.
void add_name(std::vector<std::string_view>& names, std::string_view key);

// The keys of `ready` and `health` that are ways, of which there is exactly one.
template <class T>
std::vector<std::string_view> way_names() {
  std::vector<std::string_view> names;
  const T defaults;
  visit_keys(defaults, [&](std::string_view key, const auto& field) {
    if (kIsWay<std::remove_cvref_t<decltype(field)>>) add_name(names, key);
  });
  return names;
}

// The keys of the table that a T holds.
template <class T>
std::vector<std::string_view> key_names() {
  std::vector<std::string_view> names;
  const T defaults;
  visit_keys(defaults, [&](std::string_view key, const auto&) { add_name(names, key); });
  return names;
}

// The tables at the top of a file.
inline constexpr std::array<std::string_view, 6> kTables{"cinit", "env", "sysctl", "hooks", "defaults", "service"};

// What is part of the format and cannot be used yet.
inline constexpr std::array<std::string_view, 5> kLaterServiceKeys{"replicas", "schedule", "listen", "ionice",
                                                                   "cpu-affinity"};

}  // namespace cinit::config
