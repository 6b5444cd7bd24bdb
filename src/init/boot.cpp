#include "init/boot.hpp"

#include "base/exit_code.hpp"
#include "base/line.hpp"
#include "config/load.hpp"
#include "config/sources.hpp"
#include "init/environment.hpp"
#include "init/init.hpp"
#include "init/launcher.hpp"
#include "os/file.hpp"
#include "os/stderr.hpp"

namespace cinit::init {
namespace {

void say(std::string_view message) {
  const std::string line = "cinit: " + std::string(message) + "\n";
  os::Stderr().write_line(line.data(), line.size());
}

int nothing_to_run(const config::Sources& sources) {
  std::string places;
  for (const std::string& place : sources.searched) places += (places.empty() ? "" : " and ") + place;
  say("nothing to run: there is no command, and no service in " + places + "; \"cinit --help\" shows how it is used");
  return exit_code::kUsage;
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

int run(const config::Config& config, const core::Plan& plan, const Surroundings& surroundings) {
  log::Log log(config.container.log_level, config.container.log_format);
  Launcher launcher(plan, config, surroundings);
  Result<Init> init = Init::make(plan, launcher, log);
  if (!init) {
    say("cannot run as an init: " + init.error().message +
        " (for want of descriptors: docker run --ulimit nofile=1024)");
    return exit_code::kBootFailed;
  }
  return init->run();
}

}  // namespace

int boot(const BootRequest& request) {
  os::open_standard_descriptors();
  Surroundings surroundings;
  surroundings.environment = read_environment(request.environment);
  surroundings.inherited_fds = os::take_inherited_descriptors();
  surroundings.null = os::open_null();

  const config::Sources sources =
      request.config_file ? config::read_named_source(request.config_file) : config::read_default_sources();
  const config::Loaded loaded = load(sources, request, surroundings.environment);
  for (const config::Problem& problem : loaded.problems) say(to_string(problem));
  if (has_errors(loaded.problems)) return exit_code::kConfig;

  const auto planned = core::make_plan(loaded.config, request.main_command);
  if (const auto* cycle = std::get_if<core::DependencyCycle>(&planned)) {
    say(to_string(cycle->to_problem()));
    return exit_code::kConfig;
  }
  const core::Plan& plan = *std::get_if<core::Plan>(&planned);
  if (plan.services.empty()) return nothing_to_run(sources);
  return run(loaded.config, plan, surroundings);
}

}  // namespace cinit::init
