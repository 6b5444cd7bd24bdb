// The keys of the tables: the only list of them. What reads, writes and suggests keys goes through visit_keys().
#pragma once

#include <array>
#include <concepts>
#include <string_view>
#include <type_traits>
#include <vector>

#include "config/config.hpp"

namespace cinit::config {

// A field whose type alone does not say how its value is written.
template <class Form, class T>
struct As {
  T& field;
};
template <class Form, class T>
constexpr As<Form, T> as(T& field) {
  return {field};
}

struct CommandLine {};     // an argv, or a string that split_words() splits
struct Account {};         // the name or the number of a user or a group
struct AbsolutePath {};    // a path that begins with "/"
struct StandardOutput {};  // an Output that is not "stdout"

// Calls visit(key, field) for every key of the table [cinit]. A field is a member, or an As<> of one.
template <class C, class Visit>
requires std::same_as<std::remove_const_t<C>, Container>
void visit_keys(C& container, Visit&& visit) {
  visit("stop-timeout", container.stop_timeout);
  visit("stop-signals", container.stop_signals);
  visit("exit-code-from", container.exit_code_from);
  visit("log-level", container.log_level);
  visit("log-format", container.log_format);
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

  visit("after", service.after);
  visit("before", service.before);
  visit("requires", service.required);

  visit("restart", service.restart);
  visit("restart-delay", service.restart_delay);
  visit("restart-max-delay", service.restart_max_delay);
  visit("start-limit-burst", service.start_limit_burst);
  visit("start-limit-interval", service.start_limit_interval);
  visit("success-exit-status", service.success_exit_status);
  visit("on-success", service.on_success);
  visit("on-failure", service.on_failure);

  visit("stop-signal", service.stop_signal);
  visit("stop-timeout", service.stop_timeout);
  visit("kill-mode", service.kill_mode);

  visit("limits", service.limits);
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

// The keys of the table that a T holds.
template <class T>
std::vector<std::string_view> key_names() {
  std::vector<std::string_view> names;
  const T defaults;
  visit_keys(defaults, [&](std::string_view key, const auto&) { names.push_back(key); });
  return names;
}

// The tables at the top of a file.
inline constexpr std::array<std::string_view, 6> kTables{"cinit", "env", "sysctl", "hooks", "defaults", "service"};

// What is part of the format and cannot be used yet.
inline constexpr std::array<std::string_view, 3> kLaterContainerKeys{"log-prefix", "log-buffer", "control-socket"};
inline constexpr std::array<std::string_view, 19> kLaterServiceKeys{
    "ready",     "start-timeout", "health",        "stop-command", "pre-start",         "post-start",   "pre-stop",
    "post-stop", "nice",          "oom-score-adj", "capabilities", "no-new-privileges", "log-max-size", "log-max-files",
    "replicas",  "schedule",      "listen",        "ionice",       "cpu-affinity"};

}  // namespace cinit::config
