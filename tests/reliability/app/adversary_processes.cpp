// What the adversary does to processes.
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <string>

#include "adversary.hpp"
#include "app.hpp"

namespace app {

namespace {

// The largest process id that has been given away, and all below it.
int newest_pid() {
  const int pid = fork();
  if (pid == 0) _exit(0);
  if (pid > 0) waitpid(pid, nullptr, 0);
  return pid > 0 ? pid : 300;
}

template <typename Act>
void for_others(Means& means, Act act) {
  const int newest = newest_pid();
  for (int pid = newest > 500 ? newest - 500 : 1; pid < newest + 20; ++pid) {
    if (!means.is_own(pid) && kill(pid, 0) == 0) act(pid);
  }
}

void signal_range(Means& means, int from, int to, int number) {
  for (int pid = from; pid < to; ++pid) {
    if (!means.is_own(pid)) kill(pid, number);
  }
}

}  // namespace

void stop_others(Means& means) {
  for_others(means, [](int pid) { kill(pid, SIGSTOP); });
  sleep_ms(static_cast<int>(means.any(30)));
  if (means.any(3) == 0) for_others(means, [](int pid) { kill(pid, SIGCONT); });
}

// Those that come next, before they have become their program.
void stop_newcomers(Means& means) {
  const int newest = newest_pid();
  for (int i = 0; i < 20000; ++i) signal_range(means, newest + 1, newest + 4, SIGSTOP);
}

void signal_others(Means& means) {
  constexpr int kNumbers[] = {SIGTERM, SIGKILL, SIGSEGV, SIGABRT, SIGQUIT, SIGHUP,
                              SIGUSR1, SIGTSTP, SIGCONT, SIGXCPU, SIGPIPE};
  const int number = kNumbers[means.any(sizeof kNumbers / sizeof *kNumbers)];
  for_others(means, [&means, number](int pid) {
    if (pid != 1 || !means.spares_pid_1) kill(pid, number);
  });
  sleep_ms(static_cast<int>(means.any(20)));
}

// Its own processes included, but for the one that calls.
void signal_all(Means& means) {
  constexpr int kNumbers[] = {SIGSTOP, SIGTERM, SIGKILL, SIGSEGV};
  for (int i = 0; i < 300; ++i) kill(-1, kNumbers[means.any(4)]);
  kill(-1, SIGCONT);
}

void trace_others(Means& means) {
  for_others(means, [&means](int pid) {
    const bool seized =
        ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0 && ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) == 0;
    if (seized && pid == 1) append("/shared/breach", "PID 1 lets itself be traced");
    if (seized && means.any(2) == 0) ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  });
  // The newcomers, too: as long as they have not become their program.
  const int newest = newest_pid();
  for (int i = 0; i < 5000; ++i) ptrace(PTRACE_ATTACH, newest + 1 + i % 3, nullptr, nullptr);
  sleep_ms(static_cast<int>(means.any(100)));
  if (means.any(4) == 0) _exit(0);  // which lets all of them go
}

void limit_others(Means& means) {
  constexpr int kWhich[] = {RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_AS,  RLIMIT_DATA,
                            RLIMIT_STACK,  RLIMIT_NPROC, RLIMIT_CPU, RLIMIT_SIGPENDING};
  const auto which = kWhich[means.any(sizeof kWhich / sizeof *kWhich)];
  const rlimit limit{means.any(2) == 0 ? 0UL : 3UL, 3};
  for_others(means, [&](int pid) {
    if (pid == 1 && means.spares_pid_1) return;
    prlimit(pid, static_cast<__rlimit_resource>(which), &limit, nullptr);
  });
  const int newest = newest_pid();
  for (int i = 0; i < 2000; ++i) prlimit(newest + 1 + i % 3, static_cast<__rlimit_resource>(which), &limit, nullptr);
}

void slow_others(Means& means) {
  for_others(means, [&means](int pid) {
    if (pid == 1 && means.spares_pid_1) return;
    setpriority(PRIO_PROCESS, static_cast<id_t>(pid), 19);
    sched_param parameter{};
    sched_setscheduler(pid, SCHED_IDLE, &parameter);
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    sched_setaffinity(pid, sizeof first, &first);
    constexpr int kIdle = 3 << 13;  // ioprio_set(2): IOPRIO_CLASS_IDLE
    syscall(SYS_ioprio_set, 1, pid, kIdle);
  });
  sleep_ms(10);
}

void use_memory(Means& means) {
  const std::size_t size = std::size_t{16} << 20;
  void* const place = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) return;
  std::memset(place, 1, size);
  sleep_ms(static_cast<int>(means.any(30)));
  munmap(place, size);
}

void fork_many(Means& means) {
  for (unsigned i = 0; i < 60; ++i) {
    const int pid = fork();
    if (pid < 0) break;
    if (pid > 0) continue;
    if (means.any(4) == 0) setsid();
    sleep_ms(static_cast<int>(means.any(40)));
    _exit(0);
  }
  while (waitpid(-1, nullptr, WNOHANG) > 0) continue;
  sleep_ms(static_cast<int>(means.any(50)));
}

void read_and_write_proc(Means& means) {
  for (const char* name : {"environ", "mem", "maps", "fd/0", "fd/2", "root", "cwd", "exe", "auxv"}) {
    const std::string path = std::string("/proc/1/") + name;
    const int fd = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) continue;
    append("/shared/breach", "PID 1 lets its " + std::string(name) + " be opened");
    close(fd);
  }
  for_others(means, [](int pid) {
    for (const auto& [name, text] : {std::pair{"oom_score_adj", "1000"}, std::pair{"comm", "x) R 1 1"},
                                     std::pair{"timerslack_ns", "4000000000"}}) {
      const int fd = open(("/proc/" + std::to_string(pid) + "/" + name).c_str(), O_WRONLY | O_CLOEXEC);
      if (fd < 0) continue;
      if (write(fd, text, std::strlen(text)) < 0) sleep_ms(0);
      close(fd);
    }
  });
}

}  // namespace app
