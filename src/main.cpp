// cinit: PID 1 of a container.
#include <unistd.h>

#include <algorithm>
#include <string>

#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "config/config.hpp"
#include "config/sources.hpp"
#include "dropin/dropin.hpp"
#include "init/boot.hpp"
#include "init/container_environment.hpp"
#include "init/s6_overlay.hpp"
#include "init/startup_files.hpp"
#include "init/termination_log.hpp"
#include "my_init/my_init.hpp"
#include "os/relro.hpp"
#include "os/signals.hpp"
#include "os/tracing.hpp"
#include "runsvdir/runsvdir.hpp"
#include "solo/image.hpp"
#include "solo/reporter.hpp"
#include "solo/solo.hpp"
#include "sysctl/sources.hpp"

namespace {

namespace cli = cinit::cli;

using cinit::solo::Place;

// Where an image may say that there is more to do than to run a command, beside init::kS6Places. Contents count, not names: many
// images have a sysctl.conf with nothing but comments, and directories that nothing was put into.
constexpr Place kPlaces[] = {{cinit::config::kConfigFile},
                             {cinit::config::kConfigDirectory, Place::Kind::Directory},
                             {cinit::config::kServiceDirectory, Place::Kind::Directory},
                             {cinit::config::kHookDirectory, Place::Kind::Directory},
                             {cinit::init::kRcLocal},
                             {cinit::init::kPreShutdownDirectory, Place::Kind::Directory},
                             {cinit::init::kPostShutdownDirectory, Place::Kind::Directory},
                             {cinit::init::kEnvironmentDirectory, Place::Kind::Directory},
                             {cinit::sysctl::kSysctlConf, Place::Kind::Lines}};

// An image without configuration pays for none of it: no parser, no logger, no supervisor.
bool has_configuration(const cli::Options& options) {
  return options.config_file || std::ranges::any_of(kPlaces, cinit::solo::says_something) ||
         std::ranges::any_of(cinit::init::kS6Places, [](const char* path) {
           return cinit::solo::says_something({path, Place::Kind::Directory});
         });
}

int run_alone(const cli::Options& options) {
  cinit::solo::OwnReporter reporter;
  cinit::solo::Command command;
  command.reporter = &reporter;
  command.argv = options.main_command;
  command.envp = environ;
  command.stop_timeout = options.stop_timeout.value_or(cinit::config::kDefaultStopTimeout);
  command.stop_timeout_chosen = options.stop_timeout.has_value();
  command.retreat.closes_descriptors = true;
  return cinit::solo::run(command);
}

int run_container(const cli::Options& options) {
  cinit::init::BootRequest request;
  request.config_file = options.config_file;
  request.stop_timeout = options.stop_timeout;
  request.no_services = options.no_services;
  request.skip_startup_files = options.skip_startup_files;
  request.environment = environ;
  for (char** word = options.main_command; word && *word; ++word) request.main_command.emplace_back(*word);
  return cinit::init::boot(request);
}

void prepare() {
  cinit::os::block_signals();
  cinit::os::reset_ignored_signals();
  cinit::os::refuse_tracing_without_root();
}

// `docker exec CONTAINER cinit statsu`.
bool is_mistyped(const cli::Options& options) {
  const bool is_alone = options.no_services && options.skip_startup_files;
  return options.main_command && !options.after_dashes && !is_alone && cli::is_beside_cinit();
}

int run(const cli::Options& options) {
  if (is_mistyped(options)) return cli::refuse_word(*options.main_command);
  // Everything else that runs a container would run the machine's services and set its kernel parameters.
  if (options.main_command && !options.after_dashes && getpid() != 1 && !cli::may_be_container()) {
    return cli::refuse_without_dashes(*options.main_command);
  }
  prepare();
  if (options.main_command && !has_configuration(options)) return run_alone(options);
  return run_container(options);
}

template <cinit::dropin::Run program>
int run_prepared(char** argv, char** envp) {
  prepare();
  return program(argv, envp);
}

}  // namespace

int main(int, char** argv) {
  cinit::os::protect_relocated();
  if (const auto choice = cinit::dropin::choose(argv)) {
    return cinit::dropin::run(*choice, environ,
                              {run_prepared<cinit::my_init::run>, run_prepared<cinit::runsvdir::run>});
  }
  cli::ParsedOptions parsed = cli::parse_options(argv);
  if (parsed.mistake) {
    // Not for a command in a container that runs.
    if (getpid() == 1) cinit::init::write_termination_log(std::string(parsed.mistake->text()));
    return cli::usage_error(*parsed.mistake);
  }
  const cli::Options& options = parsed.options;
  switch (options.action) {
    case cli::Action::Run: return run(options);
    case cli::Action::Check: return cli::check(options);
    case cli::Action::Show: return cli::show(options);
    case cli::Action::Help: return cli::help(options);
    case cli::Action::Version: return cli::version();
    case cli::Action::Ask: return cli::ask(options, has_configuration);
  }
  return 0;
}
