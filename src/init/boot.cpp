#include "init/boot.hpp"

#include "base/exit_code.hpp"
#include "base/line.hpp"
#include "config/load.hpp"
#include "config/sources.hpp"
#include "init/apply_sysctl.hpp"
#include "init/environment.hpp"
#include "init/init.hpp"
#include "init/launcher.hpp"
#include "init/startup_files.hpp"
#include "init/termination_log.hpp"
#include "os/file.hpp"
#include "os/line_writer.hpp"
#include "os/unix_stream.hpp"

namespace cinit::init {
namespace {

void say(std::string_view message) {
  const std::string line = "cinit: " + std::string(message) + "\n";
  os::LineWriter(2).write_line(line.data(), line.size());
}

// The boot ends before anything has been started.
int give_up(int code, const std::string& reason) {
  say(reason);
  write_termination_log(reason);
  return code;
}

int nothing_to_run(const config::Sources& sources, const config::Hooks& hooks) {
  std::string places;
  for (const std::string& place : sources.searched) places += (places.empty() ? "" : ", ") + place;
  std::string files;
  for (const std::string& directory : hooks.directories) files += directory + ", ";
  return give_up(exit_code::kUsage, "nothing to run: there is no command, no service in " + places +
                                        ", and no hook in " + files +
                                        "/etc/rc.local; \"cinit --help\" shows how it is used");
}

// The configuration with what the command line changes about it.
config::Loaded load(const config::Sources& sources, const BootRequest& request, const config::Variables& environment) {
  const config::Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = environment.find(std::string(name));
    return found == environment.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
  config::Loaded loaded = config::load(sources.files, lookup, config::Undefined::Error);
  loaded.problems.insert(loaded.problems.begin(), sources.problems.begin(), sources.problems.end());
  if (request.no_services) loaded.config.services.clear();
  if (request.stop_timeout) loaded.config.container.stop_timeout = request.stop_timeout;
  return loaded;
}

int wrong_configuration(const std::vector<config::Problem>& problems) {
  std::string all;
  for (const config::Problem& problem : problems) all += (all.empty() ? "" : "\n") + to_string(problem);
  write_termination_log(all);
  return exit_code::kConfig;
}

// What the container gave us, with descriptors and environment put in order.
Surroundings take_surroundings(char* const* environment) {
  os::open_standard_descriptors();
  Surroundings surroundings;
  surroundings.environment = read_environment(environment);
  surroundings.inherited_fds = os::take_inherited_descriptors();
  surroundings.null = os::open_null();
  if (surroundings.directory.exists()) {
    surroundings.directory.import(surroundings.environment);
    surroundings.directory.dump(surroundings.environment);
  }
  return surroundings;
}

StartupFiles startup_files(const BootRequest& request, const config::Hooks& hooks) {
  return request.skip_startup_files ? StartupFiles() : find_startup_files(hooks.directories);
}

std::string no_descriptors(const std::string& reason) {
  return "cannot run as an init: " + reason + " (for want of descriptors: docker run --ulimit nofile=1024)";
}

// Whether a cinit runs in this container already. Hooks and services started a second time beside it would be in each other's
// way; whoever asks for that has most likely mistyped a command for the first.
bool another_runs(const config::Container& container) {
  if (os::sys::getpid() == 1) return false;
  const std::optional<os::UnixAddress> address = os::UnixAddress::of(container.control_socket);
  return address && os::try_connect(*address) == 0;
}

bool starts_more_than_a_command(const core::Plan& plan) { return plan.services.size() > (plan.main_command ? 1U : 0U); }

int refuse_to_be_second(const BootRequest& request, const std::string& socket) {
  const std::string word = request.main_command.empty() ? "" : request.main_command.front();
  const std::string what =
      word.empty() ? "" : "\"" + word + "\" is none of its commands, which \"cinit --help\" names; ";
  say("a cinit runs here already, and answers at " + socket + ": " + what +
      "to run something beside it, without the services and hooks: cinit --no-services --skip-startup-files -- "
      "COMMAND");
  return exit_code::kUsage;
}

std::string upstream_of(const Surroundings& surroundings) {
  const auto found = surroundings.environment.find("NOTIFY_SOCKET");
  return found == surroundings.environment.end() ? "" : found->second;
}

int run(const config::Config& config, const core::Plan& plan, Surroundings& surroundings, os::LineWriter& err,
        log::Log& log) {
  if (const std::string failures = apply_sysctl(config.sysctl, log); !failures.empty()) {
    constexpr char kWhy[] = "a kernel parameter could not be set, and [sysctl] policy is \"strict\"";
    say(kWhy);
    write_termination_log(failures + kWhy);
    return exit_code::kBootFailed;
  }
  Result<LoopParts> loop = LoopParts::make();
  if (!loop) return give_up(exit_code::kBootFailed, no_descriptors(loop.error().message));
  // Lines for the same file go through one writer.
  std::optional<os::LineWriter> own_out;
  os::LineWriter& out = os::is_same_file(1, 2) ? err : own_out.emplace(1);
  Listener listener(plan, config, loop->poller, {out, err, upstream_of(surroundings)}, log);
  Launcher launcher(plan, config, surroundings, listener);
  Init init(plan, {*loop, launcher, listener, log});
  init.listen(config.container.control_socket);
  return init.run();
}

}  // namespace

int boot(const BootRequest& request) {
  Surroundings surroundings = take_surroundings(request.environment);
  if (!surroundings.null) return give_up(exit_code::kBootFailed, no_descriptors("/dev/null cannot be opened"));
  const config::Sources sources =
      request.config_file ? config::read_named_source(request.config_file) : config::read_default_sources();
  const config::Loaded loaded = load(sources, request, surroundings.environment);
  for (const config::Problem& problem : loaded.problems) say(to_string(problem));
  if (has_errors(loaded.problems)) return wrong_configuration(loaded.problems);

  const config::Config& config = loaded.config;
  const StartupFiles files = startup_files(request, config.hooks);
  const auto planned = core::make_plan(config, {request.main_command, files.programs});
  if (const auto* cycle = std::get_if<core::DependencyCycle>(&planned)) {
    return give_up(exit_code::kConfig, to_string(cycle->to_problem()));
  }
  const core::Plan& plan = *std::get_if<core::Plan>(&planned);
  if (plan.services.empty()) return nothing_to_run(sources, config.hooks);
  if (starts_more_than_a_command(plan) && another_runs(config.container)) {
    return refuse_to_be_second(request, config.container.control_socket);
  }

  os::LineWriter err(2);
  log::Log log(config.container.log_level, config.container.log_format, err);
  for (const std::string& warning : files.warnings) log.write({config::LogLevel::Warning, "", "hook", warning});
  return run(config, plan, surroundings, err, log);
}

}  // namespace cinit::init
