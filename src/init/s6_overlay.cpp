#include "init/s6_overlay.hpp"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "config/parse_value.hpp"
#include "config/words.hpp"
#include "init/startup_files.hpp"
#include "os/exec.hpp"
#include "os/file.hpp"
#include "os/move_tree.hpp"
#include "servicedir/contenv.hpp"
#include "servicedir/service_trees.hpp"
#include "servicedir/tree.hpp"

namespace cinit::init {
namespace {

// Where finish scripts leave an exit code for the container: the second version's place, and the third's.
constexpr char kOldResult[] = "/run/s6/env-stage3/S6_STAGE2_EXITED";
constexpr char kResult[] = "/run/s6-linux-init-container-results/exitcode";
// What finish scripts of the third version run to end the container; in a container all of them mean the same.
constexpr const char* kHalts[] = {"/run/s6/basedir/bin/halt", "/run/s6/basedir/bin/poweroff",
                                  "/run/s6/basedir/bin/reboot"};
// Where the third version has the programs of s6 and execline.
constexpr char kPrograms[] = "/command";
// What only the third version has in an image.
constexpr char kThirdVersion[] = "/etc/s6-overlay";
// Where Debian has those of execline.
constexpr char kDebianPrograms[] = "/usr/lib/execline/bin";
// The third version's directory of running services.
constexpr char kNewScanDirectory[] = "/run/service";

// Where s6-rc runs oneshots: in the directory of the service that does so.
constexpr char kOneshotDirectory[] = "/run/s6-rc/servicedirs/s6rc-oneshot-runner";

constexpr mode_t kScriptMode = 0755;
constexpr Duration kDefaultGrace = std::chrono::seconds(3);
constexpr Duration kDefaultFinishTime = std::chrono::seconds(5);

std::string value_of(const config::Variables& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

std::optional<std::uint32_t> number_of(const config::Variables& environment, const char* name) {
  return config::parse_uint32(value_of(environment, name));
}

std::optional<Duration> milliseconds_of(const config::Variables& environment, const char* name) {
  const auto number = number_of(environment, name);
  return number ? std::optional<Duration>(std::chrono::milliseconds(*number)) : std::nullopt;
}

// S6_CMD_RECEIVE_SIGNALS is not among them: the main command gets signals in any case.
std::vector<std::string> find_without_effect(const config::Variables& environment) {
  std::vector<std::string> names;
  for (const char* name : {"S6_RUNTIME_PROFILE", "S6_RUNTIME_BUNDLEDIR"}) {
    if (!value_of(environment, name).empty()) names.emplace_back(name);
  }
  for (const char* name : {"S6_LOGGING", "S6_SYNC_DISKS"}) {
    if (number_of(environment, name).value_or(0) != 0) names.emplace_back(name);
  }
  return names;
}

bool has_word(std::string_view path, std::string_view directory) {
  return (":" + std::string(path) + ":").find(":" + std::string(directory) + ":") != std::string::npos;
}

// What cannot be looked at is taken to be there: it is only a place more to search.
bool is_there(const std::string& path) {
  struct stat status {};
  const int looked = persist([&] { return stat(path.c_str(), &status) == 0 ? 0 : errno; });
  return looked == 0 || may_pass(looked);
}

// As s6-overlay's /init has it: the container's own, and in front of it where its programs are, each unless it is
// there. Scripts of execline find its programs behind with-contenv as well, which has this PATH.
std::string search_path(const config::Variables& environment, const std::string& root) {
  std::string path = value_of(environment, "PATH");
  if (path.empty()) path = os::kDefaultPath;
  for (const char* directory : {"/bin", "/usr/bin", kPrograms}) {
    const bool is_wanted = directory != kPrograms || is_there(root + kPrograms);
    if (is_wanted && !has_word(path, directory)) path.insert(0, std::string(directory) + ":");
  }
  const bool is_debian = !is_there(root + kPrograms) && is_there(root + kDebianPrograms);
  if (is_debian && !has_word(path, kDebianPrograms)) path.append(":").append(kDebianPrograms);
  return path;
}

// Whoever may read it may execute it then. Adds what stands in the way of that; where a link leads to, is nobody's
// script.
void make_executable_file(const std::string& path, std::vector<std::string>& complaints) {
  constexpr mode_t kReadable = 0444;
  struct stat status {};
  const int looked = persist([&] { return lstat(path.c_str(), &status) == 0 ? 0 : errno; });
  if (may_pass(looked)) complaints.push_back(path + " cannot be looked at: " + strerror(looked));
  if (looked != 0 || !S_ISREG(status.st_mode) || access(path.c_str(), X_OK) == 0) return;
  const os::Fd file = persist([&] { return os::open_file_itself(path, O_RDONLY); });
  const bool is_regular = file && fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode);
  const mode_t mode = (status.st_mode & 07777) | (status.st_mode & kReadable) >> 2 | S_IXUSR;
  if (is_regular && fchmod(file.get(), mode) == 0) return;
  const int error = file ? errno : file.error();
  complaints.push_back(path + " is not executable, and cannot be made so: " + strerror(error) + " (chmod +x)");
}

bool is_script(const std::string& name) { return !name.starts_with('.'); }

int write_new_file(const std::string& path, std::string_view content, mode_t mode) {
  if (const int error = os::make_directories(path.substr(0, path.rfind('/')), kScriptMode); error != 0) return error;
  if (const int error = os::remove_file(path); error != 0 && error != ENOENT) return error;
  return os::create_file(path, content, mode);
}

void link_scan_directory(const std::string& link, std::vector<std::string>& complaints) {
  if (symlink(kS6ScanDirectory, link.c_str()) == 0 || errno == EEXIST) return;
  complaints.push_back(link + ": " + strerror(errno));
}

}  // namespace

S6Settings read_s6_settings(const config::Variables& environment) {
  constexpr std::uint32_t kStop = 2;
  constexpr std::uint32_t kNormal = 2;
  S6Settings settings;
  settings.keeps_environment = servicedir::keeps_environment(value_of(environment, "S6_KEEP_ENV"));
  settings.ends_after_failure = number_of(environment, "S6_BEHAVIOUR_IF_STAGE2_FAILS").value_or(0) >= kStop;
  settings.says_less = number_of(environment, "S6_VERBOSITY").value_or(kNormal) < kNormal;
  settings.boot_time = milliseconds_of(environment, "S6_CMD_WAIT_FOR_SERVICES_MAXTIME");
  if (settings.boot_time == Duration::zero()) settings.boot_time.reset();
  settings.fixes_hidden_files = number_of(environment, "S6_FIX_ATTRS_HIDDEN").value_or(0) != 0;
  settings.early_command = value_of(environment, "S6_STAGE2_HOOK");
  const auto no_variable = [](std::string_view) -> std::optional<std::string> { return std::nullopt; };
  settings.first_words = config::split_words(value_of(environment, "S6_CMD_ARG0"), no_variable).words;
  settings.finish_time = milliseconds_of(environment, "S6_KILL_FINISH_MAXTIME").value_or(kDefaultFinishTime);
  if (settings.finish_time == Duration::zero()) settings.finish_time.reset();
  settings.without_effect = find_without_effect(environment);
  const auto services = milliseconds_of(environment, "S6_SERVICES_GRACETIME");
  const auto others = milliseconds_of(environment, "S6_KILL_GRACETIME");
  if (!services && !others) return settings;
  settings.stop_timeout = services.value_or(kDefaultGrace) + others.value_or(kDefaultGrace);
  return settings;
}

std::optional<S6Overlay> S6Overlay::find(const config::Variables& environment, servicedir::Problems& problems,
                                         const std::string& root) {
  for (const char* const place : kS6Places) {
    if (servicedir::exists(root + place, problems)) return S6Overlay(root, environment);
  }
  return std::nullopt;
}

std::optional<S6Overlay> S6Overlay::find(const config::Variables& environment, const std::string& root) {
  servicedir::Problems passed_over;
  return find(environment, passed_over, root);
}

S6Overlay::S6Overlay(std::string root, const config::Variables& environment)
    : root_(std::move(root)),
      settings_(read_s6_settings(environment)),
      search_path_(init::search_path(environment, root_)) {
  if (!settings_.keeps_environment) bare_environment_ = config::Variables{{"PATH", search_path_}};
}

std::vector<std::string> S6Overlay::warn_of_settings() const {
  std::vector<std::string> lines;
  for (const std::string& name : settings_.without_effect) lines.push_back(name + " has no effect with cinit");
  return lines;
}

std::vector<std::string> S6Overlay::make_executable() const {
  std::vector<std::string> complaints;
  for (const char* const directory : {kContInit, kContFinish}) {
    const Result<std::vector<std::string>> names = persist([&] { return os::list_directory(path(directory)); });
    if (!names && names.error().code != ENOENT) complaints.push_back(path(directory) + ": " + names.error().message);
    if (!names) continue;
    for (const std::string& name : *names) {
      if (is_script(name)) make_executable_file(path(directory) + "/" + name, complaints);
    }
  }
  for (const char* const tree : {servicedir::kS6Services, servicedir::kS6Sources}) {
    servicedir::Problems problems;
    const std::vector<servicedir::Directory> services = servicedir::list_directories(path(tree), problems);
    for (const config::Problem& problem : problems) complaints.push_back(to_string(problem));
    for (const servicedir::Directory& service : services) {
      for (const char* const file : {"/run", "/finish", "/log/run", "/log/finish", "/data/check"}) {
        make_executable_file(service.path + file, complaints);
      }
    }
  }
  return complaints;
}

std::vector<std::string> S6Overlay::make_places() const {
  std::vector<std::string> complaints;
  const std::string halt = "#!/bin/sh\nkill -TERM " + std::to_string(getpid()) + "\n";
  int error = 0;
  const auto put = [&](const char* place, std::string_view content, mode_t mode) {
    if (error == 0) error = write_new_file(path(place), content, mode);
  };
  put(kResult, "0\n", 0644);
  put(kOldResult, "0\n", 0644);
  for (const char* const place : kHalts) put(place, halt, kScriptMode);
  if (error == 0) error = os::make_directories(path(kOneshotDirectory), kScriptMode);
  if (error != 0) {
    complaints.push_back(std::string("/run cannot be written, as s6-overlay's scripts expect: ") + strerror(error));
  }
  link_scan_directory(path(kNewScanDirectory), complaints);
  return complaints;
}

std::optional<std::string> S6Overlay::link_var_run() const {
  constexpr char kRun[] = "/run";
  const std::string link = path("/var/run");
  struct stat run {};
  struct stat now {};
  if (!is_there(path("/var"))) return std::nullopt;
  os::make_directories(path(kRun), kScriptMode);
  if (stat(path(kRun).c_str(), &run) != 0) return std::nullopt;
  if (stat(link.c_str(), &now) == 0 && now.st_dev == run.st_dev && now.st_ino == run.st_ino) return std::nullopt;
  const auto cannot = [](const char* why) {
    return std::string("/var/run is not /run, and cannot be made a link to it: ") + why;
  };
  const bool is_there = lstat(link.c_str(), &now) == 0;
  if (access(path("/var").c_str(), W_OK) != 0) return cannot(strerror(errno));
  if (is_there && S_ISDIR(now.st_mode)) {
    if (os::holds_mounts(link)) return cannot("something is mounted in it");
    if (const int error = os::move_contents(link, path(kRun)); error != 0) return cannot(strerror(error));
  }
  const int removed = !is_there ? 0 : S_ISDIR(now.st_mode) ? os::remove_directory(link) : os::remove_file(link);
  if (removed != 0) return cannot(strerror(removed));
  if (symlink(kRun, link.c_str()) != 0) return cannot(strerror(errno));
  return std::nullopt;
}

servicedir::OneshotPlace S6Overlay::oneshots() const {
  servicedir::OneshotPlace place;
  place.failure_ends_boot = settings_.ends_after_failure;
  if (servicedir::find_directory(path(kOneshotDirectory))) place.working_dir = kOneshotDirectory;
  for (std::string_view left = search_path_; !left.empty() && place.execlineb.empty();) {
    const std::size_t end = left.find(':');
    const std::string program = std::string(left.substr(0, end)) + "/execlineb";
    if (access((root_ + program).c_str(), X_OK) == 0) place.execlineb = program;
    left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
  }
  return place;
}

// The third version runs every script of /etc/cont-init.d before it looks at what they have left.
core::HookFailure S6Overlay::failure_of_script() const {
  if (!settings_.ends_after_failure) return core::HookFailure::Ignored;
  return is_there(path(kThirdVersion)) ? core::HookFailure::EndsBootLater : core::HookFailure::EndsBoot;
}

core::Program S6Overlay::script(const std::string& file) const {
  core::Program program(file);
  program.environment = bare_environment_;
  program.on_failure = failure_of_script();
  return program;
}

// What is not executable is run all the same, so that the log says why it fails.
std::optional<Error> S6Overlay::add_scripts(std::vector<core::Program>& programs, const char* directory) const {
  const auto cannot_look = [](const std::string& where, int error) {
    return Error{where + ": " + strerror(error), error};
  };
  const Result<std::vector<std::string>> names = persist([&] { return os::list_directory(path(directory)); });
  if (!names && may_pass(names.error().code)) return cannot_look(directory, names.error().code);
  if (!names) return std::nullopt;
  for (const std::string& name : *names) {
    const std::string file = std::string(directory) + "/" + name;
    struct stat status {};
    const int looked = persist([&] { return stat((root_ + file).c_str(), &status) == 0 ? 0 : errno; });
    if (may_pass(looked)) return cannot_look(file, looked);
    if (is_script(name) && looked == 0 && S_ISREG(status.st_mode)) programs.push_back(script(file));
  }
  return std::nullopt;
}

std::optional<core::Program> S6Overlay::early_program() const {
  if (settings_.early_command.empty()) return std::nullopt;
  core::Program early("S6_STAGE2_HOOK", {"/bin/sh", "-c", settings_.early_command});
  early.environment = bare_environment_;
  early.on_failure = settings_.ends_after_failure ? core::HookFailure::EndsBoot : core::HookFailure::Ignored;
  return early;
}

std::optional<Error> S6Overlay::add_to(core::Commands& commands) const {
  servicedir::Problems problems;
  const bool has_fix_attrs = servicedir::exists(path(servicedir::kFixAttrs), problems);
  if (!problems.empty()) return Error{to_string(problems.front()), EAGAIN};
  if (has_fix_attrs) {
    core::Program fix_attrs("fix-attrs", {"/proc/self/exe", "--as", "fix-attrs"});
    if (settings_.fixes_hidden_files) fix_attrs.command.push_back("--hidden");
    fix_attrs.on_failure = failure_of_script();
    commands.startup.push_back(fix_attrs);
  }
  if (auto error = add_scripts(commands.startup, kContInit)) return error;
  std::vector<core::Program> last;
  if (auto error = add_scripts(last, kContFinish)) return error;
  for (core::Program& program : last) {
    program.timeout = settings_.finish_time;
    program.kill_after = Duration::zero();
    commands.post_stop.push_back(std::move(program));
  }
  if (commands.main_command.empty()) return std::nullopt;
  commands.main_command.insert(commands.main_command.begin(), settings_.first_words.begin(),
                               settings_.first_words.end());
  return std::nullopt;
}

int S6Overlay::write_environment(const config::Variables& environment) {
  const std::string directory = path(servicedir::kContainerEnvironment);
  const int error = servicedir::write_contenv(directory, environment);
  known_.clear();
  const auto found = servicedir::read_contenv(directory);
  if (!found || !*found) return error;
  for (const auto& [name, value] : (*found)->files) known_.push_back(name);
  return error;
}

std::optional<Error> S6Overlay::reload_environment(config::Variables& environment) {
  const auto found = servicedir::read_contenv(path(servicedir::kContainerEnvironment));
  if (!found) return found.error();
  if (!*found) return std::nullopt;
  for (const std::string& name : std::exchange(known_, {})) environment.erase(name);
  for (const auto& [name, value] : (*found)->files) {
    known_.push_back(name);
    if (value) {
      environment.insert_or_assign(name, *value);
    } else {
      environment.erase(name);
    }
  }
  return std::nullopt;
}

std::optional<int> S6Overlay::exit_code() const {
  constexpr std::size_t kMost = 64;
  constexpr int kHighestCode = 255;
  for (const char* const place : {kOldResult, kResult}) {
    const Result<std::string> text = persist([&] { return os::read_file(path(place), kMost); });
    int code = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), code).ec != std::errc()) continue;
    if (code > 0 && code <= kHighestCode) return code;
  }
  return std::nullopt;
}

servicedir::ServiceTrees S6Overlay::find_trees(const config::Container& container) const {
  servicedir::ServiceTrees trees = servicedir::ServiceTrees::of_image(container.service_directories);
  trees.s6_environment = bare_environment();
  trees.s6_oneshots = oneshots();
  return trees;
}

void S6Overlay::change_environment(config::Variables& environment) const {
  environment.insert_or_assign("PATH", search_path_);
}

void S6Overlay::apply_settings(config::Container& container) const {
  if (!container.stop_timeout) container.stop_timeout = settings_.stop_timeout;
  const bool is_default = container.log_level == config::LogLevel::Info;
  if (is_default && settings_.says_less) container.log_level = config::LogLevel::Warning;
}

void S6Overlay::apply_settings(core::InitRules& rules) const {
  rules.boot_time = settings_.boot_time;
  rules.slow_boot_fails = settings_.ends_after_failure;
}

std::vector<std::string> S6Overlay::prepare(const config::Variables& environment) {
  std::vector<std::string> complaints;
  if (auto complaint = link_var_run()) complaints.push_back(*std::move(complaint));
  for (const auto& more : {warn_of_settings(), make_executable(), make_places()}) {
    complaints.insert(complaints.end(), more.begin(), more.end());
  }
  if (const int error = write_environment(environment); error != 0) {
    complaints.push_back("with-contenv lacks variables: " + std::string(servicedir::kContainerEnvironment) +
                         " cannot be written: " + strerror(error));
  }
  return complaints;
}

}  // namespace cinit::init
