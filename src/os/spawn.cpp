#include "os/spawn.hpp"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <algorithm>
#include <type_traits>

#include "os/exec.hpp"
#include "os/exec_reason.hpp"
#include "os/open_output.hpp"

namespace cinit::os {

// What the child has: its orders, and where its failure is written down. One that shares our memory leaves it there; a
// pending one writes it to `report` as well.
struct PendingSpawn::Child {
  const ChildSetup& setup;
  int report = -1;
  SpawnResult failure = {};
};

namespace {

using Child = PendingSpawn::Child;
static_assert(std::is_trivially_destructible_v<Child> && std::is_trivially_copyable_v<SpawnResult>);

// What runs in the child: system calls on data that the parent has made, nothing else. It ends in exec or exit.
// A search through PATH needs this much stack, and so does the reason for a failure: a path, a line, and small change.
constexpr std::size_t kStackSize = PATH_MAX + 12 * 1024;
alignas(16) char child_stack[kStackSize];

[[noreturn]] void leave(Child& child) {
  if (child.report >= 0) sys::write(child.report, &child.failure, sizeof(child.failure));
  sys::exit(127);
}

[[noreturn]] void fail(Child& child, StartStage stage, long result) {
  child.failure.stage = stage;
  child.failure.error = static_cast<int>(-result);
  leave(child);
}

void give_reason(Child& child, const Line& line) {
  const std::size_t size = std::min(line.text().size(), sizeof(child.failure.reason) - 1);
  memcpy(child.failure.reason, line.text().data(), size);
}

// The program lies where its user may have put a FIFO, a lease or a link in its place: it is looked at by the child, as that
// user.
[[noreturn]] void fail_exec(Child& child, long result) {
  Line line;
  const ChildSetup& setup = child.setup;
  explain_exec_failure(line, {setup.argv, setup.envp, setup.search_path, static_cast<int>(-result)});
  give_reason(child, line);
  fail(child, StartStage::Exec, result);
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

// The number of the descriptor for its readiness is the service's choice, and may be that of the report.
void keep_report(Child& child) {
  if (child.report < 0 || child.report != child.setup.extra_number) return;
  const long moved = sys::fcntl(child.report, F_DUPFD_CLOEXEC, child.report + 1);
  require(child, StartStage::ExtraDescriptor, moved);
  child.report = static_cast<int>(moved);
}

void set_descriptors(Child& child) {
  const ChildSetup& setup = child.setup;
  keep_report(child);
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

// The first descriptor from `first` on that the child keeps; INT_MAX: there is none.
int next_kept(const Child& child, int first) {
  const ChildSetup& setup = child.setup;
  int next = INT_MAX;
  const auto consider = [&](int fd) {
    if (fd >= first && fd < next) next = fd;
  };
  consider(child.report);
  if (setup.extra_fd >= 0) consider(setup.extra_number);
  for (std::size_t i = 0; i < setup.kept_fds_count; ++i) consider(setup.kept_fds[i]);
  return next;
}

// A child that is held up before its exec must not keep open what we close meanwhile: the end of a pipe that another service
// reads, a client's connection. Where the kernel has no close_range(2) (before Linux 5.9) exec(2) does it.
void close_others(const Child& child) {
  if (child.report < 0) return;  // we stand still as long as the child is not there
  for (int first = 3; first != INT_MAX;) {
    const int kept = next_kept(child, first);
    if (kept > first) sys::call(SYS_close_range, first, kept - 1, 0);
    first = kept == INT_MAX ? INT_MAX : kept + 1;
  }
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

// The file belongs to root while the memory of the child may not be traced (as that of an unprivileged cinit may not); the
// child of such a cinit lifts that for the moment.
long open_oom_score() {
  const long before = sys::prctl(PR_GET_DUMPABLE, 0);
  if (before == 0) sys::prctl(PR_SET_DUMPABLE, 1);
  const long file = sys::open(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (before == 0) sys::prctl(PR_SET_DUMPABLE, 0);
  return file;
}

// The kernel gives this value to every process that shares the memory, so this child has its own: see may_share_memory().
// Before the limits, which may leave no room for a descriptor.
void set_oom_score(Child& child) {
  if (!child.setup.set_oom_score_adj) return;
  char text[12];
  const char* const end = write_number(text, child.setup.oom_score_adj);
  const long file = open_oom_score();
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
  for (std::size_t i = 0; i < child.setup.marks_count; ++i) {
    const ResourceLimit& mark = child.setup.marks[i];
    sys::setrlimit(mark.resource, &mark.value);
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

void open_output(Child& child, StartStage stage, const char* path, int to) {
  if (path == nullptr) return;
  const long file = open_output_as_user(path);
  require(child, stage, file);
  require(child, stage, sys::dup3(static_cast<int>(file), to, 0));
  sys::close(static_cast<int>(file));
}

void open_outputs(Child& child) {
  const ChildSetup& setup = child.setup;
  open_output(child, StartStage::Stdout, setup.stdout_path, 1);
  if (setup.stdout_path && setup.stderr_to_stdout) connect(child, StartStage::Stderr, 1, 2);
  open_output(child, StartStage::Stderr, setup.stderr_path, 2);
}

// Which directory is not to be entered only its user can tell.
void enter_working_dir(Child& child) {
  const long result = sys::chdir(child.setup.working_dir);
  if (result >= 0) return;
  Line line;
  if (result == -EACCES && explain_no_entry(line, child.setup.working_dir)) give_reason(child, line);
  fail(child, StartStage::WorkingDir, result);
}

void set_surroundings(Child& child) {
  const ChildSetup& setup = child.setup;
  if (setup.set_umask) sys::umask(setup.umask);
  if (setup.working_dir) enter_working_dir(child);
}

[[noreturn]] void run_child(void* data) {
  Child& child = *static_cast<Child*>(data);
  lead(child);
  set_descriptors(child);
  close_others(child);
  set_oom_score(child);
  set_limits(child);
  set_nice(child);
  limit_capabilities(child);
  keep_capabilities(child);
  set_ids(child);
  set_capabilities(child);
  forgo_new_privileges(child);
  open_outputs(child);
  set_surroundings(child);
  if (child.setup.pid_text) *write_number(child.setup.pid_text, sys::getpid()) = '\0';
  sys::sigprocmask(SIG_SETMASK, &child.setup.mask, nullptr);
  fail_exec(child, child.setup.exec(child.setup.argv, child.setup.envp, child.setup.search_path));
}

void reap(pid_t pid) {
  siginfo_t info;
  while (sys::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) == -EINTR) {
  }
}

// A child that stays what we are may share our memory until its exec, which costs a fraction of a copy. One that changes its
// user must not: the kernel makes the shared memory untraceable then (commit_creds(), prctl(2), PR_SET_DUMPABLE), and ours
// has to stay as it is; and what the child does there is within reach of another user.
bool may_share_memory(const ChildSetup& setup) {
  return !setup.set_uid && !setup.set_gid && !setup.groups && !setup.set_capabilities && !setup.set_oom_score_adj;
}

// The only child at its time, so there is one stack. One with memory of its own has a copy of the stack as well.
long clone_on_static_stack(unsigned long flags, Child& child) {
  return sys::clone_child(flags, run_child, &child, child_stack + kStackSize);
}

}  // namespace

SpawnResult spawn(const ChildSetup& setup) {
  Child child{setup};
  char* const before_program = setup.argv[-1];
  char* const program = setup.argv[0];
  const long pid = clone_on_static_stack(CLONE_VM | CLONE_VFORK, child);
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

// The stack of a child that shares our memory, with a guard page below it: mmap(2). A few are kept for the next starts.
struct PendingSpawn::Stack {
  static constexpr std::size_t kGuard = 4096;
  static constexpr std::size_t kMostSpare = 4;
  static inline void* spare[kMostSpare] = {};
  static inline std::size_t spare_count = 0;

  Stack() : base(spare_count > 0 ? spare[--spare_count] : map()) {}
  ~Stack() {
    if (base == nullptr) return;
    if (spare_count < kMostSpare) {
      spare[spare_count++] = base;
    } else {
      munmap(base, kGuard + kStackSize);
    }
  }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  static void* map() {
    void* const memory = mmap(nullptr, kGuard + kStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    if (mprotect(memory, kGuard, PROT_NONE) == 0) return memory;
    munmap(memory, kGuard + kStackSize);
    return nullptr;
  }
  char* top() const { return static_cast<char*>(base) + kGuard + kStackSize; }

  void* base;  // null: there was no memory for it
};

PendingSpawn::PendingSpawn(const ChildSetup& setup) {
  const long pid = begin(setup);
  if (pid > 0) {
    pid_ = static_cast<pid_t>(pid);
    return;
  }
  report_.reset();
  over_ = failed_ = true;
  failure_.stage = StartStage::Fork;
  failure_.error = static_cast<int>(-pid);
}

// The child's pid, or a negative errno.
long PendingSpawn::begin(const ChildSetup& setup) {
  int ends[2];
  const long error = sys::pipe(ends, O_CLOEXEC | O_NONBLOCK);
  if (error < 0) return error;
  report_ = Fd(ends[0]);
  const Fd write_end(ends[1]);
  child_ = std::make_unique<Child>(Child{setup, ends[1]});
  long pid = -EINVAL;
  if (may_share_memory(setup)) {
    stack_ = std::make_unique<Stack>();
    if (!stack_->base) return -ENOMEM;
    pid = sys::clone_child(CLONE_VM, run_child, child_.get(), stack_->top());
  }
  // EINVAL: an emulator that knows this only of threads, as qemu-user.
  return pid == -EINVAL ? clone_on_static_stack(0, *child_) : pid;
}

PendingSpawn::~PendingSpawn() = default;

// The report is shorter than PIPE_BUF, so it is there as a whole or not at all: pipe(7). The end of the pipe comes after
// exec(2) has given the child a memory of its own, or after its end has let go of ours.
std::optional<SpawnResult> PendingSpawn::result() {
  while (!over_) {
    SpawnResult report;
    const long size = sys::read(report_.get(), &report, sizeof(report));
    error_ = size < 0 && size != -EAGAIN ? static_cast<int>(-size) : 0;
    if (size < 0) return std::nullopt;
    over_ = size == 0;
    if (size != sizeof(report)) continue;
    failure_ = report;
    failed_ = true;
  }
  if (failed_) return failure_;
  SpawnResult started;
  started.pid = pid_;
  return started;
}

}  // namespace cinit::os
