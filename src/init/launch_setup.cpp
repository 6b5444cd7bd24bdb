#include "init/launch_setup.hpp"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <string_view>
#include <utility>

#include "base/capability.hpp"
#include "init/start_failure.hpp"
#include "os/file.hpp"
#include "os/syscall.hpp"

namespace cinit::init {
namespace {

// The names of limits.conf(5) where it has one, otherwise those of prlimit(1).
constexpr std::pair<std::string_view, int> kLimits[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

constexpr char kListenPid[] = "LISTEN_PID";

rlim64_t to_rlim(const std::optional<std::uint64_t>& value) { return value ? *value : RLIM64_INFINITY; }

// What cinit tells it about itself, as systemd does: sd_notify(3), systemd.service(5), "$MAINPID".
void add_provided(config::Variables& variables, const Wiring& wiring) {
  using std::chrono::microseconds;
  if (!wiring.notify_socket.empty()) variables["NOTIFY_SOCKET"] = wiring.notify_socket;
  if (wiring.watchdog) {
    variables["WATCHDOG_USEC"] = std::to_string(std::chrono::duration_cast<microseconds>(*wiring.watchdog).count());
  }
  if (wiring.main_pid) variables["MAINPID"] = std::to_string(*wiring.main_pid);
}

}  // namespace

LaunchSetup::LaunchSetup(const core::PlannedService& service, const config::Config& config, const Inherited& inherited)
    : service_(service), spec_(service.spec), config_(config), inherited_(inherited) {}

os::Identity LaunchSetup::user() const {
  os::Identity user;
  if (child_.set_uid) user.uid = child_.uid;
  if (child_.set_gid) user.gid = child_.gid;
  user.groups = groups_;
  return user;
}

LaunchSetup::Failed LaunchSetup::prepare(const Wiring& wiring) {
  take_command(wiring.command ? *wiring.command : spec_.command);
  take_role(wiring);
  take_limits();
  take_priorities();
  if (spec_.umask) {
    child_.set_umask = true;
    child_.umask = spec_.umask->bits;
  }
  working_dir_ = spec_.working_dir.value_or("");
  if (spec_.working_dir) child_.working_dir = working_dir_.c_str();
  child_.extra_fd = wiring.ready_fd;
  child_.extra_number = wiring.ready_number;
  if (Failed failed = take_privileges()) return failed;
  if (Failed failed = compose_environment(wiring)) return failed;
  return open_outputs(wiring);
}

void LaunchSetup::take_command(const config::Command& command) {
  command_ = command;
  argv_.push_back(nullptr);  // the slot that os::ChildSetup::argv asks for
  for (std::string& word : command_) argv_.push_back(word.data());
  argv_.push_back(nullptr);
  child_.argv = argv_.data() + 1;
}

void LaunchSetup::take_role(const Wiring& wiring) {
  if (service_.role == core::Role::MainCommand) {
    child_.leadership = os::ChildSetup::Leadership::ProcessGroup;
    child_.take_terminal = true;
    child_.kept_fds = inherited_.descriptors.data();
    child_.kept_fds_count = inherited_.descriptors.size();
  }
  if (spec_.input == config::Input::Null) child_.stdin_fd = inherited_.null.get();
  if (wiring.stdin_fd >= 0) child_.stdin_fd = wiring.stdin_fd;
}

void LaunchSetup::take_limits() {
  for (const auto& [name, resource] : kLimits) {
    const auto found = spec_.limits.find(std::string(name));
    if (found == spec_.limits.end()) continue;
    limits_.push_back({resource, {to_rlim(found->second.soft), to_rlim(found->second.hard)}});
    limit_names_.emplace_back(name);
  }
  if (inherited_.descriptor_limit && !spec_.limits.contains("nofile")) {
    limits_.push_back({RLIMIT_NOFILE, *inherited_.descriptor_limit});
    limit_names_.emplace_back("nofile");
  }
  child_.limits = limits_.data();
  child_.limits_count = limits_.size();
}

// Limits that the user has chosen stay as they are.
void LaunchSetup::take_mark(const std::array<os::ResourceLimit, 2>& mark) {
  if (spec_.limits.contains("locks") || spec_.limits.contains("rss")) return;
  mark_ = mark;
  child_.marks = mark_.data();
  child_.marks_count = mark_.size();
}

void LaunchSetup::take_priorities() {
  child_.set_oom_score_adj = spec_.oom_score_adj.has_value();
  child_.oom_score_adj = spec_.oom_score_adj.value_or(0);
  child_.set_nice = spec_.nice.has_value();
  child_.nice = spec_.nice.value_or(0);
}

LaunchSetup::Failed LaunchSetup::take_privileges() {
  child_.no_new_privileges = spec_.no_new_privileges.value_or(false);
  if (!spec_.capabilities) return std::nullopt;
  child_.set_capabilities = true;
  for (const std::string& name : *spec_.capabilities) {
    const std::optional<Capability> capability = parse_capability(name);
    if (!capability) return start_failure(StartStage::Prepare, Error{"there is no capability \"" + name + "\""});
    child_.capabilities.add(*capability);
  }
  return std::nullopt;
}

// Without privilege one's own user is not a change, and so no error.
bool LaunchSetup::keeps_identity() const {
  return !spec_.group && !spec_.groups && (!account_ || account_->uid == geteuid());
}

LaunchSetup::Failed LaunchSetup::identify() {
  if (spec_.user) {
    user_ = *spec_.user;
    Result<os::Account> account = os::find_user(*spec_.user);
    if (!account) return start_failure(StartStage::Prepare, account.error());
    account_ = *std::move(account);
  }
  if (keeps_identity()) return std::nullopt;
  if (account_) {
    child_.set_uid = true;
    child_.uid = account_->uid;
    child_.set_gid = true;
    child_.gid = account_->gid;
  }
  if (spec_.group) {
    const Result<gid_t> gid = os::find_group(*spec_.group);
    if (!gid) return start_failure(StartStage::Prepare, gid.error());
    child_.set_gid = true;
    child_.gid = *gid;
  }
  return find_groups();
}

LaunchSetup::Failed LaunchSetup::find_groups() {
  if (!account_ && !spec_.groups) return std::nullopt;
  if (spec_.groups) {
    for (const std::string& name : *spec_.groups) {
      const Result<gid_t> gid = os::find_group(name);
      if (!gid) return start_failure(StartStage::Prepare, gid.error());
      groups_.push_back(*gid);
    }
  } else {
    Result<std::vector<gid_t>> groups = os::groups_of(account_->name, child_.gid);
    if (!groups) return start_failure(StartStage::Prepare, groups.error());
    groups_ = *std::move(groups);
  }
  static constexpr gid_t kNone = 0;  // an empty list is one, too
  child_.groups = groups_.empty() ? &kNone : groups_.data();
  child_.groups_count = groups_.size();
  return std::nullopt;
}

LaunchSetup::Failed LaunchSetup::compose_environment(const Wiring& wiring) {
  config::Variables variables;
  if (!spec_.clear_env) variables = inherited_.environment;
  if (service_.role != core::Role::MainCommand) variables = without_own(std::move(variables));
  if (account_) {
    variables["HOME"] = account_->home;
    variables["SHELL"] = account_->shell;
    if (!account_->name.empty()) variables["USER"] = variables["LOGNAME"] = account_->name;
  }
  merge(variables, config_.env);
  merge(variables, from_files_);
  merge(variables, spec_.env);
  add_provided(variables, wiring);
  if (const auto path = variables.find("PATH"); path != variables.end()) {
    search_path_ = path->second;
    child_.search_path = search_path_.c_str();
  }
  const bool listens = service_.role == core::Role::MainCommand && variables.contains(kListenPid) &&
                       variables[kListenPid] == std::to_string(getpid());
  if (listens) variables[kListenPid] = std::string(12, '0');  // room for any pid
  environment_.emplace(variables);
  child_.envp = environment_->envp();
  if (listens) child_.pid_text = environment_->value_of(kListenPid);
  return std::nullopt;
}

std::vector<config::EnvFile> LaunchSetup::env_files() const {
  std::vector<config::EnvFile> files;
  for (const auto& file : {config_.container.env_file, spec_.env_file}) {
    if (file) files.push_back(*file);
  }
  return files;
}

LaunchSetup::Failed LaunchSetup::take_env_files(Result<config::Variables> variables) {
  if (!variables) return start_failure(StartStage::Prepare, variables.error());
  from_files_ = *std::move(variables);
  return std::nullopt;
}

LaunchSetup::Failed LaunchSetup::open_outputs(const Wiring& wiring) {
  child_.stdout_fd = wiring.silent ? inherited_.null.get() : wiring.stdout_fd;
  child_.stderr_fd = wiring.silent ? inherited_.null.get() : wiring.stderr_fd;
  if (wiring.silent) return std::nullopt;
  child_.stderr_to_stdout = spec_.error.kind == config::Output::Kind::Stdout;
  if (child_.stdout_fd < 0) {
    if (Failed failed = open_output(StartStage::Stdout, spec_.output, stdout_file_, child_.stdout_fd)) return failed;
  }
  if (child_.stderr_fd < 0) {
    if (Failed failed = open_output(StartStage::Stderr, spec_.error, stderr_file_, child_.stderr_fd)) return failed;
  }
  if (!stdout_file_.path.empty() && !stdout_file_.file) child_.stdout_path = stdout_file_.path.c_str();
  if (!stderr_file_.path.empty() && !stderr_file_.file) child_.stderr_path = stderr_file_.path.c_str();
  return std::nullopt;
}

LaunchSetup::Failed LaunchSetup::open_output(StartStage stage, const config::Output& output, OutputFile& to, int& fd) {
  if (output.kind == config::Output::Kind::Null) fd = inherited_.null.get();
  if (output.kind != config::Output::Kind::File) return std::nullopt;
  Result<os::Place> place = os::find_place(output.path);
  if (!place) return output_failure(stage, output.path, place.error());
  to.path = output.path;
  to.place = *std::move(place);
  if (!to.place.trusted && user().is_another()) return std::nullopt;
  to.file = os::open_log(to.place, user().uid, user().gid);
  fd = to.file.get();
  if (!to.file) return output_failure(stage, to.path, system_error(to.file.error()));
  return std::nullopt;
}

}  // namespace cinit::init
