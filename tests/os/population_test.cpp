// Everything here happens inside a PID namespace that the test makes: a mistake cannot reach the machine.
#include "os/population.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "forked.hpp"

using namespace cinit::test;
namespace os = cinit::os;
using Who = cinit::os::Remaining::Who;

namespace {

constexpr auto nobody = [](const os::Process&) { return false; };

// How a process ended, with every other child reaped on the way; "runs" when it has not.
std::string state_of(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, WNOHANG) == 0) return "runs";
  return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                             : "code " + std::to_string(WEXITSTATUS(status));
}

std::string describe(const os::Remaining& remaining) {
  switch (remaining.who) {
    case Who::Nobody: return "nobody";
    case Who::Children: return "children";
    case Who::Outsider: return "outsider";
    case Who::Unknown: return "unknown";
  }
  return "?";
}

// A process that says "ready" on a pipe once it has done `prepare`, and then waits for signals. The pipe is at its end when
// the process is gone.
struct Sleeper {
  explicit Sleeper(const std::function<void()>& prepare) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    pid = fork_process([&] {
      close(ends[0]);
      prepare();
      if (write(ends[1], "r", 1) != 1) _exit(98);
      while (true) pause();
    });
    close(ends[1]);
    out = os::Fd(ends[0]);
    char ready = 0;
    if (read(out.get(), &ready, 1) != 1) throw std::runtime_error("a sleeper did not get ready");
  }
  pid_t pid = 0;
  os::Fd out;
};

pid_t outsider() {
  pid_t found = 0;
  const os::Processes processes;
  const bool there = eventually([&] {
    processes.for_each([&](const os::Process& process) {
      if (process.parent == 0) found = process.pid;
      return found == 0;
    });
    return found != 0;
  });
  if (!there) throw std::runtime_error("nobody came from outside");
  return found;
}

const auto kVisitor = [] {
  while (true) pause();
};

bool is_gone(pid_t pid) {
  os::Process process;
  return eventually([&] { return !os::Processes().read(pid, process) || process.ended(); });
}

}  // namespace

// ---- PID 1

TEST_CASE("as PID 1 everybody in the namespace gets SIGTERM, who is spared excepted") {
  const auto body = [] {
    const os::Population population;
    const pid_t child = fork_sleeper();
    const pid_t spared = fork_sleeper();
    const pid_t visitor = outsider();
    population.terminate([&](const os::Process& process) { return process.pid == spared; });
    std::string text = end_of(child) + (is_gone(visitor) ? ", visitor gone" : ", visitor there");
    return text + ", spared " + state_of(spared) + (population.is_init() ? ", init" : "");
  };
  CHECK(as_init(Proc::Own, body, kVisitor) == "signal 15, visitor gone, spared runs, init");
}

TEST_CASE("a stopped process gets SIGCONT, so that it can end") {
  const auto body = [] {
    const os::Population population;
    const pid_t child = fork_sleeper();
    kill(child, SIGSTOP);
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(child), &info, WSTOPPED);
    population.terminate(nobody);
    return end_of(child);
  };
  CHECK(as_init(Proc::Own, body) == "signal 15");
}

TEST_CASE("who has a terminal gets SIGHUP as well, who has none does not") {
  const auto body = [] {
    const os::Fd terminal(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!terminal || grantpt(terminal.get()) != 0 || unlockpt(terminal.get()) != 0) return std::string("no terminal");
    const std::string name = ptsname(terminal.get());
    // As an interactive shell does.
    const Sleeper interactive([&] {
      signal(SIGTERM, SIG_IGN);
      setsid();
      if (open(name.c_str(), O_RDWR) < 0) _exit(97);
    });
    const Sleeper deaf([] { signal(SIGTERM, SIG_IGN); });
    const os::Population population;
    population.terminate(nobody);
    const std::string text = end_of(interactive.pid);
    // A SIGHUP would have been sent to the younger one by now: terminate() is over.
    return text + ", " + state_of(deaf.pid);
  };
  CHECK(as_init(Proc::Own, body) == "signal 1, runs");
}

TEST_CASE("SIGKILL reaches everybody") {
  const auto body = [] {
    const Sleeper deaf([] { signal(SIGTERM, SIG_IGN); });
    const pid_t visitor = outsider();
    const os::Population population;
    population.kill();
    const std::string text = end_of(deaf.pid);
    return text + (is_gone(visitor) ? ", visitor gone" : ", visitor there");
  };
  CHECK(as_init(Proc::Own, body, kVisitor) == "signal 9, visitor gone");
}

TEST_CASE("SIGKILL to everybody but the spared outruns a process that forks") {
  const auto body = [] {
    const os::Population population;
    const pid_t spared = fork_sleeper();
    const Sleeper forking([] {
      fork_process([] {
        for (int i = 0; i < 20; ++i) fork_sleeper();
        while (true) pause();
      });
    });
    population.kill([&](const os::Process& process) { return process.pid == spared; });
    const bool alone = eventually([&] {
      int others = 0;
      population.for_each([&](const os::Process& process) {
        others += process.pid == spared ? 0 : 1;
        return true;
      });
      return others == 0;
    });
    return std::string(alone ? "alone with the " : "not alone with the ") + "spared, which " + state_of(spared);
  };
  CHECK(as_init(Proc::Own, body) == "alone with the spared, which runs");
}

TEST_CASE("without /proc PID 1 reaches everybody, spared or not") {
  const auto body = [] {
    const os::Population population;
    const pid_t child = fork_sleeper();
    population.terminate([](const os::Process&) { return true; });
    return end_of(child);
  };
  CHECK(as_init(Proc::OfParent, body) == "signal 15");
}

TEST_CASE("PID 1 that can open nothing more reaches everybody but the spared, and sees that they are there") {
  const auto body = [] {
    const os::Population population;
    const pid_t child = fork_sleeper();
    const pid_t spared = fork_sleeper();
    population.processes().available();
    // The lowest free number is the last, for the list of /proc itself.
    const os::Fd lowest(fcntl(0, F_DUPFD_CLOEXEC, 3));
    const rlimit64 limit{static_cast<rlim64_t>(lowest.get()) + 1, static_cast<rlim64_t>(lowest.get()) + 1};
    os::sys::setrlimit(RLIMIT_NOFILE, &limit);
    std::string text = describe(population.remaining(false)) + ", ";
    os::sys::close(lowest.get());
    text += describe(population.remaining(false)) + ", ";
    population.terminate([&](const os::Process& process) { return process.group == spared || process.pid == spared; });
    return text + end_of(child) + ", spared " + state_of(spared);
  };
  CHECK(as_init(Proc::Own, body) == "unknown, outsider, signal 15, spared runs");
}

TEST_CASE("who is left is told: children, somebody from outside, nobody") {
  const auto body = [] {
    const os::Population population;
    std::string text = describe(population.remaining(true)) + ", ";
    const os::Remaining remaining = population.remaining(false);
    text += describe(remaining) + (remaining.pid == outsider() ? ", " : " of another pid, ");
    population.terminate(nobody);
    is_gone(remaining.pid);
    return text + describe(population.remaining(false));
  };
  CHECK(as_init(
            Proc::Own,
            [&] {
              outsider();
              return body();
            },
            kVisitor) == "children, outsider, nobody");
}

TEST_CASE("without /proc nobody knows who is left, but whether somebody is") {
  const auto body = [] {
    const os::Population population;
    std::string text = describe(population.remaining(false)) + ", ";
    const pid_t child = fork_sleeper();
    text += describe(population.remaining(false)) + ", " + describe(population.remaining(true)) + ", ";
    kill(child, SIGKILL);
    end_of(child);
    return text + describe(population.remaining(false));
  };
  CHECK(as_init(Proc::None, body) == "nobody, unknown, children, nobody");
}

TEST_CASE("zombies are nobody") {
  const auto body = [] {
    const pid_t child = fork_process([] {});
    is_gone(child);
    const os::Population population;
    int visited = 0;
    population.for_each([&](const os::Process&) { return ++visited != 0; });
    return describe(population.remaining(false)) + " " + std::to_string(visited);
  };
  CHECK(as_init(Proc::Own, body) == "nobody 0");
}

// ---- Not PID 1

namespace {

// Runs `body` in a process that is not PID 1, with a neighbour that is none of its descendants. Returns what the body
// returns, and whether the neighbour lives on.
std::string beside_neighbour(Proc proc, const Body& body) {
  return as_init(proc, [&] {
    const pid_t neighbour = fork_sleeper();
    const std::string text = in_child(body);
    return text + ", neighbour " + state_of(neighbour);
  });
}

// Starts a process whose parent ends at once. Returns its pid.
pid_t fork_orphan() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  const pid_t parent = fork_process([&] {
    const pid_t orphan = fork();
    if (orphan == 0) {
      while (true) pause();
    }
    if (write(ends[1], &orphan, sizeof(orphan)) != sizeof(orphan)) _exit(98);
  });
  pid_t orphan = 0;
  if (read(ends[0], &orphan, sizeof(orphan)) != sizeof(orphan)) throw std::runtime_error("read");
  end_of(parent);
  return orphan;
}

}  // namespace

TEST_CASE("a subreaper adopts orphans, and ends its descendants but no neighbour") {
  const auto body = [] {
    const os::Population population;
    const pid_t child = fork_sleeper();
    const pid_t orphan = fork_orphan();
    population.terminate(nobody);
    return end_of(child) + ", orphan " + end_of(orphan) + (population.is_init() ? ", init" : "");
  };
  CHECK(beside_neighbour(Proc::Own, body) == "signal 15, orphan signal 15, neighbour runs");
}

TEST_CASE("SIGKILL of a subreaper reaches its descendants only") {
  const auto body = [] {
    const os::Population population;
    const Sleeper deaf([] { signal(SIGTERM, SIG_IGN); });
    const pid_t orphan = fork_orphan();
    population.kill();
    return end_of(deaf.pid) + ", orphan " + end_of(orphan);
  };
  CHECK(beside_neighbour(Proc::Own, body) == "signal 9, orphan signal 9, neighbour runs");
}

TEST_CASE("a subreaper without /proc signals nobody at all") {
  for (const Proc proc : {Proc::None, Proc::OfParent}) {
    const auto body = [] {
      const os::Population population;
      const pid_t child = fork_sleeper();
      population.terminate(nobody);
      population.kill();
      return "child " + state_of(child);
    };
    CHECK(beside_neighbour(proc, body) == "child runs, neighbour runs");
  }
}

TEST_CASE("a subreaper sees its descendants only, and is alone when it has no children") {
  const auto body = [] {
    const os::Population population;
    const pid_t child = fork_sleeper();
    std::string visited;
    population.for_each([&](const os::Process& process) {
      visited += process.pid == child ? "child " : "stranger ";
      return true;
    });
    return visited + describe(population.remaining(true)) + " " + describe(population.remaining(false));
  };
  CHECK(beside_neighbour(Proc::Own, body) == "child children nobody, neighbour runs");
}
