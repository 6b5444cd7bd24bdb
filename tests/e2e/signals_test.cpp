// Signals that PID 1 gets, and those that it passes on.
#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <cerrno>

#include "both_loops.hpp"
#include "container.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

constexpr int kFirstRealTime = 34;
constexpr int kLast = 64;

// Those that no process can handle, those that are never passed on, and the two that glibc keeps for itself.
bool is_passed_on(int signal) {
  for (int other : {SIGKILL, SIGSTOP, SIGCHLD, SIGTTIN, SIGTTOU, SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP,
                    SIGSYS, 32, 33}) {
    if (signal == other) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("every signal goes to the command, exactly once") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "app", "print-signals", "15"}).wait_for("ready\n");
  for (int signal = 1; signal <= kLast; ++signal) {
    if (!is_passed_on(signal) || signal == SIGTERM) continue;
    CAPTURE(signal);
    container.signal(signal);
    container.wait_for("got " + std::to_string(signal) + " (1 times)\n");
  }
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("got 15 (1 times)\n"));
  CHECK(!container.logged("(2 times)"));
}

TEST_CASE("what tells PID 1 of itself or of its children is not passed on") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "app", "print-signals", "12"}).wait_for("ready\n");
  for (int signal : {SIGCHLD, SIGTTIN, SIGTTOU}) container.signal(signal);
  container.signal(SIGUSR2);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.count("got ") == 1);
}

TEST_CASE("S15: a command that handles SIGINT goes on, and so does everything else") {
  Container container;
  SUBCASE("alone") {}
  SUBCASE("next to a service") { container.config("[service.web]\ncommand = ['app', 'app1', 'web']\n"); }
  container.cinit({"--", "app", "app2", "main"}).wait_for("main: ready\n");
  container.signal(SIGINT);
  container.wait_for("main: handle signal: interrupt\n");
  container.signal(SIGUSR1);
  container.wait_for("main: handle signal: usr1\n");
  CHECK(container.running());
  CHECK(container.count("handle signal: interrupt\n") == 1);
  CHECK(container.count("web: handle signal") == 0);
}

TEST_CASE("without a command, each of the usual stop signals starts the stop") {
  for (int signal : {SIGTERM, SIGINT, SIGQUIT, SIGPWR, kFirstRealTime + 3}) {
    CAPTURE(signal);
    Container container;
    container.config("[service.web]\ncommand = ['app', 'app1']\n").cinit().wait_for("ready\n");
    container.signal(signal);
    CHECK(container.wait_exit().code == 0);
    CHECK(container.logged("handle signal: terminated\n"));
  }
}

TEST_CASE("without a command, every other signal is ignored, and the log says so") {
  Container container;
  container.config("[service.web]\ncommand = ['app', 'app1']\n").cinit().wait_for("ready\n");
  container.signal(SIGUSR1);
  container.wait_for("cinit: SIGUSR1 is ignored: it is not in [cinit] stop-signals.");
  container.signal(SIGWINCH);
  container.wait_for("cinit: SIGWINCH is ignored: it is not in [cinit] stop-signals.");
  CHECK(container.running());
  CHECK(!container.logged("handle signal"));
}

TEST_CASE("a flood of a signal is a few lines of the log and a number, and another signal is told all the same") {
  Container container;
  container.config("[service.web]\ncommand = ['app', 'app1']\n").cinit().wait_for("ready\n");
  for (int i = 0; i < 500; ++i) {
    container.signal(SIGUSR1);
    container.signal(SIGUSR2);
    if (i < 20) usleep(1000);  // so that these come one by one
  }
  container.signal(SIGWINCH);
  container.wait_for("cinit: SIGWINCH is ignored: it is not in [cinit] stop-signals.");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  std::size_t lines = 0;
  const std::string log = container.log();
  for (std::size_t at = 0; (at = log.find("SIGUSR1 is ignored", at)) != std::string::npos; ++at) ++lines;
  CHECK(lines == 6);
  CHECK(container.logged("more times in the last 10 s)\n"));
}

TEST_CASE("stop-signals names the signals that start the stop") {
  Container container;
  container.config("[cinit]\nstop-signals = ['SIGUSR1']\n[service.web]\ncommand = ['app', 'app1']\n");
  container.cinit().wait_for("ready\n");
  container.signal(SIGINT);
  container.wait_for("cinit: SIGINT is ignored: it is not in [cinit] stop-signals.");
  container.signal(SIGUSR1);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("a command that is suspended can be stopped all the same") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "app", "app1"}).wait_for("ready\n");
  const std::string pid = std::to_string(container.processes().back().pid);
  container.exec({"kill", "-STOP", pid});
  container.wait_for("suspended by SIGSTOP");
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
}

TEST_CASE("a service that is suspended can be stopped all the same") {
  Container container;
  container.config("[service.web]\ncommand = ['app', 'app1']\n").cinit().wait_for("ready\n");
  container.exec({"kill", "-STOP", std::to_string(container.processes().back().pid)});
  container.wait_until([&] { return container.processes().back().state == 'T'; }, "the service is suspended");
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
}

TEST_CASE("a command killed by a signal gives the container 128 and the signal's number") {
  for (int signal : {SIGSEGV, SIGUSR1, SIGKILL}) {
    CAPTURE(signal);
    Container container;
    container.cinit({"--", "app", "raise", std::to_string(signal)});
    CHECK(container.wait_exit().code == 128 + signal);
  }
}

TEST_CASE("children start with an empty mask and default dispositions, whatever cinit itself was given") {
  Container container;
  Arguments command;
  SUBCASE("a command") { command = {"--", "app", "state"}; }
  SUBCASE("a command, with a configuration") {
    container.config("[cinit]\n");
    command = {"--", "app", "state"};
  }
  SUBCASE("a service") { container.config("[service.web]\ncommand = ['app', 'state']\n"); }
  std::string line = "trap '' HUP INT PIPE USR1 TTOU; exec /sbin/cinit";
  for (const std::string& word : command) line += " " + word;
  container.start({"/bin/sh", "-c", line});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("SigBlk:\t0000000000000000\n"));
  CHECK(container.logged("SigIgn:\t0000000000000000\n"));
}

namespace {

// A shell that says "ready" and then "got SIGNAL". It waits for signals with other calls than cinit.
const std::string kShell =
    "for s in USR1 HUP; do trap \"echo got $s\" $s; done; trap 'echo bye; exit 0' TERM; echo ready; "
    "while :; do sleep 1000 & wait $!; kill $!; done";

Container& start_refused(Container& container, int error, const Arguments& cinit) {
  Arguments command{"/bin/app", "refuse", std::to_string(SYS_rt_sigtimedwait), std::to_string(error), "/sbin/cinit"};
  command.insert(command.end(), cinit.begin(), cinit.end());
  return container.start(command);
}

}  // namespace

TEST_CASE("where waiting for signals is refused, a lone command gets them all the same, and nothing is polled") {
  for (const int error : {ENOSYS, EPERM}) {
    for (const Arguments& as : {Arguments{"--"}, {"--as", "tini"}, {"--as", "dumb-init"}, {"--as", "catatonit"}}) {
      CAPTURE(error);
      CAPTURE(as.back());
      Container container;
      Arguments cinit = as;
      cinit.insert(cinit.end(), {"sh", "-c", kShell});
      start_refused(container, error, cinit).wait_for("ready\n");
      const Effort before = container.effort();
      container.watch_for(200ms);
      const Effort idle = container.effort();
      CHECK(idle.processor_time - before.processor_time <= 20ms);
      CHECK(idle.waits - before.waits <= 2);
      for (const auto& [signal, name] : {std::pair{SIGUSR1, "USR1"}, {SIGHUP, "HUP"}, {SIGUSR1, "USR1"}}) {
        container.forget_log();
        container.signal(signal);
        container.wait_for("got " + std::string(name) + "\n");
      }
      container.signal(SIGTERM);
      CHECK(container.wait_exit().code == 0);
      CHECK(container.logged("bye\n"));
    }
  }
}

TEST_CASE("where waiting for signals is refused, what a lone command leaves behind is reaped and stopped") {
  Container container;
  start_refused(container, ENOSYS, {"--", "sh", "-c", "setsid sleep 1000 & " + kShell});
  container.wait_for("ready\n");
  container.exec({"sh", "-c", "setsid sh -c '(true &) ; (true &)'"});
  container.wait_until([&] { return container.zombies() == 0; }, "all are reaped");
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
}
