#include "init/rehearsal.hpp"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "init/apply_sysctl.hpp"
#include "init/env_files.hpp"
#include "init/environment.hpp"
#include "init/launch_setup.hpp"
#include "init/startup_files.hpp"
#include "os/accounts.hpp"
#include "os/exec_rehearsal.hpp"
#include "os/file.hpp"
#include "os/spawn.hpp"
#include "os/syscall.hpp"

namespace cinit::init {
namespace {

using config::Location;
using config::Service;
using Failed = LaunchSetup::Failed;

Result<config::Variables> read_env_files(EnvFiles files) {
  while (files.is_waiting()) {
    pollfd poll{files.fd(), POLLIN, 0};
    constexpr timespec kMost{1, 0};
    os::sys::ppoll(&poll, 1, &kMost);
    files.go_on();
  }
  return files.take();
}

// One process: everything up to its exec.
class Attempt {
 public:
  Attempt(const Service& spec, const config::Config& config, const Inherited& inherited)
      : planned_(core::plan_alone(spec, config.container)), setup_(planned_, config, inherited) {}

  // Where the start would fail.
  Failed make() {
    if (Failed failed = setup_.identify()) return failed;
    return try_exec();
  }
  Failed read_files() {
    if (Failed failed = setup_.identify()) return failed;
    return setup_.take_env_files(read_env_files({setup_.env_files(), setup_.user()}));
  }

 private:
  Failed try_exec() {
    const Result<config::Variables> files = read_env_files({setup_.env_files(), setup_.user()});
    setup_.take_env_files(files ? *files : config::Variables{});
    if (Failed failed = setup_.prepare()) return failed;
    os::ChildSetup child = setup_.child();
    child.exec = os::rehearse_exec;
    const os::SpawnResult result = os::spawn(child);
    if (result.pid == 0) return setup_.explain(result);
    siginfo_t ended;
    while (os::sys::waitid(P_PID, static_cast<id_t>(result.pid), &ended, WEXITED) == -EINTR) {
    }
    return std::nullopt;
  }

  core::PlannedService planned_;
  LaunchSetup setup_;
};

class Rehearsal {
 public:
  Rehearsal(config::Loaded& loaded, const Inherited& inherited, const WrittenKeys& keys)
      : loaded_(loaded), inherited_(inherited), keys_(keys) {}

  void service(const Service& service);
  void programs(const Result<StartupFiles>& found);
  void hooks(std::string_view key, const std::vector<config::Command>& commands);
  void kernel_parameters();

 private:
  // How messages about a service begin, and where they point.
  void warn(const Service& service, std::string_view key, const std::string& message);
  void warn(Location where, std::string message) {
    loaded_.problems.push_back({config::Severity::Warning, std::move(where), std::move(message)});
  }
  bool is_runnable(const Service& service);
  void settle(const Service& service, Service& spec, std::string_view key);
  void command(const Service& service, Service& spec, std::string_view key, const config::Command& command);
  void commands(const Service& service, Service& spec);
  void probes(const Service& service, Service& spec);
  void output(const Service& service, std::string_view key, const config::Output& output);

  config::Loaded& loaded_;
  const Inherited& inherited_;
  const WrittenKeys& keys_;
};

// Only a table has a line; what a service directory says is known by its place.
bool is_of_table(const Service& service) { return service.where.line != 0; }

void Rehearsal::warn(const Service& service, std::string_view key, const std::string& message) {
  const std::string title = is_of_table(service) ? "[service." + service.name + "] " : "";
  const std::string run = service.directory ? service.directory->path + "/run" : "";
  const Location where = run.empty() ? keys_.of_service(service, key) : Location{run, 0, 0};
  warn(where, title + (run.empty() ? std::string(key) + ": " : "") + message);
}

// It holds a reference whose variable is not known yet, about which there is a warning: nothing can be said about the
// value.
bool is_open(const std::string& text) { return text.find("${") != std::string::npos; }

template <class T>
void forget_open(std::optional<T>& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    if (value && is_open(*value)) value.reset();
  } else {
    if (value && std::any_of(value->begin(), value->end(), is_open)) value.reset();
  }
}

// Without what only the running container decides, and what would leave something behind.
Service without_surroundings(const Service& service) {
  Service spec = service;
  spec.limits.clear();
  spec.nice.reset();
  spec.oom_score_adj.reset();
  spec.capabilities.reset();
  spec.no_new_privileges.reset();
  spec.output = spec.error = {};
  forget_open(spec.user);
  forget_open(spec.group);
  forget_open(spec.groups);
  forget_open(spec.working_dir);
  if (spec.env_file && is_open(spec.env_file->path)) spec.env_file.reset();
  return spec;
}

// The boot makes files of s6 executable.
bool Rehearsal::is_runnable(const Service& service) {
  if (!service.directory) return true;
  const bool is_s6 = service.directory->suite == config::ServiceDirectory::Suite::S6;
  const std::string run = service.directory->path + "/run";
  const int error = static_cast<int>(-os::sys::faccess(run.c_str(), is_s6 ? F_OK : X_OK));
  if (error != 0) {
    const char* const why = error == ENOENT   ? "there is no such file"
                            : error == EACCES ? "is not executable (chmod +x)"
                                              : strerror(error);
    warn({run, 0, 0}, why);
  }
  return error == 0 && !is_s6;
}

// The key that a failure is about, whose value is then taken out of `spec`. Empty: it is none of these.
std::string_view take_cause(const Failed& failed, Service& spec) {
  if (failed->stage == StartStage::WorkingDir) {
    spec.working_dir = "/";
    return "working-dir";
  }
  const bool is_of_group = spec.group && !os::find_group(*spec.group);
  const bool is_of_user = spec.user && (failed->stage != StartStage::Prepare || !os::find_user(*spec.user));
  const std::string_view key = is_of_user ? "user" : is_of_group || (spec.group && !spec.groups) ? "group" : "groups";
  if (!spec.user && !spec.group && !spec.groups) return {};
  spec.user.reset();
  spec.group.reset();
  spec.groups.reset();
  return key;
}

// The command `key` of the service is what `spec` has. What is not about the program is told once.
void Rehearsal::settle(const Service& service, Service& spec, std::string_view key) {
  while (const Failed failed = Attempt(spec, loaded_.config, inherited_).make()) {
    const std::string_view cause = failed->stage == StartStage::Exec ? std::string_view() : take_cause(failed, spec);
    warn(service, cause.empty() ? key : cause, failed->detail);
    if (cause.empty()) return;
  }
}

void Rehearsal::command(const Service& service, Service& spec, std::string_view key, const config::Command& command) {
  if (command.empty() || is_open(command.front())) return;
  spec.command = command;
  settle(service, spec, key);
}

void Rehearsal::commands(const Service& service, Service& spec) {
  command(service, spec, "command", service.command);
  for (const auto& each : service.pre_start) command(service, spec, "pre-start", each);
  for (const auto& each : service.post_start) command(service, spec, "post-start", each);
  for (const auto& each : service.pre_stop) command(service, spec, "pre-stop", each);
  for (const auto& each : service.post_stop) command(service, spec, "post-stop", each);
  if (service.stop_command) command(service, spec, "stop-command", *service.stop_command);
}

const config::ExecProbe* exec_of(const config::Probe* probe) {
  return probe == nullptr ? nullptr : std::get_if<config::ExecProbe>(probe);
}

void Rehearsal::probes(const Service& service, Service& spec) {
  if (service.ready) {
    if (const auto* exec = exec_of(std::get_if<config::Probe>(&service.ready->when)))
      command(service, spec, "ready", exec->command);
  }
  if (service.health) {
    if (const auto* exec = exec_of(std::get_if<config::Probe>(&service.health->check)))
      command(service, spec, "health", exec->command);
  }
}

void Rehearsal::output(const Service& service, std::string_view key, const config::Output& output) {
  if (output.kind != config::Output::Kind::File || is_open(output.path)) return;
  int error = static_cast<int>(-os::sys::faccess(output.path.c_str(), W_OK));
  const std::string directory = output.path.substr(0, std::max<std::size_t>(output.path.rfind('/'), 1));
  const bool is_missing = error == ENOENT;
  if (is_missing) error = static_cast<int>(-os::sys::faccess(directory.c_str(), W_OK));
  if (error == 0) return;
  warn(service, key,
       "cannot open " + output.path + " for its output: " + (is_missing ? directory + ": " : "") + strerror(error));
}

void Rehearsal::service(const Service& service) {
  if (!is_runnable(service)) return;
  Service spec = without_surroundings(service);
  if (const Failed failed = Attempt(spec, loaded_.config, inherited_).read_files();
      failed && failed->detail.starts_with("env-file"))
    warn(service, "env-file", failed->detail.substr(std::string_view("env-file ").size()));
  output(service, "stdout", service.output);
  output(service, "stderr", service.error);
  // What is in finish and the like of a service directory may be missing.
  if (service.directory) return command(service, spec, "command", service.command);
  commands(service, spec);
  probes(service, spec);
}

void Rehearsal::programs(const Result<StartupFiles>& found) {
  if (!found) return warn({"hooks", 0, 0}, found.error().message);
  for (const std::string& warning : found->warnings) warn({"hooks", 0, 0}, warning);
  for (const std::string& program : found->programs) {
    Service spec;
    spec.command = {program};
    if (const Failed failed = Attempt(spec, loaded_.config, inherited_).make())
      warn({program, 0, 0}, "cannot be run: " + failed->detail);
  }
}

void Rehearsal::hooks(std::string_view key, const std::vector<config::Command>& commands) {
  for (const config::Command& command : commands) {
    if (is_open(command.front())) continue;
    Service spec;
    spec.command = command;
    if (const Failed failed = Attempt(spec, loaded_.config, inherited_).make())
      warn(keys_.of_table("hooks", key), "[hooks] " + std::string(key) + ": " + failed->detail);
  }
}

void Rehearsal::kernel_parameters() {
  const Location set = keys_.of_table("sysctl", "set");
  for (const auto& [where, message] : find_sysctl_problems(loaded_.config.sysctl, to_string(set)))
    warn({where, 0, 0}, message);
}

}  // namespace

void rehearse(config::Loaded& loaded, const Image& image, const WrittenKeys& keys) {
  Inherited inherited;
  inherited.environment = read_environment(environ);
  inherited.null = os::open_null();
  image.change_environment(inherited.environment);
  Rehearsal rehearsal(loaded, inherited, keys);
  const config::Hooks& hooks = loaded.config.hooks;
  rehearsal.programs(find_startup_files(hooks.directories));
  rehearsal.programs(find_programs(kPreShutdownDirectory));
  rehearsal.programs(find_programs(kPostShutdownDirectory));
  rehearsal.hooks("pre-start", hooks.pre_start);
  rehearsal.hooks("post-start", hooks.post_start);
  rehearsal.hooks("pre-stop", hooks.pre_stop);
  rehearsal.hooks("post-stop", hooks.post_stop);
  for (const Service& service : loaded.config.services) rehearsal.service(service);
  rehearsal.kernel_parameters();
}

}  // namespace cinit::init
