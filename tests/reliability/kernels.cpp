// Part (e): kernels and seccomp profiles that do not know what is newer than Linux 3.10. The story has to go as without.
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>

#include "calls.hpp"
#include "filter.hpp"
#include "story.hpp"

namespace cinit::reliability {

namespace {

using namespace std::chrono_literals;

struct Newer {
  const char* name;
  Refusal refusal;      // as a kernel that does not have it
  bool profile = true;  // an old seccomp profile refuses it with EPERM, too
};

constexpr int kPassRights = 83;  // SO_PASSRIGHTS, Linux 6.16

constexpr Newer kNewer[] = {
    {"renameat2 (3.15)", {SYS_renameat2, ENOSYS}},
    {"getrandom (3.17)", {SYS_getrandom, ENOSYS}},
    {"memfd_create (3.17)", {SYS_memfd_create, ENOSYS}},
    {"seccomp (3.17)", {SYS_seccomp, ENOSYS}},
    {"execveat (3.19)", {SYS_execveat, ENOSYS}},
    {"membarrier (4.3)", {SYS_membarrier, ENOSYS}},
    {"userfaultfd (4.3)", {SYS_userfaultfd, ENOSYS}},
    {"copy_file_range (4.5)", {SYS_copy_file_range, ENOSYS}},
    {"preadv2 (4.6)", {SYS_preadv2, ENOSYS}},
    {"pwritev2 (4.6)", {SYS_pwritev2, ENOSYS}},
    {"statx (4.11)", {SYS_statx, ENOSYS}},
    {"rseq (4.18)", {SYS_rseq, ENOSYS}},
    {"pidfd_send_signal (5.1)", {SYS_pidfd_send_signal, ENOSYS}},
    {"pidfd_open (5.3)", {SYS_pidfd_open, ENOSYS}},
    {"clone3 (5.3)", {SYS_clone3, ENOSYS}},
    {"close_range (5.9)", {SYS_close_range, ENOSYS}},
    {"openat2 (5.6)", {SYS_openat2, ENOSYS}},
    {"pidfd_getfd (5.6)", {SYS_pidfd_getfd, ENOSYS}},
    {"faccessat2 (5.8)", {SYS_faccessat2, ENOSYS}},
    {"epoll_pwait2 (5.11)", {SYS_epoll_pwait2, ENOSYS}},
    {"waitid(P_PIDFD) (5.4)", {SYS_waitid, EINVAL, 0, 3}, false},
    {"clone(CLONE_PIDFD) (5.2)", {SYS_clone, EINVAL, 0, CLONE_PIDFD, true}, false},
    {"fcntl(F_OFD_SETLK) (3.15)", {SYS_fcntl, EINVAL, 1, F_OFD_SETLK}, false},
    {"prctl(PR_CAP_AMBIENT) (4.3)", {SYS_prctl, EINVAL, 0, PR_CAP_AMBIENT}, false},
    {"setsockopt(SO_PASSRIGHTS) (6.16)", {SYS_setsockopt, ENOPROTOOPT, 1, SOL_SOCKET, false, 2, kPassRights}, false},
};

// Throws when the filter lets a call through: then the row would show nothing. A call of nonsense does no harm, but for one
// of clone(2).
void require_refused(const Refusal& refusal) {
  if (refusal.call == SYS_clone) return;
  std::array<long, 6> arguments{-1, -1, -1, -1, -1, -1};
  if (refusal.argument >= 0) arguments.at(static_cast<std::size_t>(refusal.argument)) = refusal.value;
  if (refusal.second_argument >= 0)
    arguments.at(static_cast<std::size_t>(refusal.second_argument)) = refusal.second_value;
  const long result =
      syscall(refusal.call, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
  if (result != -1 || errno != refusal.error)
    throw std::runtime_error("the filter does not hold: " + name_of_call(refusal.call));
}

Outcome run(const Setting& setting, const std::vector<Refusal>& refusals) {
  Outcome outcome;
  for (const double patience : {1.0, 4.0}) {  // the second for a busy machine
    outcome = {};
    StoryOptions options;
    options.patience = patience;
    options.box.last_step = [&refusals] {
      install_filter(refusals);
      for (const Refusal& refusal : refusals) require_refused(refusal);
    };
    const StoryEnd end = live(setting, options);
    for (const std::string& wrong : end.wrongs) outcome.fail(wrong);
    for (const std::string& loss : end.losses) outcome.fail("lost: " + loss);
    outcome.require(end.status && code_of(*end.status) == 0,
                    "exit code " + (end.status ? std::to_string(code_of(*end.status)) : "none"));
    outcome.require(end.processor_time < setting.limit(500ms),
                    "busy: " + std::to_string(milliseconds(end.processor_time)) + " ms of the processor");
    outcome.evidence = end.log;
    if (outcome.failures.empty()) break;
  }
  return outcome;
}

}  // namespace

std::vector<Row> kernel_rows() {
  std::vector<Row> rows;
  const auto add = [&rows](const char* group, const std::string& name, const std::vector<Refusal>& refusals) {
    rows.push_back(
        {"kernels", group, name, [refusals](const Setting& setting) { return run(setting, refusals); }, 1, false});
  };
  std::vector<Refusal> all_missing;
  std::vector<Refusal> all_refused;
  for (const Newer& newer : kNewer) {
    add("one newer call is missing", "without " + std::string(newer.name), {newer.refusal});
    all_missing.push_back(newer.refusal);
    all_refused.push_back(newer.refusal);
    if (!newer.profile) continue;
    all_refused.back().error = EPERM;
    add("one newer call is refused with EPERM", "EPERM for " + std::string(newer.name), {all_refused.back()});
  }
  add("all together", "as Linux 3.10: all of these are missing", all_missing);
  add("all together", "as an old profile: all of these are refused with EPERM", all_refused);
  return rows;
}

}  // namespace cinit::reliability
