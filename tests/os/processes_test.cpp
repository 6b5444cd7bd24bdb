#include "os/processes.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <set>
#include <stdexcept>
#include <string>

#include "forked.hpp"

using namespace cinit::test;
namespace os = cinit::os;

namespace {

constexpr int kTerm[] = {SIGTERM, 0};

os::Process look(pid_t pid) {
  os::Process process;
  if (!os::Processes().read(pid, process)) throw std::runtime_error("there is no process " + std::to_string(pid));
  return process;
}

// Where a process writes what another one is to know.
struct Mailbox {
  Mailbox() {
    int both[2];
    if (pipe2(both, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    out = os::Fd(both[0]);
    in = os::Fd(both[1]);
  }
  void put(pid_t pid) const {
    if (write(in.get(), &pid, sizeof(pid)) != sizeof(pid)) _exit(98);
  }
  pid_t take() const {
    pid_t pid = 0;
    if (read(out.get(), &pid, sizeof(pid)) != sizeof(pid)) throw std::runtime_error("read");
    return pid;
  }
  os::Fd out;
  os::Fd in;
};

[[noreturn]] void sleep_for_ever() {
  while (true) pause();
}

// Starts a child with a child of its own, and returns the pid of the latter.
pid_t fork_grandchild() {
  const Mailbox mailbox;
  fork_process([&] {
    mailbox.put(fork_sleeper());
    sleep_for_ever();
  });
  return mailbox.take();
}

}  // namespace

TEST_CASE("a process is read with its parent, group, session, state and name") {
  const auto body = [] {
    const pid_t child = fork_process([] {
      prctl(PR_SET_NAME, "sleeper");
      setsid();
      sleep_for_ever();
    });
    os::Process process;
    const bool settled = eventually([&] {
      process = look(child);
      return process.session == child && process.state == 'S';
    });
    const bool right = settled && process.pid == child && process.parent == getpid() && process.group == child &&
                       process.terminal == 0 && process.start > 0 && !process.ended();
    return std::string(process.name) + (right ? " right" : " wrong");
  };
  CHECK(in_child(body) == "sleeper right");
}

TEST_CASE("a name that looks like the fields behind it confuses nobody") {
  for (const char* name : {") S 1 2 (", ") Z 1 1 1 1", "((", "))))", " ", "new\nline", "a)b (c d)"}) {
    CAPTURE(name);
    const auto body = [name] {
      const pid_t child = fork_process([name] {
        prctl(PR_SET_NAME, name);
        sleep_for_ever();
      });
      os::Process process;
      eventually([&] { return std::string((process = look(child)).name) == name; });
      return std::string(process.name) + "|" + (process.parent == getpid() ? "ours" : "whose?") +
             (process.group == getpgrp() ? "" : " of another group") + (process.ended() ? " ended" : "");
    };
    CHECK(in_child(body) == std::string(name) + "|ours");
  }
}

TEST_CASE("a zombie has ended, and is there until it is reaped") {
  const auto body = [] {
    const pid_t child = fork_process([] {});
    const bool ended = eventually([&] { return look(child).ended(); });
    end_of(child);
    os::Process process;
    return std::string(ended ? "ended" : "lives") + (os::Processes().read(child, process) ? " there" : " gone");
  };
  CHECK(in_child(body) == "ended gone");
}

TEST_CASE("the start time is the same at every look") {
  const auto body = [] {
    const pid_t child = fork_sleeper();
    const auto first = look(child).start;
    return std::to_string(first == look(child).start) + std::to_string(first >= look(getpid()).start);
  };
  CHECK(in_child(body) == "11");
}

TEST_CASE("a process with a controlling terminal says so") {
  const auto body = [] {
    const os::Fd terminal(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!terminal || grantpt(terminal.get()) != 0 || unlockpt(terminal.get()) != 0) return std::string("no terminal");
    const std::string name = ptsname(terminal.get());
    const pid_t child = fork_process([&] {
      setsid();
      if (open(name.c_str(), O_RDWR) < 0) _exit(97);
      sleep_for_ever();
    });
    const bool has_terminal = eventually([&] { return look(child).terminal != 0; });
    return std::string(has_terminal ? "terminal" : "none");
  };
  CHECK(in_child(body) == "terminal");
}

TEST_CASE("every process but ourselves is visited, zombies too") {
  const auto body = [] {
    const std::set<pid_t> expected{fork_sleeper(), fork_sleeper(), fork_process([] {})};
    std::set<pid_t> visited;
    os::Processes().for_each([&](const os::Process& process) { return visited.insert(process.pid).second; });
    return std::string(visited == expected ? "all" : "others");
  };
  CHECK(as_init(Proc::Own, body) == "all");
}

TEST_CASE("a visit ends when it is told to, and visits may be nested") {
  const auto body = [] {
    for (int i = 0; i < 5; ++i) fork_sleeper();
    const os::Processes processes;
    int outer = 0;
    int inner = 0;
    processes.for_each([&](const os::Process&) {
      processes.for_each([&](const os::Process&) { return ++inner != 0; });
      return ++outer < 3;
    });
    return std::to_string(outer) + " " + std::to_string(inner);
  };
  CHECK(as_init(Proc::Own, body) == "3 15");
}

TEST_CASE("more processes than fit into one read of the directory are all visited") {
  const auto body = [] {
    constexpr int kMany = 300;
    for (int i = 0; i < kMany; ++i) fork_process([] {});
    int visited = 0;
    os::Processes().for_each([&](const os::Process&) { return ++visited != 0; });
    return std::to_string(visited);
  };
  CHECK(as_init(Proc::Own, body) == "300");
}

TEST_CASE("ancestors are found at every height, and strangers are none") {
  const auto body = [] {
    const pid_t stranger = fork_sleeper();
    const os::Process grandchild = look(fork_grandchild());
    const os::Processes processes;
    const auto descends_from = [&](pid_t wanted) {
      return std::to_string(processes.any_ancestor(grandchild, [wanted](pid_t pid) { return pid == wanted; }));
    };
    return descends_from(grandchild.parent) + descends_from(getpid()) + descends_from(grandchild.pid) +
           descends_from(stranger);
  };
  CHECK(in_child(body) == "1100");
}

TEST_CASE("a /proc that is not ours, or none, tells nothing") {
  const auto body = [] {
    const pid_t child = fork_sleeper();
    const os::Processes processes;
    os::Process process;
    int visited = 0;
    processes.for_each([&](const os::Process&) { return ++visited != 0; });
    return std::to_string(processes.available()) + std::to_string(processes.read(child, process)) +
           std::to_string(visited);
  };
  CHECK(as_init(Proc::OfParent, body) == "000");
  CHECK(as_init(Proc::None, body) == "000");
  CHECK(as_init(Proc::Own, body) == "111");
}

TEST_CASE("a signal reaches a child and a grandchild") {
  const auto body = [] {
    const pid_t child = fork_sleeper();
    const pid_t grandchild = fork_grandchild();
    const os::Processes processes;
    std::string text = std::to_string(os::signal_process(processes, look(child), kTerm));
    text += " " + end_of(child) + ", ";
    text += std::to_string(os::signal_process(processes, look(grandchild), kTerm));
    return text + (eventually([&] { return look(grandchild).ended(); }) ? " ended" : " lives");
  };
  CHECK(in_child(body) == "1 signal 15, 1 ended");
}

TEST_CASE("a later process with the same pid gets no signal") {
  const auto body = [] {
    const pid_t grandchild = fork_grandchild();
    os::Process earlier = look(grandchild);
    ++earlier.start;
    const bool sent = os::signal_process(os::Processes(), earlier, kTerm);
    // Had it been sent, it would be dead or dying: SIGTERM interrupts its pause at once.
    return std::to_string(sent) + std::to_string(kill(grandchild, 0) == 0 && !look(grandchild).ended());
  };
  CHECK(in_child(body) == "01");
}

TEST_CASE("who is gone gets no signal") {
  const auto body = [] {
    const Mailbox mailbox;
    os::Process gone = look(fork_grandchild());
    kill(gone.pid, SIGKILL);
    // Its parent never reaps it, so the zombie is there; only when the parent ends it is gone.
    kill(gone.parent, SIGKILL);
    end_of(gone.parent);
    os::Process process;
    const bool vanished = eventually([&] { return !os::Processes().read(gone.pid, process); });
    return std::to_string(vanished) + std::to_string(os::signal_process(os::Processes(), gone, kTerm));
  };
  CHECK(in_child(body) == "10");
}

TEST_CASE("a pid is digits and nothing else") {
  CHECK(os::to_pid("1") == 1);
  CHECK(os::to_pid("4194304") == 4194304);
  for (const char* text : {"", ".", "self", "12a", "-1", " 1", "1 ", "99999999999999999999"}) {
    CAPTURE(text);
    CHECK(os::to_pid(text) == 0);
  }
}

TEST_CASE("a state is described by what its letter stands for") {
  CHECK(os::describe_state('D') == std::string("D (uninterruptible sleep)"));
  CHECK(os::describe_state('T') == std::string("T (stopped)"));
  CHECK(os::describe_state('I') == std::string("an unknown state"));
}
