#include "cli/commands.hpp"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "base/exit_code.hpp"
#include "cli/client.hpp"
#include "config/load.hpp"
#include "config/quote.hpp"
#include "config/show.hpp"
#include "config/sources.hpp"
#include "control/command_table.hpp"
#include "core/plan.hpp"
#include "core/stop_estimate.hpp"
#include "init/environment.hpp"
#include "init/image.hpp"
#include "init/rehearsal.hpp"
#include "os/syscall.hpp"
#include "servicedir/fix_attrs.hpp"
#include "servicedir/service_trees.hpp"
#include "servicedir/tree.hpp"

namespace cinit::cli {
namespace {

constexpr int kWarningsAreErrors = 1;

constexpr std::string_view kUsage =
    R"(Usage: cinit [OPTION]... [--] [COMMAND [ARG]...]
       cinit check [--strict] [FILE] | show [--defaults] | help [SUBCOMMAND]
       cinit SUBCOMMAND [OPTION]... [NAME]...
       cinit --as PROGRAM [ARG]...

Runs COMMAND and the services of /etc/cinit.toml and /etc/cinit.d/*.toml as PID 1
of a container: reaps every orphan, forwards signals, and on SIGTERM stops everything
inside one time budget. Without COMMAND it runs the services alone.

  -c, --config FILE        read this file instead (CINIT_CONFIG)
  -t, --stop-timeout TIME  the budget of the whole stop, such as 30s (CINIT_STOP_TIMEOUT);
                           9s, unless the configuration says otherwise
      --no-services        start no service: COMMAND only
      --skip-startup-files run no hook of /etc/my_init.d, nor /etc/rc.local
      --as PROGRAM         behave as tini, docker-init, dumb-init, catatonit or my_init, as a
                           link to cinit with that name does; only as the first option
  -h, --help               this text
  -V, --version            the version

  check [FILE]             find every mistake in the configuration: 78. What the start of its services and
                           hooks would fail with in this image is a warning: 0; with --strict 1
  show                     print the merged configuration
  show --defaults          print every key with its default

For the cinit that runs in this container (docker exec CONTAINER cinit status); NAME is
a service, or a pattern such as "web-*". "cinit SUBCOMMAND --help" shows its options:

)";

constexpr std::string_view kUsageEnd =
    R"(
  64: usage, or there is no such NAME. 69: no cinit answers within 10 s (health: 5 s).
  75: try again. 77: permission denied: only root and cinit's
  own user may ask.

Exit code of the container: COMMAND's, or 128 + the number of the signal that ended
it. Without COMMAND 0, 137 when a service had to be killed, or that of the service that
ended the container. 127 and 126: COMMAND was not found, or cannot be run. 64: usage.
78: configuration.
)";

void print(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

config::Lookup environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = getenv(std::string(name).c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
}

config::Sources read_sources(const Options& options) {
  return options.config_file ? config::read_named_source(options.config_file) : config::read_default_sources();
}

// Everything that is wrong with the configuration, and what it says.
config::Loaded load(const config::Sources& sources, config::Undefined undefined) {
  config::Loaded loaded = config::load(sources.files, environment(), undefined, servicedir::find_service_directory);
  loaded.problems.insert(loaded.problems.begin(), sources.problems.begin(), sources.problems.end());
  return loaded;
}

void print_problems(const std::vector<config::Problem>& problems) {
  for (const config::Problem& problem : problems) print(STDERR_FILENO, to_string(problem) + "\n");
}

config::Loaded load(const Options& options, config::Undefined undefined) {
  return load(read_sources(options), undefined);
}

// Only a table has a line; what a service directory says is known by its place.
bool is_table(const config::Service& service) { return service.where.line != 0; }

void warn(config::Loaded& loaded, const std::string& path, std::string message) {
  loaded.problems.push_back({config::Severity::Warning, {path, 0, 0}, std::move(message)});
}

// Where the key is written, or else where the service is.
config::Location place_of(const config::Sources& sources, const config::Service& service, std::string_view key) {
  if (!is_table(service)) return service.where;
  config::Location where = find_key(sources.files, {"service", service.name, key});
  if (where.file.empty()) where = find_key(sources.files, {"defaults", key});
  if (where.file.empty() && (key == "working-dir" || key == "env-file"))
    where = find_key(sources.files, {"cinit", key});
  return where.file.empty() ? service.where : where;
}

// The directories that the configuration names.
void check_service_directories(config::Loaded& loaded) {
  for (const std::string& directory : loaded.config.container.service_directories) {
    if (directory == config::kServiceDirectory || servicedir::find_directory(directory)) continue;
    warn(loaded, directory, "is no directory, but one of [cinit] service-directories");
  }
}

// The place that the configuration names. Directories that are missing on the way are made at the start.
void check_control_socket(config::Loaded& loaded) {
  const std::string& socket = loaded.config.container.control_socket;
  if (socket.empty() || socket == config::Container{}.control_socket) return;
  std::string directory = socket;
  int error = ENOENT;
  while (error == ENOENT && directory.size() > 1) {
    directory.resize(std::max<std::size_t>(directory.rfind('/'), 1));
    error = static_cast<int>(-os::sys::faccess(directory.c_str(), W_OK));
  }
  if (error == 0) return;
  warn(loaded, socket,
       "[cinit] control-socket cannot be made there by uid " + std::to_string(geteuid()) + ": " + directory + ": " +
           strerror(error));
}

// As at boot, a line that cannot be understood is an error where a script that fails is one.
void check_attributes(config::Loaded& loaded, const init::Image& image) {
  const bool ends_boot = image.ends_boot_after_failure();
  for (config::Problem& problem : servicedir::read_attributes(servicedir::kFixAttrs).problems) {
    problem.severity = ends_boot ? config::Severity::Error : config::Severity::Warning;
    loaded.problems.push_back(std::move(problem));
  }
}

// What may still come true when the container starts: a hook may make the user, a volume may bring the program.
void check_surroundings(config::Loaded& loaded, const config::Sources& sources, const init::Image& image) {
  init::rehearse(loaded, image,
                 {[&](const config::Service& service, std::string_view key) { return place_of(sources, service, key); },
                  [&](std::string_view table, std::string_view key) {
                    return find_key(sources.files, {table, key});
                  }});
  check_service_directories(loaded);
  check_control_socket(loaded);
}

config::Service* find_service(config::Config& config, const std::string& name) {
  const auto found = std::ranges::find(config.services, name, &config::Service::name);
  return found == config.services.end() ? nullptr : &*found;
}

// Where it is written that `later` waits for `earlier`. That is taken out of the configuration, so that the next cycle is found.
config::Location take_out(config::Config& config, const config::Sources& sources, const std::string& later,
                          const std::string& earlier) {
  config::Location where;
  const auto take = [&](config::Service* service, std::string_view key,
                        std::vector<std::string> config::Service::*names, const std::string& name) {
    if (service == nullptr || std::erase(service->*names, name) == 0) return;
    if (where.file.empty()) where = place_of(sources, *service, key);
  };
  take(find_service(config, later), "requires", &config::Service::required, earlier);
  take(find_service(config, later), "after", &config::Service::after, earlier);
  take(find_service(config, earlier), "before", &config::Service::before, later);
  return where;
}

// Every cycle, each by the link that closes it.
void check_plan(config::Loaded& loaded, const config::Sources& sources, const config::Container& container) {
  config::Config config = loaded.config;
  config.container = container;
  auto planned = core::make_plan(config, {});
  while (const auto* cycle = std::get_if<core::DependencyCycle>(&planned)) {
    config::Problem problem = cycle->to_problem();
    const std::size_t last = cycle->names.size() - 1;
    const config::Location where = take_out(config, sources, cycle->names[last - 1], cycle->names[last]);
    if (where.file.empty()) return loaded.problems.push_back(problem);
    problem.where = where;
    loaded.problems.push_back(problem);
    planned = core::make_plan(config, {});
  }
  if (has_errors(loaded.problems)) return;
  for (const core::StopProblem& problem : core::find_stop_problems(*std::get_if<core::Plan>(&planned))) {
    config::Location where = problem.where;
    for (const config::Service& service : config.services) {
      const bool is_its = is_table(service) && to_string(service.where) == to_string(where);
      if (is_its) where = place_of(sources, service, "stop-timeout");
    }
    loaded.problems.push_back({config::Severity::Warning, where, problem.message});
  }
}

// Where the cinit of this container may answer. What is wrong with its configuration now is not what is asked here.
std::vector<control::SocketPlace> places_of(const Options& options) {
  if (options.socket) return {{control::SocketPlace::Kind::Path, options.socket}};
  const config::Loaded loaded = load(options, config::Undefined::Warning);
  const config::Container& container = loaded.config.container;
  return control::places_for_client(has_errors(loaded.problems) ? config::Container{}.control_socket
                                                                : container.control_socket);
}

std::unique_ptr<init::Image> find_image() {
  servicedir::Problems passed_over;
  auto found = init::find_known_image(init::read_environment(environ), passed_over);
  return found ? std::move(found) : std::make_unique<init::Image>();
}

// Services of service directories have no keys.
std::string describe_directories(const std::vector<config::Service>& services) {
  std::string text;
  for (const config::Service& service : services) {
    if (is_table(service)) continue;
    text += "#   " + config::quote(service.name) + ": " + config::quote(service.where.file) + "\n";
  }
  return text.empty() ? "" : "\n# Services of service directories:\n" + text;
}

// "  status [NAME...]      what every service is doing"
std::string help_line(std::string text, std::string_view help) {
  constexpr std::size_t kColumn = 27;
  text.resize(std::max(text.size() + 2, kColumn), ' ');
  return text + std::string(help) + "\n";
}

std::string help_of(const control::CommandRow& row) {
  std::string text = "Usage: cinit " + std::string(row.name) + " [OPTION]... " + std::string(row.words) + "\n\n" +
                     std::string(row.help) + "\n\n";
  for (const control::OptionRow& option : row.options) {
    std::string names = option.letter == 0 ? "      " : std::string("  -") + option.letter + ", ";
    names += std::string(option.name) + (option.value.empty() ? "" : " " + std::string(option.value));
    text += help_line(names, option.help);
  }
  return text + help_line("      --socket PATH", "ask there, and not at the configuration's control-socket") +
         help_line("  -c, --config FILE", "the configuration that says where the socket is") +
         help_line("  -h, --help", "this text");
}

std::string count(std::size_t number, const char* what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

}  // namespace

int help(const Options& options) {
  const control::CommandRow* const about = options.command ? control::find_command(options.command) : nullptr;
  if (about) {
    print(STDOUT_FILENO, help_of(*about));
    return exit_code::kOk;
  }
  std::string text(kUsage);
  for (const control::CommandRow& row : control::kCommands) {
    text += help_line("  " + std::string(row.name) + " " + std::string(row.words), row.help);
  }
  print(STDOUT_FILENO, text + std::string(kUsageEnd));
  return exit_code::kOk;
}

int usage_error(Line& mistake) {
  print(STDERR_FILENO, mistake.line());
  print(STDERR_FILENO, "cinit: \"cinit --help\" shows how it is used\n");
  return exit_code::kUsage;
}

int version() {
  print(STDOUT_FILENO, "cinit " CINIT_VERSION "\n");
  return exit_code::kOk;
}

int check(const Options& options) {
  const config::Sources sources = read_sources(options);
  config::Loaded loaded = load(sources, config::Undefined::Warning);
  config::Container& container = loaded.config.container;
  const std::unique_ptr<init::Image> image = find_image();
  if (options.stop_timeout) container.stop_timeout = options.stop_timeout;
  image->apply_settings(container);
  if (!has_errors(loaded.problems)) image->find_trees(container).add_to(loaded);
  check_plan(loaded, sources, container);
  if (!has_errors(loaded.problems)) check_surroundings(loaded, sources, *image);
  check_attributes(loaded, *image);
  print_problems(loaded.problems);
  if (has_errors(loaded.problems)) return exit_code::kConfig;
  print(STDOUT_FILENO, "cinit: the configuration is valid: " + count(loaded.config.services.size(), "service") + ", " +
                           count(loaded.problems.size(), "warning") + "\n");
  return options.strict && !loaded.problems.empty() ? kWarningsAreErrors : exit_code::kOk;
}

bool is_beside_cinit() {
  constexpr std::size_t kMost = 32;  // proc(5): comm has at most 15 bytes
  if (getpid() == 1) return false;
  const Result<std::string> name = os::read_file("/proc/1/comm", kMost);
  return name && *name == "cinit\n";
}

// Where the first process is one of the usual inits of a machine, this is none.
bool may_be_container() {
  constexpr std::size_t kMost = 32;
  const Result<std::string> name = os::read_file("/proc/1/comm", kMost);
  return !name || (*name != "systemd\n" && *name != "init\n" && *name != "launchd\n");
}

int refuse_word(std::string_view word) {
  const std::string meant = subcommand_for(word);
  const std::string hint = meant.empty() ? "." : "; " + meant + (meant.back() == '?' ? "" : ".");
  print(STDERR_FILENO, "cinit: " + config::quote(std::string(word)) +
                           " is none of cinit's commands, and a cinit runs in this container already" + hint +
                           " To run a program of that name: cinit -- " + std::string(word) + "\n");
  return exit_code::kUsage;
}

int refuse_without_dashes(std::string_view word) {
  print(STDERR_FILENO, "cinit: this is no container, but a machine with an init of its own. To run " +
                           config::quote(std::string(word)) +
                           " with the services and the kernel parameters of this machine: cinit -- " +
                           std::string(word) + "\n");
  return exit_code::kUsage;
}

int ask(const Options& options, bool (*has_configuration)(const Options&)) {
  control::Request request{options.command, {}};
  request.words.push_back("--expect-wait");
  request.words.insert(request.words.end(), options.words.begin(), options.words.end());
  const std::vector<control::SocketPlace> places = places_of(options);
  const Duration patience = request.command == "health" ? kHealthPatience : kPatience;
  const auto if_none = [&]() -> std::optional<int> {
    if (getpid() == 1) {
      print(STDERR_FILENO,
            "cinit: no other cinit runs here that could be asked (to run a program of that name: cinit -- " +
                request.command + ")\n");
      return control::exit_code::kUnavailable;
    }
    if (!is_beside_cinit() && !options.socket && !may_be_container()) {
      print(STDERR_FILENO, "cinit: no cinit runs here. For that of a container: docker exec CONTAINER cinit " +
                               request.command + "\n");
      return control::exit_code::kUnavailable;
    }
    if (!is_beside_cinit() || has_configuration(options)) return std::nullopt;
    constexpr std::string_view kOneCommand = "cinit: one command runs here, without configuration: ";
    if (request.command == "health") {
      print(STDOUT_FILENO, std::string(kOneCommand) + "there is nothing else to check\n");
      return exit_code::kOk;
    }
    if (request.command == "shutdown" && options.words.empty() && os::sys::kill(1, SIGTERM) == 0) return exit_code::kOk;
    print(STDERR_FILENO, std::string(kOneCommand) + "there is no socket, and nothing to ask for\n");
    return control::exit_code::kUnavailable;
  };
  // The sweep of the stop reaches this client, too, and the answer is on its way.
  if (request.command == "shutdown") signal(SIGTERM, SIG_IGN);
  if (!places.empty()) return ask(places, request, patience, if_none);
  print(STDERR_FILENO, "cinit: no cinit answers: control-socket is \"\" in the configuration\n");
  return control::exit_code::kUnavailable;
}

int show(const Options& options) {
  if (options.defaults) {
    print(STDOUT_FILENO, config::defaults_toml());
    return exit_code::kOk;
  }
  config::Loaded loaded = load(options, config::Undefined::Error);
  const config::Config written = loaded.config;
  if (!has_errors(loaded.problems)) find_image()->find_trees(written.container).add_to(loaded);
  print_problems(loaded.problems);
  if (has_errors(loaded.problems)) return exit_code::kConfig;
  print(STDOUT_FILENO, config::to_toml(written) + describe_directories(loaded.config.services));
  return exit_code::kOk;
}

}  // namespace cinit::cli
