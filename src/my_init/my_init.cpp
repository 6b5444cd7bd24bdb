#include "my_init/my_init.hpp"

#include <utility>

#include "init/boot.hpp"
#include "my_init/options.hpp"
#include "my_init/words.hpp"

namespace cinit::my_init {
namespace {

constexpr int kAborted = 2;
constexpr int kFailed = 1;

// SIGTERM to SIGKILL for the main command, then the services, then everything else; a hook of the stop has no limit but all
// of it together.
Duration whole_stop(const Options& options) {
  if (!options.process_timeout || !options.all_processes_timeout) return kForEver;
  static_assert(kForEver <= Duration::max() / 4);
  return 3 * *options.process_timeout + *options.all_processes_timeout;
}

config::Config make_config(const Options& options) {
  config::Config config;
  config.sysctl.policy = config::SysctlPolicy::Off;
  config.sysctl.files.clear();
  config.hooks.directories = options.hook_directories;
  config.container.stop_signals = {kTerminate, Signal{2}};  // and SIGINT
  config.container.stop_timeout = whole_stop(options);
  config.container.log_level = options.quiet ? config::LogLevel::Warning : config::LogLevel::Info;
  return config;
}

core::InitRules make_rules(const Options& options) {
  core::InitRules rules;
  rules.forwards_signals = false;
  rules.takes_more_stop_signals = false;
  rules.ends_main_first = true;
  rules.runs_hooks_before_sweep = true;
  rules.sweeps = options.kills_all_on_exit;
  rules.pre_stop_time = options.process_timeout.value_or(kForEver);
  rules.service_stop_timeout = options.process_timeout.value_or(kForEver);
  rules.sweep_time = options.all_processes_timeout.value_or(kForEver);
  rules.stop_signal_code = [](Signal) { return kAborted; };
  rules.failed_stop_hook_code = kFailed;
  return rules;
}

}  // namespace

int run(char** argv, char** envp) {
  const Options options = read_options(argv);
  if (options.exit_code) return *options.exit_code;

  init::Personality personality;
  personality.config = make_config(options);
  personality.rules = make_rules(options);
  if (options.enable_insecure_key) personality.first_programs = {kInsecureKey};
  personality.process_timeout = options.process_timeout;
  personality.find_image = nullptr;
  personality.keeps_container = !options.skip_runit;
  personality.shutdown_scripts = init::ShutdownScripts::WithServices;
  personality.line_prefix = "*** ";
  personality.words = make_words;

  init::BootRequest request;
  request.no_services = options.skip_runit;
  request.skip_startup_files = options.skip_startup_files;
  request.main_command = options.main_command;
  request.environment = envp;
  request.personality = std::move(personality);
  return init::boot(request);
}

}  // namespace cinit::my_init
