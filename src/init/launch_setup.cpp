#include "init/launch_setup.hpp"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <string_view>
#include <utility>

#include "base/capability.hpp"
#include "base/line.hpp"
#include "os/exec_reason.hpp"
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

bool may_succeed_later(int error) {
  return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE || error == ETXTBSY ||
         error == ENOBUFS;
}

core::StartFailure failure(StartStage stage, int error, std::string detail) {
  return {stage, error, std::move(detail), may_succeed_later(error)};
}

core::StartFailure failure(StartStage stage, const Error& error) {
  return {stage, error.code, error.message, os::may_pass(error.code)};
}

core::StartFailure no_output(StartStage stage, const std::string& path, const Error& error) {
  return failure(stage, error.code, "cannot open " + path + " for its output: " + error.message);
}

rlim64_t to_rlim(const std::optional<std::uint64_t>& value) { return value ? *value : RLIM64_INFINITY; }

std::string describe(const rlimit64& limit) {
  const auto number = [](rlim64_t value) { return value == RLIM64_INFINITY ? "unlimited" : std::to_string(value); };
  return number(limit.rlim_cur) + ":" + number(limit.rlim_max);
}

// "SYS_NICE": as docker and the manifests of Kubernetes write it.
std::string runtime_name(Capability capability) {
  std::string name = to_string(capability);
  if (name.starts_with("cap_")) name.erase(0, 4);
  for (char& letter : name) {
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  }
  return name;
}

// What --cap-add adds is root's.
std::string way_to(Capability capability) {
  const uid_t uid = geteuid();
  if (uid != 0) return "cinit runs as uid " + std::to_string(uid) + ", who does not have it";
  return "docker run --cap-add " + runtime_name(capability);
}

bool not_permitted(int error) { return error == EPERM || error == EACCES; }

// What to do about it, when it was refused for want of a capability.
std::string way_out(int error, Capability needed) {
  if (!not_permitted(error)) return "";
  return " (CAP_" + runtime_name(needed) + " is needed: " + way_to(needed) + ")";
}

std::string why_not_given(int error, Capability capability) {
  if (error == EINVAL) return " (this kernel does not know it)";
  if (!not_permitted(error)) return "";
  if (geteuid() != 0) return " (" + way_to(capability) + ")";
  return " (the container does not have it; " + way_to(capability) + ")";
}

// Whether a user namespace has an id: user_namespaces(7), "/proc/PID/uid_map". Where that cannot be read, it is taken to have it.
bool is_mapped(const char* map, std::uint32_t id) {
  const Result<std::string> text = os::read_file(map, 64 << 10);
  if (!text) return true;
  const char* at = text->c_str();
  char* end = nullptr;
  while (true) {
    const unsigned long first = strtoul(at, &end, 10);
    if (end == at) return false;
    strtoul(end, &end, 10);
    const unsigned long count = strtoul(end, &end, 10);
    if (id >= first && id - first < count) return true;
    at = end;
  }
}

std::string not_mapped(const char* what, std::uint32_t id, const char* map) {
  return std::string(" (") + what + " " + std::to_string(id) + " is not in this user namespace: " + map + ")";
}

constexpr char kUidMap[] = "/proc/self/uid_map";
constexpr char kGidMap[] = "/proc/self/gid_map";

std::string above_hard_limit(int error, const os::ResourceLimit& limit, const std::string& name) {
  rlimit64 has{};
  if (!not_permitted(error) || os::sys::getrlimit(limit.resource, &has) != 0 || limit.value.rlim_max <= has.rlim_max)
    return "";
  rlimit64 hard{has.rlim_max, has.rlim_max};
  const std::string number = limit.value.rlim_max == RLIM64_INFINITY ? "-1" : std::to_string(limit.value.rlim_max);
  return " (above the hard limit of " + describe(hard).substr(0, describe(hard).find(':')) + ": docker run --ulimit " +
         name + "=" + number + ")";
}

// What cinit tells it about itself, as systemd does: sd_notify(3), systemd.service(5), "$MAINPID".
void add_provided(config::Variables& variables, const Provision& provision) {
  using std::chrono::microseconds;
  if (!provision.notify_socket.empty()) variables["NOTIFY_SOCKET"] = provision.notify_socket;
  if (provision.watchdog) {
    variables["WATCHDOG_USEC"] = std::to_string(std::chrono::duration_cast<microseconds>(*provision.watchdog).count());
  }
  if (provision.main_pid) variables["MAINPID"] = std::to_string(*provision.main_pid);
}

}  // namespace

LaunchSetup::LaunchSetup(const core::PlannedService& service, const config::Config& config,
                         const Surroundings& surroundings)
    : service_(service), spec_(service.spec), config_(config), surroundings_(surroundings) {}

os::Identity LaunchSetup::user() const {
  os::Identity user;
  if (child_.set_uid) user.uid = child_.uid;
  if (child_.set_gid) user.gid = child_.gid;
  user.groups = groups_;
  return user;
}

LaunchSetup::Failed LaunchSetup::prepare(const Provision& provision) {
  take_command(provision.command ? *provision.command : spec_.command);
  take_role(provision);
  take_limits();
  take_priorities();
  if (spec_.umask) {
    child_.set_umask = true;
    child_.umask = spec_.umask->bits;
  }
  working_dir_ = spec_.working_dir.value_or("");
  if (spec_.working_dir) child_.working_dir = working_dir_.c_str();
  child_.extra_fd = provision.ready_fd;
  child_.extra_number = provision.ready_number;
  if (Failed failed = take_privileges()) return failed;
  if (Failed failed = compose_environment(provision)) return failed;
  return open_outputs(provision);
}

void LaunchSetup::take_command(const config::Command& command) {
  command_ = command;
  argv_.push_back(nullptr);  // the slot that os::ChildSetup::argv asks for
  for (std::string& word : command_) argv_.push_back(word.data());
  argv_.push_back(nullptr);
  child_.argv = argv_.data() + 1;
}

void LaunchSetup::take_role(const Provision& provision) {
  if (service_.role == core::Role::MainCommand) {
    child_.leadership = os::ChildSetup::Leadership::ProcessGroup;
    child_.take_terminal = true;
    child_.kept_fds = surroundings_.inherited_fds.data();
    child_.kept_fds_count = surroundings_.inherited_fds.size();
  }
  if (spec_.input == config::Input::Null) child_.stdin_fd = surroundings_.null.get();
  if (provision.stdin_fd >= 0) child_.stdin_fd = provision.stdin_fd;
}

void LaunchSetup::take_limits() {
  for (const auto& [name, resource] : kLimits) {
    const auto found = spec_.limits.find(std::string(name));
    if (found == spec_.limits.end()) continue;
    limits_.push_back({resource, {to_rlim(found->second.soft), to_rlim(found->second.hard)}});
    limit_names_.emplace_back(name);
  }
  if (surroundings_.descriptor_limit && !spec_.limits.contains("nofile")) {
    limits_.push_back({RLIMIT_NOFILE, *surroundings_.descriptor_limit});
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
    if (!capability) return failure(StartStage::Prepare, Error{"there is no capability \"" + name + "\""});
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
    Result<std::vector<gid_t>> groups = os::groups_of(account_->name, child_.gid);
    if (!groups) return failure(StartStage::Prepare, groups.error());
    groups_ = *std::move(groups);
  }
  static constexpr gid_t kNone = 0;  // an empty list is one, too
  child_.groups = groups_.empty() ? &kNone : groups_.data();
  child_.groups_count = groups_.size();
  return std::nullopt;
}

LaunchSetup::Failed LaunchSetup::compose_environment(const Provision& provision) {
  config::Variables variables;
  if (!spec_.clear_env) variables = surroundings_.environment;
  if (service_.role != core::Role::MainCommand) variables = without_own(std::move(variables));
  if (account_) {
    variables["HOME"] = account_->home;
    variables["SHELL"] = account_->shell;
    if (!account_->name.empty()) variables["USER"] = variables["LOGNAME"] = account_->name;
  }
  merge(variables, config_.env);
  merge(variables, from_files_);
  merge(variables, spec_.env);
  add_provided(variables, provision);
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
  if (!variables) return failure(StartStage::Prepare, variables.error());
  from_files_ = *std::move(variables);
  return std::nullopt;
}

LaunchSetup::Failed LaunchSetup::open_outputs(const Provision& provision) {
  child_.stdout_fd = provision.silent ? surroundings_.null.get() : provision.stdout_fd;
  child_.stderr_fd = provision.silent ? surroundings_.null.get() : provision.stderr_fd;
  if (provision.silent) return std::nullopt;
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
  if (output.kind == config::Output::Kind::Null) fd = surroundings_.null.get();
  if (output.kind != config::Output::Kind::File) return std::nullopt;
  Result<os::Place> place = os::find_place(output.path);
  if (!place) return no_output(stage, output.path, place.error());
  to.path = output.path;
  to.place = *std::move(place);
  if (!to.place.trusted && user().is_another()) return std::nullopt;
  to.file = os::open_log(to.place, user().uid, user().gid);
  fd = to.file.get();
  if (!to.file) return no_output(stage, to.path, system_error(to.file.error()));
  return std::nullopt;
}

core::StartFailure LaunchSetup::explain_output(StartStage stage, int error) const {
  const bool is_stdout = stage == StartStage::Stdout;
  const OutputFile& file = is_stdout ? stdout_file_ : stderr_file_;
  const bool was_opened = (is_stdout ? child_.stdout_path : child_.stderr_path) != nullptr;
  if (was_opened) {
    const Error reason = system_error(error);
    return no_output(stage, file.path, {os::describe_failure(file.place, user(), reason, "write there"), error});
  }
  return failure(stage, error,
                 std::string("cannot connect its standard ") + (is_stdout ? "output: " : "error: ") + strerror(error));
}

std::string LaunchSetup::why_not_that_user(int error) const {
  if (error == EINVAL) {
    for (const gid_t gid : groups_) {
      if (!is_mapped(kGidMap, gid)) return not_mapped("gid", gid, kGidMap);
    }
    if (child_.set_gid && !is_mapped(kGidMap, child_.gid)) return not_mapped("gid", child_.gid, kGidMap);
    if (child_.set_uid && !is_mapped(kUidMap, child_.uid)) return not_mapped("uid", child_.uid, kUidMap);
    return "";
  }
  if (!not_permitted(error)) return "";
  if (geteuid() == 0)
    return " (the container lacks CAP_SETUID or CAP_SETGID: docker run --cap-add SETUID --cap-add SETGID)";
  const char* const key = spec_.user ? "user" : spec_.group ? "group" : "groups";
  return " (cinit runs as uid " + std::to_string(geteuid()) +
         ", and only root may change it: start the container as root, or " + "leave out `" + key + "`)";
}

core::StartFailure LaunchSetup::explain(const os::SpawnResult& result) const {
  const std::string reason = strerror(result.error);
  const auto failed = [&](std::string what, const std::string& advice = "") {
    return failure(result.stage, result.error, std::move(what) + ": " + reason + advice);
  };
  switch (result.stage) {
    case StartStage::Exec: {
      Line line;
      os::add_system_words(line << static_cast<const char*>(result.reason), result.error);
      return failure(result.stage, result.error, std::string(line.text()));
    }
    case StartStage::Limits:
      return failed(
          "limits." + limit_names_[result.limit] + " cannot be set to " + describe(limits_[result.limit].value),
          above_hard_limit(result.error, limits_[result.limit], limit_names_[result.limit]));
    case StartStage::OomScore:
      return failed(
          "cannot set oom-score-adj to " + std::to_string(child_.oom_score_adj) + " (/proc/self/oom_score_adj)",
          way_out(result.error, kSystemResource));
    case StartStage::Nice:
      return failed("cannot set nice to " + std::to_string(child_.nice), way_out(result.error, kSystemNice));
    case StartStage::BoundingSet:
      return failed("cannot take the capability " + to_string(result.capability) + " away from it",
                    way_out(result.error, kSetCapabilities));
    case StartStage::Capabilities:
      return failed("cannot give it the capability " + to_string(result.capability),
                    why_not_given(result.error, result.capability));
    case StartStage::NoNewPrivileges: return failed("cannot set no-new-privileges");
    case StartStage::Groups:
      return failed("its supplementary groups cannot be set (setgroups)", why_not_that_user(result.error));
    case StartStage::Group:
      return failed("cannot change to group " + std::to_string(child_.gid) + " (setgid)",
                    why_not_that_user(result.error));
    case StartStage::User:
      return failed("cannot change to user \"" + user_ + "\" (setuid " + std::to_string(child_.uid) + ")",
                    why_not_that_user(result.error));
    case StartStage::WorkingDir:
      return failed("cannot change to directory " + working_dir_,
                    result.reason[0] == '\0' ? "" : std::string(" (") + static_cast<const char*>(result.reason) + ")");
    case StartStage::Session: return failed("cannot get a session or process group of its own");
    case StartStage::Terminal: return failed("cannot become the terminal's foreground");
    case StartStage::Stdin: return failed("cannot connect its standard input");
    case StartStage::Stdout:
    case StartStage::Stderr: return explain_output(result.stage, result.error);
    case StartStage::ExtraDescriptor:
      return failed("cannot connect the descriptor for its readiness, " + std::to_string(child_.extra_number));
    case StartStage::Fork: return failed("cannot make a process (fork)");
    case StartStage::Prepare: break;
  }
  return failed("cannot be prepared");
}

}  // namespace cinit::init
