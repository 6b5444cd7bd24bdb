// Why a start has failed, and what to do about it, in words.
#include "init/start_failure.hpp"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <utility>

#include "base/capability.hpp"
#include "base/line.hpp"
#include "init/launch_setup.hpp"
#include "os/exec_reason.hpp"
#include "os/file.hpp"
#include "os/syscall.hpp"

namespace cinit::init {
namespace {

bool may_succeed_later(int error) {
  return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE || error == ETXTBSY ||
         error == ENOBUFS;
}

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

// Whether a user namespace has an id: user_namespaces(7), "/proc/PID/uid_map". Where that cannot be read, it is taken
// to have it.
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

}  // namespace

core::StartFailure start_failure(StartStage stage, int error, std::string detail) {
  return {stage, error, std::move(detail), may_succeed_later(error)};
}

core::StartFailure start_failure(StartStage stage, const Error& error) {
  return {stage, error.code, error.message, os::may_pass(error.code)};
}

core::StartFailure output_failure(StartStage stage, const std::string& path, const Error& error) {
  return start_failure(stage, error.code, "cannot open " + path + " for its output: " + error.message);
}

core::StartFailure LaunchSetup::explain_output(StartStage stage, int error) const {
  const bool is_stdout = stage == StartStage::Stdout;
  const OutputFile& file = is_stdout ? stdout_file_ : stderr_file_;
  const bool was_opened = (is_stdout ? child_.stdout_path : child_.stderr_path) != nullptr;
  if (was_opened) {
    const Error reason = system_error(error);
    return output_failure(stage, file.path, {os::describe_failure(file.place, user(), reason, "write there"), error});
  }
  return start_failure(
      stage, error,
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
    return start_failure(result.stage, result.error, std::move(what) + ": " + reason + advice);
  };
  switch (result.stage) {
    case StartStage::Exec: {
      Line line;
      os::add_system_words(line << static_cast<const char*>(result.reason), result.error);
      return start_failure(result.stage, result.error, std::string(line.text()));
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
