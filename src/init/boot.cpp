#include "init/boot.hpp"

#include <errno.h>
#include <string.h>

#include "base/exit_code.hpp"
#include "base/line.hpp"
#include "base/utf8.hpp"
#include "config/load.hpp"
#include "config/sources.hpp"
#include "control/socket_place.hpp"
#include "init/apply_sysctl.hpp"
#include "init/emergency_stop.hpp"
#include "init/environment.hpp"
#include "init/init.hpp"
#include "init/launcher.hpp"
#include "init/look_until_certain.hpp"
#include "init/startup_files.hpp"
#include "init/termination_log.hpp"
#include "os/file.hpp"
#include "os/line_writer.hpp"
#include "os/memory_reserve.hpp"
#include "os/unix_stream.hpp"
#include "servicedir/service_trees.hpp"

namespace cinit::init {
namespace {

void say(const BootRequest& request, std::string_view message) {
  const std::string line = std::string(request.personality.line_prefix).append(printable(message)).append("\n");
  os::LineWriter(2).write_line(line.data(), line.size());
}

// The boot ends before anything has been started.
int give_up(const BootRequest& request, int code, const std::string& reason) {
  say(request, reason);
  write_termination_log(reason);
  return code;
}

std::string join(const std::vector<std::string>& places) {
  std::string text;
  for (const std::string& place : places) text += (text.empty() ? "" : ", ") + place;
  return text;
}

int nothing_to_run(const BootRequest& request, const config::Sources& sources, const config::Config& config) {
  std::vector<std::string> services = sources.searched;
  std::vector<std::string> hooks = config.hooks.directories;
  const std::vector<std::string>& directories = config.container.service_directories;
  services.insert(services.end(), directories.begin(), directories.end());
  hooks.emplace_back(kRcLocal);
  return give_up(request, exit_code::kUsage,
                 "nothing to run: there is no command, no service in " + join(services) + ", and no hook in " +
                     join(hooks) + "; \"cinit --help\" shows how it is used");
}

// The configuration with what the command line changes about it.
config::Loaded load(const config::Sources& sources, const BootRequest& request, const config::Variables& environment) {
  if (request.personality.config) return {*request.personality.config, {}};
  const config::Lookup lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = environment.find(std::string(name));
    return found == environment.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
  config::Loaded loaded =
      config::load(sources.files, lookup, config::Undefined::Error, servicedir::find_service_directory);
  loaded.problems.insert(loaded.problems.begin(), sources.problems.begin(), sources.problems.end());
  if (request.no_services) loaded.config.services.clear();
  if (request.stop_timeout) loaded.config.container.stop_timeout = request.stop_timeout;
  return loaded;
}

int wrong_configuration(const BootRequest& request, const std::vector<config::Problem>& problems) {
  std::string all;
  for (const config::Problem& problem : problems) {
    say(request, to_string(problem));
    all += (all.empty() ? "" : "\n") + to_string(problem);
  }
  write_termination_log(all);
  return exit_code::kConfig;
}

// An image has an init of its own, or it has none: an error of looking is neither.
std::unique_ptr<Image> find_image(FindImage find, const config::Variables& environment,
                                  servicedir::Problems& problems) {
  const auto look = [&] {
    problems.clear();
    std::unique_ptr<Image> found = find(environment, problems);
    if (found) problems.clear();
    return found;
  };
  return look_until_certain(look, [&](const std::unique_ptr<Image>&) { return !problems.empty(); });
}

// What /etc/container_environment says.
void import_environment(Inherited& inherited) {
  const Result<bool> imported = inherited.directory.import(inherited.environment);
  if (!imported) inherited.environment_error = imported.error();
  if (imported && *imported) inherited.directory.dump(inherited.environment);
}

// What the container gave us, with descriptors and environment put in order. `problems`: what could not be looked at.
Inherited take_inherited(const BootRequest& request, servicedir::Problems& problems) {
  os::open_standard_descriptors();
  Inherited inherited;
  inherited.environment = read_environment(request.environment);
  inherited.descriptors = os::take_inherited_descriptors();
  inherited.null = os::open_null();
  if (request.personality.imports_environment) import_environment(inherited);
  const bool runs_command_alone = request.no_services && request.skip_startup_files;
  if (request.personality.find_image && !runs_command_alone) {
    auto image = find_image(request.personality.find_image, inherited.environment, problems);
    if (image) inherited.image = std::move(image);
  }
  inherited.image->change_environment(inherited.environment);
  return inherited;
}

void warn_of_hooks(log::Log& log, const std::string& warning) {
  log.write({config::LogLevel::Warning, "", "hook", warning});
}

config::Sources read_sources(const BootRequest& request) {
  if (request.personality.config) return {};
  const auto look = [&] {
    return request.config_file ? config::read_named_source(request.config_file) : config::read_default_sources();
  };
  return look_until_certain(look, [](const config::Sources& found) { return config::may_pass(found.problems); });
}

// Finds the programs that the image wants to have run, and notes what is odd about them.
class ProgramFinder {
 public:
  ProgramFinder(const BootRequest& request, const Image& image, std::vector<std::string>& warnings)
      : request_(request), image_(image), warnings_(warnings) {}

  // Fails when programs could not be looked for, for a reason that may pass.
  Result<core::Commands> find(const config::Hooks& hooks) {
    warnings_.clear();
    error_.reset();
    core::Commands commands;
    commands.main_command = request_.main_command;
    const std::vector<std::string>& first = request_.personality.first_programs;
    commands.startup.assign(first.begin(), first.end());
    if (!request_.skip_startup_files) take(commands.startup, find_startup_files(hooks.directories));
    if (!request_.skip_startup_files) note(image_.add_to(commands));
    if (runs_shutdown_scripts()) {
      take(commands.pre_stop, find_programs(kPreShutdownDirectory));
      take(commands.post_stop, find_programs(kPostShutdownDirectory));
    }
    if (error_) return *error_;
    return commands;
  }

 private:
  bool runs_shutdown_scripts() const {
    switch (request_.personality.shutdown_scripts) {
      case ShutdownScripts::WithServicesAndHooks: return !request_.no_services && !request_.skip_startup_files;
      case ShutdownScripts::WithServices: return !request_.no_services;
      case ShutdownScripts::Never: return false;
    }
    return false;
  }

  void take(std::vector<core::Program>& programs, const Result<StartupFiles>& found) {
    if (!found) return note(found.error());
    programs.insert(programs.end(), found->programs.begin(), found->programs.end());
    warnings_.insert(warnings_.end(), found->warnings.begin(), found->warnings.end());
  }

  void note(std::optional<Error> error) {
    if (error && !error_) error_ = std::move(error);
  }

  const BootRequest& request_;
  const Image& image_;
  std::vector<std::string>& warnings_;
  std::optional<Error> error_;
};

// A hook that was passed over for an error of looking might have been the one that makes the data safe: as long as it
// is not known what is to be run, nothing is.
Result<core::Commands> find_programs_for_certain(ProgramFinder finder, const config::Hooks& hooks) {
  return look_until_certain([&] { return finder.find(hooks); },
                            [](const Result<core::Commands>& found) { return !found; });
}

// Adds the services of service directories to `loaded`.
void add_directories(const servicedir::ServiceTrees& trees, config::Loaded& loaded) {
  const config::Loaded without = loaded;
  const auto look = [&] {
    config::Loaded with = without;
    trees.add_to(with);
    return with;
  };
  loaded = look_until_certain(look, [](const config::Loaded& found) { return config::may_pass(found.problems); });
}

// What the personality changes about the plan.
void take_personality(const Personality& personality, core::Plan& plan) {
  plan.rules = personality.rules;
  plan.is_kept_open = plan.is_kept_open || personality.keeps_container;
  if (!personality.process_timeout) return;
  for (core::PlannedService& service : plan.services) {
    if (service.role != core::Role::Service) service.spec.stop_timeout = personality.process_timeout;
  }
}

std::string cannot_run(const Error& error) {
  std::string line = "cannot run as an init: " + error.message;
  if (error.code == EMFILE || error.code == ENFILE) {
    line += " (for want of descriptors: docker run --ulimit nofile=1024)";
  } else if (error.code == ENOSYS || error.code == EPERM) {
    line +=
        " (the kernel is too old, or a filter of system calls is in the way: docker run --security-opt seccomp=FILE)";
  }
  return line;
}

// Each service directory costs cinit a handful of descriptors, and its processes are not to notice.
void make_room_for_directories(Inherited& inherited) { inherited.descriptor_limit = os::raise_descriptor_limit(); }

// Where a cinit answers that runs in this container already. Hooks and services started a second time beside it would
// be in each other's way; a user who asks for that has most likely mistyped a command for the first.
std::optional<std::string> find_another(const config::Container& container) {
  if (os::sys::getpid() == 1) return std::nullopt;
  for (const control::SocketPlace& place : control::places_for_client(container.control_socket)) {
    const std::optional<os::UnixAddress> address = os::UnixAddress::of(place.address);
    ucred peer{};
    if (address && os::try_connect(*address, &peer) == 0 && control::is_cinit_or_root(peer)) return place.address;
  }
  return std::nullopt;
}

bool starts_more_than_a_command(const core::Plan& plan) { return plan.services.size() > (plan.main_command ? 1U : 0U); }

int refuse_to_be_second(const BootRequest& request, const std::string& socket) {
  const std::string word = request.main_command.empty() ? "" : request.main_command.front();
  const std::string what =
      word.empty() ? "" : "\"" + word + "\" is none of its commands, which \"cinit --help\" names; ";
  say(request,
      "a cinit runs here already, and answers at " + socket + ": " + what +
          "to run something beside it, without the services and hooks: cinit --no-services --skip-startup-files -- "
          "COMMAND");
  return exit_code::kUsage;
}

// What the container is made of, once nothing is wrong with it.
struct RunParts {
  const BootRequest& request;
  const config::Config& config;
  core::Plan& plan;
  const servicedir::ServiceTrees& trees;
  std::span<const config::Problem> told_problems = {};
};

std::string upstream_of(const Inherited& inherited) {
  const auto found = inherited.environment.find("NOTIFY_SOCKET");
  return found == inherited.environment.end() ? "" : found->second;
}

// Where cinit itself writes to.
struct Output {
  os::LineWriter& err;
  log::Log& log;
};

// How a container has ended.
struct End {
  int code = exit_code::kOk;
  bool by_signal = false;  // somebody has asked for it
};

End run(const RunParts& parts, Inherited& inherited, Output output) {
  const config::Config& config = parts.config;
  core::Plan& plan = parts.plan;
  Result<LoopParts> loop = LoopParts::make();
  if (!loop) return {give_up(parts.request, exit_code::kBootFailed, cannot_run(loop.error()))};
  // Lines for the same file go through one writer.
  std::optional<os::LineWriter> own_out;
  os::LineWriter& out = os::is_same_file(1, 2) ? output.err : own_out.emplace(1);
  Listener listener(plan, config, loop->poller, loop->discarder, {out, output.err, upstream_of(inherited)}, output.log);
  Launcher launcher(plan, config, inherited, listener);
  Init init(plan, {*loop, launcher, listener, output.log, parts.trees, config.container,
                   parts.request.personality.words, parts.told_problems});
  init.listen(config.container.control_socket);
  const int code = init.run();
  return {code, init.is_stopped_by_signal()};
}

// The program by which an image chooses its services has ended before these are read. Returns the exit code of a
// container that is over with it; std::nullopt if the boot goes on.
std::optional<int> run_early_program(const BootRequest& request, const config::Container& container,
                                     const core::Program& program, Inherited& inherited, Output output) {
  config::Config config;
  config.container = container;
  core::Commands commands;
  commands.startup = {program};
  auto planned = core::make_plan(config, commands);
  core::Plan& plan = *std::get_if<core::Plan>(&planned);
  plan.rules.sweeps = false;
  plan.rules.container_goes_on = true;
  const End end = run({request, config, plan, {}}, inherited, output);
  if (end.by_signal) return request.main_command.empty() ? exit_code::kOk : exit_code::kTerminated;
  return end.code == exit_code::kOk ? std::nullopt : std::optional(end.code);
}

// Returns whether they could be set as they must be.
bool set_kernel_parameters(const BootRequest& request, const config::Sysctl& sysctl, log::Log& log) {
  const std::string failures = apply_sysctl(sysctl, log);
  if (failures.empty()) return true;
  constexpr char kWhy[] = "a kernel parameter could not be set, and [sysctl] policy is \"strict\"";
  say(request, kWhy);
  write_termination_log(failures + kWhy);
  return false;
}

// What scripts of the image take for granted, and the first of them. Returns the exit code of a container that is over
// with that; std::nullopt if the boot goes on.
std::optional<int> begin_image(const BootRequest& request, const config::Container& container, Inherited& inherited,
                               Output output) {
  Image& image = *inherited.image;
  if (image.must_be_alone()) {
    if (const auto socket = find_another(container)) return refuse_to_be_second(request, *socket);
  }
  for (const std::string& complaint : image.prepare(inherited.environment)) warn_of_hooks(output.log, complaint);
  const std::optional<core::Program> early = image.early_program();
  if (request.skip_startup_files || !early) return std::nullopt;
  return run_early_program(request, container, *early, inherited, output);
}

// What a script of the image has chosen, when the container ends because a script wanted that, or without a failure.
int exit_code_of(const End& end, const Image& image) {
  if (end.code != exit_code::kOk && !end.by_signal) return end.code;
  return image.exit_code().value_or(end.code);
}

}  // namespace

int boot(const BootRequest& request) {
  servicedir::Problems unseen;
  Inherited inherited = take_inherited(request, unseen);
  if (!unseen.empty()) return wrong_configuration(request, unseen);
  if (!inherited.null) {
    return give_up(request, exit_code::kBootFailed,
                   cannot_run({std::string("/dev/null cannot be opened: ") + strerror(inherited.null.error()),
                               inherited.null.error()}));
  }
  const config::Sources sources = read_sources(request);
  config::Loaded loaded = load(sources, request, inherited.environment);
  if (has_errors(loaded.problems)) return wrong_configuration(request, loaded.problems);
  config::Container& container = loaded.config.container;
  set_emergency_budget(container.stop_timeout.value_or(config::kDefaultStopTimeout));
  os::MemoryReserve::install(emergency_stop);
  os::LineWriter err(2);
  err.tell_if_lost(
      "cinit: no more lines come here: this terminal cannot be opened anew (/proc, its owner), and cinit writes to "
      "none "
      "that might keep it waiting\n");
  inherited.image->apply_settings(container);
  log::Log log(container.log_level, container.log_format, err, request.personality.line_prefix);
  if (const auto code = begin_image(request, container, inherited, {err, log})) return *code;

  servicedir::ServiceTrees trees =
      request.no_services ? servicedir::ServiceTrees() : inherited.image->find_trees(container);
  trees.are_awaited = request.personality.keeps_container;
  add_directories(trees, loaded);
  if (has_errors(loaded.problems)) return wrong_configuration(request, loaded.problems);
  for (const config::Problem& problem : loaded.problems) say(request, to_string(problem));
  const config::Config& config = loaded.config;
  std::vector<std::string> warnings;
  const Result<core::Commands> commands =
      find_programs_for_certain(ProgramFinder(request, *inherited.image, warnings), config.hooks);
  if (!commands) {
    return give_up(request, exit_code::kBootFailed,
                   "what is to be run cannot be looked at: " + commands.error().message);
  }
  auto planned = core::make_plan(config, *commands);
  if (const auto* cycle = std::get_if<core::DependencyCycle>(&planned)) {
    return give_up(request, exit_code::kConfig, to_string(cycle->to_problem()));
  }
  core::Plan& plan = *std::get_if<core::Plan>(&planned);
  take_personality(request.personality, plan);
  inherited.image->apply_settings(plan.rules);
  if (plan.services.empty() && !plan.is_kept_open) return nothing_to_run(request, sources, config);
  if (starts_more_than_a_command(plan)) {
    if (const auto socket = find_another(container)) return refuse_to_be_second(request, *socket);
  }

  // A hook may make one.
  if (!trees.readable().empty() || !plan.boot_hooks.empty()) make_room_for_directories(inherited);
  for (const std::string& warning : warnings) warn_of_hooks(log, warning);
  for (const std::string& file : inherited.directory.left_out()) warn_of_hooks(log, file);
  if (!set_kernel_parameters(request, config.sysctl, log)) return exit_code::kBootFailed;
  return exit_code_of(run({request, config, plan, trees, loaded.problems}, inherited, {err, log}), *inherited.image);
}

}  // namespace cinit::init
