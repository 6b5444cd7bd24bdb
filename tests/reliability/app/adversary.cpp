// One program that does everything that an ordinary user may do, to all that it can reach: seeded, so that a run can be had
// again. /home/app is its own. What it must not be able to do is written to /shared/breach.
#include "adversary.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <new>

#include "app.hpp"

namespace app {

namespace {

constexpr int kWorkers = 4;

struct Named {
  const char* name;
  void (*act)(Means&);
};

constexpr Named kActs[] = {
    {"stop", stop_others},
    {"stop-newcomers", stop_newcomers},
    {"signal", signal_others},
    {"signal-all", signal_all},
    {"trace", trace_others},
    {"lease", lease_files},
    {"exchange", exchange_files},
    {"replace", replace_programs},
    {"passengers", send_passengers},
    {"notify", notify_nonsense},
    {"control", knock_at_control},
    {"terminal", play_terminal},
    {"limits", limit_others},
    {"scheduler", slow_others},
    {"memory", use_memory},
    {"forks", fork_many},
    {"proc", read_and_write_proc},
    {"pipes", meddle_with_output},
    {"modes", change_modes},
    {"log-link", link_logs},
    {"fifo", show_fifo},
};

bool is_named(const char* list, const char* name) {
  const std::string wanted = "," + std::string(list) + ",";
  return wanted == ",all," || wanted.find("," + std::string(name) + ",") != std::string::npos;
}

[[noreturn]] void work(Means& means, const char* list) {
  Named chosen[std::size(kActs)] = {};
  unsigned count = 0;
  for (const Named& act : kActs) {
    if (is_named(list, act.name)) chosen[count++] = act;
  }
  if (count == 0) _exit(94);
  while (true) {
    if (geteuid() == 0) append("/shared/breach", "the adversary runs as root");
    chosen[means.any(count)].act(means);
  }
}

}  // namespace

unsigned Means::any(unsigned below) {
  random = random * 6364136223846793005ULL + 1442695040888963407ULL;
  return static_cast<unsigned>(random >> 33) % below;
}

bool Means::is_own(int pid) const {
  if (pid == getpid()) return true;
  for (const int one : *family) {
    if (one == pid) return true;
  }
  return false;
}

// adversary NAME SEED LIST: the acts of LIST (or "all") in several processes, for as long as it lives. With "spare" as the
// last word it leaves alone what the kernel lets it do to a PID 1 of its own user: signals, limits, scheduling.
int adversary(Arguments arguments) {
  append("/shared/" + std::string(arguments[0]) + ".up", std::to_string(getpid()));
  void* const place = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  Means means;
  means.family = new (place) Family{};
  means.family->at(kWorkers) = getpid();
  means.spares_pid_1 = arguments[3] != nullptr && std::strcmp(arguments[3], "spare") == 0;
  signal(SIGIO, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTTOU, SIG_IGN);
  for (unsigned round = 0; true; ++round) {
    for (unsigned i = 0; i < kWorkers; ++i) {
      int& worker = means.family->at(i);
      if (worker > 0 && waitpid(worker, nullptr, WNOHANG) == 0) continue;
      means.random = std::strtoull(arguments[1], nullptr, 10) * 1000 + round * kWorkers + i;
      const int pid = fork();
      if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        work(means, arguments[2]);
      }
      worker = pid > 0 ? pid : 0;
    }
    sleep_ms(20);
  }
}

}  // namespace app
