#include "os/spawn.hpp"

#include <errno.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "os/exec.hpp"

namespace cinit::os {
namespace {

// The child lives in our memory until it has called exec, so its failure is simply written down here.
struct Child {
  const ChildSetup& setup;
  SpawnResult failure;
};

// What runs in the child: system calls on data that the parent has made, nothing else. It ends in exec or exit.
// A search through PATH needs this much stack: a path, and small change.
constexpr std::size_t kStackSize = PATH_MAX + 12 * 1024;
alignas(16) char child_stack[kStackSize];

[[noreturn]] void fail(Child& child, StartStage stage, long result) {
  child.failure.stage = stage;
  child.failure.error = static_cast<int>(-result);
  sys::exit(127);
}

void require(Child& child, StartStage stage, long result) {
  if (result < 0) fail(child, stage, result);
}

// Whether our own process group, which the child still is in, has the terminal. One that is in somebody else's hands, as
// that of a shell which started us in the background, is not to be taken away.
bool has_terminal(const Child& child) {
  pid_t foreground = 0;
  if (!child.setup.take_terminal) return false;
  if (sys::ioctl(child.setup.terminal_fd, TIOCGPGRP, &foreground) < 0) return false;
  return sys::call(SYS_getpgid, 0) == foreground;
}

// SIGTTOU, which would stop a background process that does this, is blocked.
void take_terminal(Child& child) {
  pid_t own_group = sys::getpid();
  require(child, StartStage::Terminal, sys::ioctl(child.setup.terminal_fd, TIOCSPGRP, &own_group));
}

void control_terminal(Child& child) {
  child.failure.terminal_error = static_cast<int>(-sys::ioctl(0, TIOCSCTTY, nullptr));
}

void lead(Child& child) {
  if (child.setup.leadership == ChildSetup::Leadership::Session) {
    require(child, StartStage::Session, sys::setsid());
    if (child.setup.control_terminal) control_terminal(child);
  } else if (child.setup.leadership == ChildSetup::Leadership::ProcessGroup) {
    const bool terminal = has_terminal(child);
    require(child, StartStage::Session, sys::setpgid(0, 0));
    if (terminal) take_terminal(child);
  }
}

void connect(Child& child, StartStage stage, int from, int to) {
  if (from >= 0) require(child, stage, sys::dup3(from, to, 0));
}

void set_descriptors(Child& child) {
  const ChildSetup& setup = child.setup;
  connect(child, StartStage::Stdin, setup.stdin_fd, 0);
  connect(child, StartStage::Stdout, setup.stdout_fd, 1);
  connect(child, StartStage::Stderr, setup.stderr_to_stdout ? 1 : setup.stderr_fd, 2);
  if (setup.extra_fd == setup.extra_number && setup.extra_fd >= 0) {
    sys::fcntl(setup.extra_fd, F_SETFD, 0);
  } else {
    connect(child, StartStage::ExtraDescriptor, setup.extra_fd, setup.extra_number);
  }
  for (std::size_t i = 0; i < setup.kept_fds_count; ++i) sys::fcntl(setup.kept_fds[i], F_SETFD, 0);
}

// Writes it in decimal, and returns the end.
char* write_number(char* text, int number) {
  char digits[12];
  int count = 0;
  if (number < 0) *text++ = '-';
  unsigned rest = number < 0 ? 0U - static_cast<unsigned>(number) : static_cast<unsigned>(number);
  do {
    digits[count++] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  while (count > 0) *text++ = digits[--count];
  return text;
}

// The kernel gives this value to everybody who shares the memory, except to the parent of a vfork: that is what keeps it
// away from us. Before the limits, which may leave no room for a descriptor.
void set_oom_score(Child& child) {
  if (!child.setup.set_oom_score_adj) return;
  char text[12];
  const char* const end = write_number(text, child.setup.oom_score_adj);
  const long file = sys::open(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  require(child, StartStage::OomScore, file);
  const auto fd = static_cast<int>(file);
  require(child, StartStage::OomScore, sys::write(fd, text, static_cast<std::size_t>(end - text)));
  sys::close(fd);
}

void set_limits(Child& child) {
  for (std::size_t i = 0; i < child.setup.limits_count; ++i) {
    const ResourceLimit& limit = child.setup.limits[i];
    child.failure.limit = i;
    require(child, StartStage::Limits, sys::setrlimit(limit.resource, &limit.value));
  }
}

// RLIMIT_NICE is one of the limits, and may allow it.
void set_nice(Child& child) {
  if (child.setup.set_nice) require(child, StartStage::Nice, sys::setpriority(PRIO_PROCESS, 0, child.setup.nice));
}

constexpr int kMostCapabilities = 64;

// What is not in the bounding set anyway needs no privilege.
void limit_capabilities(Child& child) {
  if (!child.setup.set_capabilities) return;
  for (Capability each; each.number < kMostCapabilities; ++each.number) {
    const auto number = static_cast<unsigned long>(each.number);
    const long bounded = sys::prctl(PR_CAPBSET_READ, number);
    if (bounded < 0) return;  // the kernel knows no more of them
    if (bounded == 0 || child.setup.capabilities.has(each)) continue;
    child.failure.capability = each;
    require(child, StartStage::BoundingSet, sys::prctl(PR_CAPBSET_DROP, number));
  }
}

// Another user than root has none, unless they are kept (until the exec). When that is refused, they are missed later.
void keep_capabilities(const Child& child) {
  if (child.setup.set_capabilities && child.setup.set_uid) sys::prctl(PR_SET_KEEPCAPS, 1);
}

// The user last: without its privilege nothing of the rest could be set.
void set_ids(Child& child) {
  const ChildSetup& setup = child.setup;
  if (setup.groups) require(child, StartStage::Groups, sys::setgroups(setup.groups_count, setup.groups));
  if (setup.set_gid) require(child, StartStage::Group, sys::setresgid(setup.gid));
  if (setup.set_uid) require(child, StartStage::User, sys::setresuid(setup.uid));
}

// capset(2) does not say which one was too much.
void require_capabilities(Child& child, std::uint64_t permitted) {
  for (Capability each; each.number < kMostCapabilities; ++each.number) {
    if (!child.setup.capabilities.has(each)) continue;
    child.failure.capability = each;
    const long bounded = sys::prctl(PR_CAPBSET_READ, static_cast<unsigned long>(each.number));
    require(child, StartStage::Capabilities, bounded);
    if (bounded == 0 || !CapabilitySet{permitted}.has(each)) fail(child, StartStage::Capabilities, -EPERM);
  }
}

// Over an exec root gets what is in the bounding set, and anybody else what is ambient, which the inheritable set allows.
void raise_ambient(Child& child) {
  for (Capability each; each.number < kMostCapabilities; ++each.number) {
    if (!child.setup.capabilities.has(each)) continue;
    child.failure.capability = each;
    require(child, StartStage::Capabilities,
            sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, static_cast<unsigned long>(each.number)));
  }
}

// As the user that the program has: a change of user would take away what is ambient.
void set_capabilities(Child& child) {
  if (!child.setup.set_capabilities) return;
  sys::CapabilityWord words[2];
  require(child, StartStage::Capabilities, sys::capget(words));
  require_capabilities(child, std::uint64_t{words[1].permitted} << 32 | words[0].permitted);
  const auto low = static_cast<std::uint32_t>(child.setup.capabilities.bits);
  const auto high = static_cast<std::uint32_t>(child.setup.capabilities.bits >> 32);
  words[0] = {low, low, low};
  words[1] = {high, high, high};
  require(child, StartStage::Capabilities, sys::capset(words));
  raise_ambient(child);
}

void forgo_new_privileges(Child& child) {
  if (child.setup.no_new_privileges) {
    require(child, StartStage::NoNewPrivileges, sys::prctl(PR_SET_NO_NEW_PRIVS, 1));
  }
}

void set_surroundings(Child& child) {
  const ChildSetup& setup = child.setup;
  if (setup.set_umask) sys::umask(setup.umask);
  if (setup.working_dir) require(child, StartStage::WorkingDir, sys::chdir(setup.working_dir));
}

void run_child(void* data) {
  Child& child = *static_cast<Child*>(data);
  lead(child);
  set_descriptors(child);
  set_oom_score(child);
  set_limits(child);
  set_nice(child);
  limit_capabilities(child);
  keep_capabilities(child);
  set_ids(child);
  set_capabilities(child);
  forgo_new_privileges(child);
  set_surroundings(child);
  if (child.setup.pid_text) *write_number(child.setup.pid_text, sys::getpid()) = '\0';
  sys::sigprocmask(SIG_SETMASK, &child.setup.mask, nullptr);
  fail(child, StartStage::Exec, exec_program(child.setup.argv, child.setup.envp, child.setup.search_path));
}

void reap(pid_t pid) {
  siginfo_t info;
  while (sys::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) == -EINTR) {
  }
}

// A change of user makes the memory of who changes "not dumpable", which hides /proc/PID from its own user: prctl(2),
// PR_SET_DUMPABLE. The child changes its user while the memory is still ours.
class Dumpable {
 public:
  explicit Dumpable(const ChildSetup& setup) : before_(setup.set_uid || setup.set_gid ? get() : kUntouched) {}
  Dumpable(const Dumpable&) = delete;
  Dumpable& operator=(const Dumpable&) = delete;
  ~Dumpable() {
    if (before_ == kDumpable) sys::prctl(PR_SET_DUMPABLE, kDumpable);
  }

 private:
  static constexpr long kUntouched = -1;
  static constexpr long kDumpable = 1;
  static long get() { return sys::prctl(PR_GET_DUMPABLE, 0); }

  long before_;
};

}  // namespace

SpawnResult spawn(const ChildSetup& setup) {
  const Dumpable dumpable(setup);
  Child child{setup, {}};
  char* const before_program = setup.argv[-1];
  char* const program = setup.argv[0];
  const long pid = sys::clone_and_wait_for_exec(run_child, &child, child_stack + kStackSize);
  setup.argv[-1] = before_program;
  setup.argv[0] = program;
  if (pid < 0) {
    child.failure.stage = StartStage::Fork;
    child.failure.error = static_cast<int>(-pid);
    return child.failure;
  }
  if (child.failure.error != 0) {
    reap(static_cast<pid_t>(pid));
    return child.failure;
  }
  SpawnResult started;
  started.pid = static_cast<pid_t>(pid);
  started.terminal_error = child.failure.terminal_error;
  return started;
}

}  // namespace cinit::os
