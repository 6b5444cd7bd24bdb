#include "forked.hpp"

#include <doctest/doctest.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "files.hpp"
#include "os/fd.hpp"
#include "os/signals.hpp"

namespace cinit::test {
namespace {

constexpr std::chrono::seconds kLimit{20};

void need(bool succeeded, const char* what) {
  if (!succeeded) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

// doctest's handlers would report a signal as its own crash. Those of the sanitizers stay.
void reset_signals() {
  const os::sys::KernelSigaction standard;
  for (int signal = 1; signal <= 64; ++signal) {
    if (os::kHandledSignals.has(signal)) os::sys::sigaction(signal, &standard, nullptr);
  }
  const os::SignalSet none;
  os::sys::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void end_with_parent(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It may have ended before that. One outside the PID namespace reads as 0.
  if (getppid() != parent && getppid() != 0) _exit(97);
}

std::string run(const Body& body) {
  try {
    return body();
  } catch (const std::exception& error) {
    return std::string("exception: ") + error.what();
  } catch (...) {
    return "a REQUIRE failed";
  }
}

// The text that a process leaves behind for the one that has forked it.
class Report {
 public:
  Report() : file_(memfd_create("report", MFD_CLOEXEC)) {}

  void write(const std::string& text) const {
    if (::write(file_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) _exit(99);
  }
  std::string read() const {
    lseek(file_.get(), 0, SEEK_SET);
    return read_all(file_.get());
  }

 private:
  os::Fd file_;
};

// Kills the child when it takes too long.
std::string end_in_time(pid_t pid) {
  const os::Fd process(os::sys::pidfd_open(pid));
  pollfd wanted{process.get(), POLLIN, 0};
  const bool ended = poll(&wanted, 1, static_cast<int>(std::chrono::milliseconds(kLimit).count())) == 1;
  if (!ended) kill(pid, SIGKILL);
  const std::string end = end_of(pid);
  return ended ? end : "no end in time";
}

std::string finish(pid_t pid, const Report& report) {
  REQUIRE(pid > 0);
  const std::string end = end_in_time(pid);
  REQUIRE(end == "code 0");
  return report.read();
}

void mount_proc(Proc proc) {
  if (proc == Proc::None) return hide_proc();
  if (proc == Proc::OfParent) return;
  need(mount("proc", "/proc", "proc", 0, nullptr) == 0, "mount /proc");
}

// What runs outside the new namespace, and starts what runs inside.
std::string open_namespace(Proc proc, const Body& body, const std::function<void()>& visitor) {
  enter_mount_namespace();
  need(unshare(CLONE_NEWPID) == 0, "unshare");
  const Report report;
  const pid_t init = fork_process([&] {
    report.write(getpid() != 1 ? "not PID 1" : run([&] {
      mount_proc(proc);
      return body();
    }));
  });
  // First, because the kernel keeps PID 1 until everybody else of the namespace has been reaped.
  if (visitor) end_of(fork_process(visitor));
  const std::string end = end_of(init);
  return end == "code 0" ? report.read() : "PID 1: " + end;
}

}  // namespace

std::string in_child(const Body& body) {
  const Report report;
  return finish(fork_process([&] { report.write(run(body)); }), report);
}

std::string as_init(Proc proc, const Body& body, const std::function<void()>& visitor) {
  return in_child([&] { return open_namespace(proc, body, visitor); });
}

pid_t fork_process(const std::function<void()>& body) {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  need(pid >= 0, "fork");
  if (pid > 0) return pid;
  end_with_parent(parent);
  reset_signals();
  body();
  _exit(0);
}

pid_t fork_sleeper() {
  return fork_process([] {
    while (true) pause();
  });
}

void become_nobody() {
  need(setgroups(0, nullptr) == 0, "setgroups");
  need(setresgid(kNobody, kNobody, kNobody) == 0, "setresgid");
  need(setresuid(kNobody, kNobody, kNobody) == 0, "setresuid");
}

void enter_mount_namespace() {
  need(unshare(CLONE_NEWNS) == 0, "unshare");
  need(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "mount --make-rprivate");
}

void hide_proc() { need(mount("none", "/proc", "tmpfs", 0, nullptr) == 0, "mount over /proc"); }

void refuse_call(long number, int error) {
  sock_filter program[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<unsigned>(number)},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
  need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
  need(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0, "seccomp");
}

void replace_file(const std::string& path, const std::string& text) {
  const TemporaryDirectory directory;
  const std::string file = directory.path() + "/file";
  std::ofstream(file) << text;
  need(mount(file.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) == 0, "mount --bind");
}

void filter_call(const FilteredCall& call, unsigned action) {
  const auto argument = static_cast<unsigned>(call.argument < 0 ? 0 : call.argument);
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call.number), 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offsetof(seccomp_data, args)) + 8 * argument),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call.value, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  if (call.argument < 0) filter[1].jt = 2;
  const sock_fprog program{std::size(filter), filter};
  const unsigned listen = action == SECCOMP_RET_USER_NOTIF ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  need(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, listen, &program) >= 0, "seccomp");
}

bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kLimit / 2;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    poll(nullptr, 0, 1);
  }
  return true;
}

std::string end_of(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return "no child";
  if (WIFEXITED(status)) return "code " + std::to_string(WEXITSTATUS(status));
  return "signal " + std::to_string(WTERMSIG(status));
}

std::string in_order(std::initializer_list<std::string> parts) {
  std::string text;
  for (const std::string& part : parts) text += part;
  return text;
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  ssize_t size = 0;
  while ((size = read(fd, buffer.data(), buffer.size())) > 0)
    text.append(buffer.data(), static_cast<std::size_t>(size));
  return text;
}

std::string own_status(const std::string& key) {
  std::ifstream file("/proc/self/status");
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with(key + ":")) continue;
    const std::size_t begin = line.find_first_not_of(" \t", key.size() + 1);
    return begin == std::string::npos ? "" : line.substr(begin, line.find_last_not_of(" \t") - begin + 1);
  }
  return "no " + key;
}

}  // namespace cinit::test
