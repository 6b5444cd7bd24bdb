#include "init/launch_setup.hpp"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <utility>

#include "base/line.hpp"
#include "os/exec_reason.hpp"
#include "os/file.hpp"

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

// Variables that are about cinit's own descriptors and its own supervisor, and mislead anybody else.
constexpr std::array<const char*, 4> kOwnVariables = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET"};
constexpr char kListenPid[] = "LISTEN_PID";

bool may_succeed_later(int error) {
  return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE || error == ETXTBSY ||
         error == ENOBUFS;
}

core::StartFailure failure(StartStage stage, int error, std::string detail) {
  return {stage, error, std::move(detail), may_succeed_later(error)};
}

core::StartFailure failure(StartStage stage, const Error& error) { return {stage, 0, error.message, false}; }

rlim64_t to_rlim(const std::optional<std::uint64_t>& value) { return value ? *value : RLIM64_INFINITY; }

std::string describe(const rlimit64& limit) {
  const auto number = [](rlim64_t value) { return value == RLIM64_INFINITY ? "unlimited" : std::to_string(value); };
  return number(limit.rlim_cur) + ":" + number(limit.rlim_max);
}

}  // namespace

LaunchSetup::LaunchSetup(const core::PlannedService& service, const config::Config& config,
                         const Surroundings& surroundings)
    : service_(service), spec_(service.spec), config_(config), surroundings_(surroundings) {}

LaunchSetup::Failed LaunchSetup::prepare() {
  take_command();
  take_role();
  take_limits();
  if (spec_.umask) {
    child_.set_umask = true;
    child_.umask = spec_.umask->bits;
  }
  if (spec_.working_dir) child_.working_dir = spec_.working_dir->c_str();
  if (Failed failed = find_identity()) return failed;
  if (Failed failed = compose_environment()) return failed;
  return open_outputs();
}

void LaunchSetup::take_command() {
  command_ = spec_.command;
  argv_.push_back(nullptr);  // the slot that os::ChildSetup::argv asks for
  for (std::string& word : command_) argv_.push_back(word.data());
  argv_.push_back(nullptr);
  child_.argv = argv_.data() + 1;
}

void LaunchSetup::take_role() {
  if (service_.role == core::Role::MainCommand) {
    child_.leadership = os::ChildSetup::Leadership::ProcessGroup;
    child_.take_terminal = true;
    child_.kept_fds = surroundings_.inherited_fds.data();
    child_.kept_fds_count = surroundings_.inherited_fds.size();
  }
  if (spec_.input == config::Input::Null) child_.stdin_fd = surroundings_.null.get();
}

void LaunchSetup::take_limits() {
  for (const auto& [name, resource] : kLimits) {
    const auto found = spec_.limits.find(std::string(name));
    if (found == spec_.limits.end()) continue;
    limits_.push_back({resource, {to_rlim(found->second.soft), to_rlim(found->second.hard)}});
    limit_names_.emplace_back(name);
  }
  child_.limits = limits_.data();
  child_.limits_count = limits_.size();
}

// Without privilege one's own user is not a change, and so no error.
bool LaunchSetup::keeps_identity() const {
  return !spec_.group && !spec_.groups && (!account_ || account_->uid == geteuid());
}

LaunchSetup::Failed LaunchSetup::find_identity() {
  if (spec_.user) {
    Result<os::Account> account = os::find_user(*spec_.user);
    if (!account) return failure(StartStage::Prepare, account.error());
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
    if (!gid) return failure(StartStage::Prepare, gid.error());
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
      if (!gid) return failure(StartStage::Prepare, gid.error());
      groups_.push_back(*gid);
    }
  } else {
    groups_ = os::groups_of(account_->name, child_.gid);
  }
  static constexpr gid_t kNone = 0;  // an empty list is one, too
  child_.groups = groups_.empty() ? &kNone : groups_.data();
  child_.groups_count = groups_.size();
  return std::nullopt;
}

LaunchSetup::Failed LaunchSetup::compose_environment() {
  config::Variables variables;
  if (!spec_.clear_env) variables = surroundings_.environment;
  if (service_.role != core::Role::MainCommand) {
    for (const char* name : kOwnVariables) variables.erase(name);
  }
  if (account_) {
    variables["HOME"] = account_->home;
    variables["SHELL"] = account_->shell;
    if (!account_->name.empty()) variables["USER"] = variables["LOGNAME"] = account_->name;
  }
  merge(variables, config_.env);
  for (const auto& file : {config_.container.env_file, spec_.env_file}) {
    if (!file) continue;
    const Result<config::Variables> read = read_env_file(*file);
    if (!read) return failure(StartStage::Prepare, read.error());
    merge(variables, *read);
  }
  merge(variables, spec_.env);
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

LaunchSetup::Failed LaunchSetup::open_outputs() {
  if (Failed failed = open_output(StartStage::Stdout, spec_.output, stdout_file_, child_.stdout_fd)) return failed;
  child_.stderr_to_stdout = spec_.error.kind == config::Output::Kind::Stdout;
  return open_output(StartStage::Stderr, spec_.error, stderr_file_, child_.stderr_fd);
}

LaunchSetup::Failed LaunchSetup::open_output(StartStage stage, const config::Output& output, os::Fd& file, int& fd) {
  if (output.kind == config::Output::Kind::Null) fd = surroundings_.null.get();
  if (output.kind != config::Output::Kind::File) return std::nullopt;
  const uid_t uid = child_.set_uid ? child_.uid : static_cast<uid_t>(-1);
  const gid_t gid = child_.set_gid ? child_.gid : static_cast<gid_t>(-1);
  file = os::open_log(output.path, uid, gid);
  fd = file.get();
  if (file) return std::nullopt;
  return failure(stage, file.error(), "cannot open " + output.path + " for its output: " + strerror(file.error()));
}

core::StartFailure LaunchSetup::explain(const os::SpawnResult& result) const {
  const std::string reason = strerror(result.error);
  const auto failed = [&](std::string what) {
    return failure(result.stage, result.error, std::move(what) + ": " + reason);
  };
  switch (result.stage) {
    case StartStage::Exec: {
      Line line;
      os::explain_exec_failure(line, child_.argv[0], child_.search_path, child_.working_dir, result.error);
      return failure(result.stage, result.error, std::string(line.text()));
    }
    case StartStage::Limits:
      return failed("limits." + limit_names_[result.limit] + " cannot be set to " +
                    describe(limits_[result.limit].value));
    case StartStage::Groups: return failed("its supplementary groups cannot be set (setgroups)");
    case StartStage::Group: return failed("cannot change to group " + std::to_string(child_.gid) + " (setgid)");
    case StartStage::User:
      return failed("cannot change to user \"" + spec_.user.value_or("") + "\" (setuid " + std::to_string(child_.uid) +
                    ")");
    case StartStage::WorkingDir: return failed("cannot change to directory " + spec_.working_dir.value_or(""));
    case StartStage::Session: return failed("cannot get a session or process group of its own");
    case StartStage::Terminal: return failed("cannot become the terminal's foreground");
    case StartStage::Stdin: return failed("cannot connect its standard input");
    case StartStage::Stdout: return failed("cannot connect its standard output");
    case StartStage::Stderr: return failed("cannot connect its standard error");
    case StartStage::Fork: return failed("cannot make a process (fork)");
    case StartStage::Prepare: break;
  }
  return failed("cannot be prepared");
}

}  // namespace cinit::init
