// What `docker stop` does: SIGTERM to PID 1.
#include <doctest/doctest.h>

#include "both_loops.hpp"
#include "container.hpp"
#include "freezer.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

TEST_CASE("S10: a command that obeys SIGTERM ends the container at once, with its exit code") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "app", "app1"}).wait_for("ready\n");
  container.watch_processes();
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  print_end("stop of a command", end);
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
  CHECK(container.logged("handle signal: terminated\napp exit normally\n"));
}

TEST_CASE("S10: a service that obeys SIGTERM ends the container at once, with exit code 0") {
  Container container;
  container.config("[service.web]\ncommand = ['app', 'app1']\n").cinit().wait_for("ready\n");
  container.watch_processes();
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  print_end("stop of a service", end);
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
  CHECK(container.logged("handle signal: terminated\napp exit normally\n"));
}

TEST_CASE("S11: a service that ignores SIGTERM is killed when the stop timeout is over, and the log says so") {
  Container container;
  container.config("[cinit]\nstop-timeout = '2s'\n[service.deaf]\ncommand = ['app', 'app2']\n");
  container.cinit().wait_for("ready\n");
  container.watch_processes();
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  print_end("stop of a deaf service, after 2000 ms", end);
  CHECK(end.code == 137);
  CHECK(end.took >= 2s);
  CHECK(end.took < 3s);
  CHECK(container.logged("handle signal: terminated\n"));
  CHECK(container.logged("cinit: deaf: still running 2 s after SIGTERM; sending SIGKILL"));
}

TEST_CASE("S11: a command that ignores SIGTERM is killed when a stop timeout was asked for") {
  for (const bool configured : {false, true}) {
    for (const bool by_option : {false, true}) {
      CAPTURE(configured);
      CAPTURE(by_option);
      Container container;
      Arguments arguments{"--", "app", "app2"};
      Options options;
      if (configured) container.config("[cinit]\n");
      if (by_option) arguments.insert(arguments.begin(), {"-t", "1500ms"});
      if (!by_option) options.env["CINIT_STOP_TIMEOUT"] = "1500ms";
      container.cinit(arguments, options).wait_for("ready\n");
      container.signal(SIGTERM);
      const End end = container.wait_exit();
      CHECK(end.code == 137);
      CHECK(end.took >= 1500ms);
      CHECK(end.took < 2500ms);
      CHECK(container.logged("SIGKILL"));
    }
  }
}

namespace {

// The default budget is 9 s, its last 2 s are for those that belong to no service.
void outlive_the_default_budget(Container& container) {
  container.cinit({"--", "app", "app2", "main"}).wait_for("main: ready\n");
  container.exec_in_background({"app", "app1", "guest"});
  container.wait_for("guest: ready\n");
  container.signal(SIGTERM);
  container.wait_for("main: handle signal: terminated\n");
  container.wait_for("guest: app exit normally\n");
  container.watch_for(2500ms);
  REQUIRE(container.running());
  container.signal(SIGUSR1);
  container.wait_for("main: handle signal: usr1\n");
}

}  // namespace

TEST_CASE("a lone command keeps all the time that the runtime gives it, while the others get SIGTERM after 7 s") {
  Container container;
  outlive_the_default_budget(container);
}

TEST_CASE("a lone command keeps its time next to a configuration, too") {
  Container container;
  container.config("[cinit]\n");
  outlive_the_default_budget(container);
}

TEST_CASE("S12: both processes of a command hear of the stop") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "app", "app3"}).wait_for("ready\n", 2);
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
  CHECK(container.logged("parent: handle signal: terminated\nparent: app exit normally\n"));
  CHECK(container.logged("child: handle signal: terminated\nchild: app exit normally\n"));
}

TEST_CASE("S12: both processes of a service hear of the stop") {
  Container container;
  const char* kill_mode = "mixed";
  SUBCASE("the child when its parent has ended") {}
  SUBCASE("both at the same time") { kill_mode = "group"; }
  container.config("[service.pair]\ncommand = ['app', 'app3']\nkill-mode = '" + std::string(kill_mode) + "'\n");
  container.cinit().wait_for("ready\n", 2);
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
  CHECK(container.count("parent: handle signal: terminated\n") == 1);
  CHECK(container.count("child: handle signal: terminated\n") == 1);
  CHECK(container.count("app exit normally\n") == 2);
}

TEST_CASE("S12: with kill-mode \"group\" the child does not wait for its parent's end") {
  Container container;
  container.config(
      "[service.pair]\nkill-mode = 'group'\ncommand = ['sh', '-c', 'app app1 child & exec app slow 1000']\n");
  container.cinit().wait_for("ready\n", 2);
  container.signal(SIGTERM);
  container.wait_for("child: app exit normally\n");
  CHECK(container.count("app exit normally\n") == 1);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("what is left of a service's process group is killed at the service's stop timeout") {
  Container container;
  container.config("[service.pair]\ncommand = ['app', 'deaf-child']\nstop-timeout = '1s'\n");
  container.cinit().wait_for("ready\n", 2);
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.took >= 1s);
  CHECK(end.took < 2s);
  CHECK(container.logged("child: handle signal: terminated\n"));
  CHECK(container.logged("cinit: pair: processes that it started are still there "));
  CHECK(container.logged(" after SIGTERM; sending SIGKILL\n"));
}

TEST_CASE("S13: two services are stopped side by side, each with its own signal, and their files are complete") {
  Container container;
  container.config(
      "[defaults]\nstop-timeout = '8s'\n"
      "[service.app1]\ncommand = ['app', 'slow', '700']\nstdout = 'file:/shared/app1.log'\n"
      "[service.brother]\ncommand = ['app', 'slow', '700']\nstop-signal = 'SIGQUIT'\nstdout = "
      "'file:/shared/brother.log'\n");
  container.cinit();
  container.wait_until([&] { return container.read_shared("app1.log") == "ready\n"; }, "app1 is ready");
  container.wait_until([&] { return container.read_shared("brother.log") == "ready\n"; }, "brother is ready");
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took >= 700ms);
  CHECK(end.took < 1300ms);
  CHECK(container.read_shared("app1.log") == "ready\nhandle signal: terminated\napp exit normally\n");
  CHECK(container.read_shared("brother.log") == "ready\nhandle signal: quit\napp exit normally\n");
}

TEST_CASE("services are stopped in the reverse of their order") {
  Container container;
  container.config(
      "[service.database]\ncommand = ['app', 'app1', 'database']\n"
      "[service.web]\ncommand = ['app', 'slow', '300', 'web']\nafter = ['database']\n");
  container.cinit().wait_for("ready\n", 2);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  const std::string& log = container.log();
  CHECK(log.find("web: app exit normally") < log.find("database: handle signal"));
  CHECK(container.count("app exit normally\n") == 2);
}

TEST_CASE("a deaf service does not keep those that it depends on from their stop") {
  Container container;
  container.config(
      "[cinit]\nstop-timeout = '2s'\n"
      "[service.database]\ncommand = ['app', 'app1', 'database']\n"
      "[service.web]\ncommand = ['app', 'app2', 'web']\nafter = ['database']\n");
  container.cinit().wait_for("ready\n", 2);
  container.signal(SIGTERM);
  container.wait_for("database: app exit normally\n", 1, 1900ms);
  const End end = container.wait_exit();
  CHECK(end.code == 137);
}

TEST_CASE("S14: a process of `docker exec` and a daemon get SIGTERM, and their time, before the container ends") {
  Container container;
  SUBCASE("next to a service") {
    container.config("[service.web]\ncommand = ['sh', '-c', 'app daemon daemon; exec app app1 web']\n").cinit();
  }
  SUBCASE("next to a command") { container.cinit({"--", "sh", "-c", "app daemon daemon; exec app app1 web"}); }
  container.wait_for("daemon: ready\n");
  container.wait_for("web: ready\n");
  container.exec_in_background({"app", "slow", "300", "guest"});
  container.wait_for("guest: ready\n");
  container.watch_processes();
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  print_end("stop with a guest that needs 300 ms", end);
  CHECK(end.code == 0);
  CHECK(end.took >= 300ms);
  CHECK(end.took < 2s);
  for (const char* name : {"web", "daemon", "guest"}) {
    CHECK(container.count(name + std::string(": handle signal: terminated\n")) == 1);
    CHECK(container.count(name + std::string(": app exit normally\n")) == 1);
  }
}

TEST_CASE(
    "S14: a daemon that ignores SIGTERM is killed at the end of the budget, which is no failure of the services") {
  Container container;
  container.config(
      "[cinit]\nstop-timeout = '1s'\n"
      "[service.web]\ncommand = ['app', 'app1', 'web']\n");
  container.cinit().wait_for("web: ready\n");
  container.exec_in_background({"app", "app2", "guest"});
  container.wait_for("guest: ready\n");
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took >= 1s);
  CHECK(end.took < 2s);
  CHECK(container.count("guest: handle signal: terminated\n") == 1);
}

namespace {

// Runs `command`, which leaves something deaf behind, and lets it end by itself.
void expect_two_seconds_for_the_rest(Container& container, const std::string& leave_behind) {
  container.cinit({"--", "sh", "-c", "app daemon obedient; " + leave_behind + " app wait-for /shared/go; exit 7"});
  container.wait_for("ready\n", 2);
  const Clock::time_point start = Clock::now();
  container.exec({"touch", "/shared/go"});
  CHECK(container.wait_exit().code == 7);
  const Clock::duration took = Clock::now() - start;
  CHECK(took >= 2s);
  CHECK(took < 3s);
  CHECK(container.count("obedient: app exit normally\n") == 1);
  CHECK(container.count("deaf: handle signal: terminated\n") == 1);
}

}  // namespace

TEST_CASE("when a command has ended by itself, a daemon that it left gets SIGTERM, and two seconds at most") {
  Container container;
  in_both_loops(container);
  expect_two_seconds_for_the_rest(container, "setsid app app2 deaf &");
}

TEST_CASE("when a command has ended by itself, what it left in its process group gets two seconds at most, too") {
  Container container;
  in_both_loops(container);
  expect_two_seconds_for_the_rest(container, "app app2 deaf &");
}

TEST_CASE("S16: two hundred services and a thousand orphans all hear of the stop, and all are reaped") {
  Container container;
  std::string toml = "[service.orphans]\ncommand = ['app', 'orphans', '1000']\n";
  for (int i = 0; i < 200; ++i) {
    toml += "[service.s" + std::to_string(i) + "]\ncommand = ['app', 'app1', 's" + std::to_string(i) + "']\n";
  }
  container.config(toml).cinit().wait_for("ready\n", 201);
  container.watch_processes();
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  print_end("stop of 1201 processes", end);
  CHECK(end.code == 0);
  CHECK(end.took < 5s);
  CHECK(container.count("app exit normally\n") == 201);
  for (int i = 0; i < 1000; ++i)
    REQUIRE(container.logged("orphan " + std::to_string(i) + ": handle signal: terminated\n"));
}

TEST_CASE("S17: a process that no signal ends is named, and the container ends as soon as it lets go") {
  Container container;
  container.config(
      "[cinit]\nstop-timeout = '1s'\n"
      "[service.stuck]\ncommand = ['app', 'app1', 'stuck']\n");
  container.cinit().wait_for("stuck: ready\n");
  Freezer freezer(container.processes().back().host_pid);
  container.signal(SIGTERM);
  container.wait_for("still there after SIGKILL", 1, 3s);
  CHECK(container.logged("state D"));
  freezer.thaw();
  const End end = container.wait_exit();
  CHECK(end.code == 137);
}

TEST_CASE("S18: a second stop signal does not start the count anew") {
  Container container;
  container.config("[cinit]\nstop-timeout = '2s'\n[service.deaf]\ncommand = ['app', 'app2']\n");
  container.cinit().wait_for("ready\n");
  const Clock::time_point start = Clock::now();
  container.signal(SIGTERM);
  container.wait_for("handle signal: terminated\n");
  container.watch_for(1s);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 137);
  const Clock::duration took = Clock::now() - start;
  CHECK(took >= 2s);
  CHECK(took < 3s);
}

TEST_CASE("S18: the second stop signal sends SIGTERM to everything at once, the third SIGKILL") {
  Container container;
  container.config(
      "[service.database]\ncommand = ['app', 'app2', 'database']\n"
      "[service.web]\ncommand = ['app', 'app2', 'web']\nafter = ['database']\n");
  container.cinit().wait_for("ready\n", 2);
  container.exec_in_background({"app", "app2", "guest"});
  container.wait_for("guest: ready\n");
  container.signal(SIGTERM);
  container.wait_for("web: handle signal: terminated\n");
  CHECK(!container.logged("database: handle signal"));
  CHECK(!container.logged("guest: handle signal"));
  container.signal(SIGTERM);
  container.wait_for("web: handle signal: terminated\n", 2);
  container.wait_for("database: handle signal: terminated\n");
  container.wait_for("guest: handle signal: terminated\n");
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 137);
  CHECK(end.took < 1s);
}

TEST_CASE(
    "what a command leaves behind when it ends by itself has the stop timeout that was set, and 2 s without one") {
  Container container;
  in_both_loops(container);
  const std::string left =
      "trap 'busybox sleep 2.6; echo finished; exit 0' TERM; touch /shared/up; while :; do sleep 0.05; done";
  const Arguments command{"sh", "-c",
                          "sh -c \"" + left + "\" & while [ ! -e /shared/up ]; do sleep 0.05; done; exit 3"};
  Arguments all{"--"};
  bool finishes = false;
  SUBCASE("set") {
    all = {"-t", "8s", "--"};
    finishes = true;
  }
  SUBCASE("not set") {}
  all.insert(all.end(), command.begin(), command.end());
  CHECK(container.cinit(all).wait_exit().code == 3);
  CHECK(container.logged("finished\n") == finishes);
}
