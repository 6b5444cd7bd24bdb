// `docker stop`, and what a container's processes get to hear of it.
#include <doctest/doctest.h>

#include "container.hpp"

using namespace cinit::docker;
using namespace std::chrono_literals;

namespace {

// As a command, and as a service: what is to be stopped is the same.
enum class Way { Command, Service };

void run_app(Container& container, Way way, const std::string& mode) {
  if (way == Way::Command) {
    container.run_command({"app", mode});
  } else {
    container.config("[service.web]\ncommand = ['app', '" + mode + "']\n").run();
  }
}

void stops_at_once(const Engine& engine, Way way) {
  Container container(engine);
  run_app(container, way, "app1");
  container.wait_for("ready\n");
  const End end = container.stop();
  MESSAGE(engine.name, " stop took ", milliseconds(end.took), " ms");
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
  CHECK(container.count("handle signal: terminated\n") == 1);
  CHECK(container.count("app exit normally\n") == 1);
}

void is_killed_at_the_end_of_the_stop_timeout(const Engine& engine) {
  Container container(engine);
  container.config("[cinit]\nstop-timeout = '2s'\n[service.deaf]\ncommand = ['app', 'app2']\n").run();
  container.wait_for("ready\n");
  const End end = container.stop();
  MESSAGE(engine.name, " stop took ", milliseconds(end.took), " ms");
  CHECK(end.code == 137);
  CHECK(end.took >= 2s);
  CHECK(end.took < 3s);
  CHECK(container.logged("handle signal: terminated\n"));
  CHECK(container.logged("cinit: deaf: still running 2 s after SIGTERM; sending SIGKILL"));
}

void both_processes_hear_of_it(const Engine& engine, Way way) {
  Container container(engine);
  run_app(container, way, "app3");
  container.wait_for("ready\n", 2);
  const End end = container.stop();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
  CHECK(container.logged("parent: handle signal: terminated\n"));
  CHECK(container.logged("child: handle signal: terminated\n"));
  CHECK(container.count("app exit normally\n") == 2);
}

}  // namespace

TEST_CASE("S10: docker stop of a command that obeys SIGTERM ends it at once, with its lines and its exit code") {
  stops_at_once(docker(), Way::Command);
}

TEST_CASE("S10: docker stop of a service that obeys SIGTERM ends the container at once, with exit code 0") {
  stops_at_once(docker(), Way::Service);
}

TEST_CASE("S10: podman stop does the same, with a command") { stops_at_once(podman(), Way::Command); }

TEST_CASE("S10: podman stop does the same, with a service") { stops_at_once(podman(), Way::Service); }

TEST_CASE("S11: docker stop of a deaf service is over after the stop timeout of 2 s, with 137 and the reason") {
  is_killed_at_the_end_of_the_stop_timeout(docker());
}

TEST_CASE("S11: podman stop does the same") { is_killed_at_the_end_of_the_stop_timeout(podman()); }

TEST_CASE("S11: docker stop of a deaf command is over after the time that -t gives it") {
  Container container;
  container.run({"-t", "2s", "--", "app", "app2"}).wait_for("ready\n");
  const End end = container.stop();
  CHECK(end.code == 137);
  CHECK(end.took >= 2s);
  CHECK(end.took < 3s);
  CHECK(container.logged("SIGKILL"));
}

TEST_CASE("S11: a deaf command for which nobody chose a time has all the time that docker stop gives it") {
  Container container;
  container.run_command({"app", "app2"}).wait_for("ready\n");
  const End end = container.stop({"--time", "3"});
  CHECK(end.code == 137);
  CHECK(end.took >= 3s);
  CHECK(container.logged("handle signal: terminated\n"));
}

TEST_CASE("S12: docker stop reaches both processes of a command") { both_processes_hear_of_it(docker(), Way::Command); }

TEST_CASE("S12: docker stop reaches both processes of a service") { both_processes_hear_of_it(docker(), Way::Service); }

TEST_CASE("S12: podman stop reaches both, too") {
  both_processes_hear_of_it(podman(), Way::Command);
  both_processes_hear_of_it(podman(), Way::Service);
}

TEST_CASE("S13: docker stop ends two services side by side, each by its own signal, and their files are complete") {
  Container container;
  container.config(
      "[cinit]\nstop-timeout = '10s'\n"
      "[service.app1]\ncommand = ['app', 'slow', '1000']\nstdout = 'file:/shared/app1.log'\n"
      "[service.brother]\ncommand = ['app', 'slow', '1000']\nstop-signal = 'SIGQUIT'\n"
      "stdout = 'file:/shared/brother.log'\n");
  container.run();
  container.wait_until([&] { return container.read_shared("app1.log") == "ready\n"; }, "app1 is ready");
  container.wait_until([&] { return container.read_shared("brother.log") == "ready\n"; }, "brother is ready");
  const End end = container.stop({"--time", "12"});
  CHECK(end.code == 0);
  CHECK(end.took >= 1s);
  CHECK(end.took < 2s);  // one after the other would take longer
  CHECK(container.read_shared("app1.log") == "ready\nhandle signal: terminated\napp exit normally\n");
  CHECK(container.read_shared("brother.log") == "ready\nhandle signal: quit\napp exit normally\n");
}

TEST_CASE("S14: docker stop gives SIGTERM and time to what docker exec started, and to a daemon") {
  Container container;
  const std::string script = "app daemon daemon; exec app app1 web";
  SUBCASE("next to a service") { container.config("[service.web]\ncommand = ['sh', '-c', '" + script + "']\n").run(); }
  SUBCASE("next to a command") { container.run_command({"sh", "-c", script}); }
  container.wait_for("daemon: ready\n");
  container.wait_for("web: ready\n");
  container.exec_in_background({"sh", "-c", "exec app slow 700 >/shared/guest.log"});
  container.wait_until([&] { return container.read_shared("guest.log") == "ready\n"; }, "the guest is ready");
  const End end = container.stop();
  CHECK(end.code == 0);
  CHECK(end.took >= 700ms);
  CHECK(end.took < 3s);
  CHECK(container.logged("web: app exit normally\n"));
  CHECK(container.logged("daemon: handle signal: terminated\n"));
  CHECK(container.logged("daemon: app exit normally\n"));
  CHECK(container.read_shared("guest.log") == "ready\nhandle signal: terminated\napp exit normally\n");
}

TEST_CASE("S16: docker stop ends two hundred services and a thousand orphans in time") {
  Container container;
  std::string toml = "[service.orphans]\ncommand = ['app', 'orphans', '1000']\n";
  for (int i = 0; i < 200; ++i) {
    toml += "[service.s" + std::to_string(i) + "]\ncommand = ['app', 'app1', 's" + std::to_string(i) + "']\n";
  }
  container.config(toml).run().wait_for("ready\n", 201);
  const End end = container.stop();
  MESSAGE("docker stop of 1,201 processes took ", milliseconds(end.took), " ms");
  CHECK(end.code == 0);
  CHECK(end.took < 9s);
  const std::string log = container.log();
  CHECK(count_in(log, "app exit normally\n") == 201);
  CHECK(count_in(log, "orphan ") == 1000);
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(count_in(log, "orphan " + std::to_string(i) + ": handle signal: terminated\n") == 1);
  }
}

TEST_CASE("S18: a second docker kill -s TERM sends SIGTERM to everything at once, a third SIGKILL") {
  Container container;
  container.config(
      "[service.database]\ncommand = ['app', 'app2', 'database']\n"
      "[service.web]\ncommand = ['app', 'app2', 'web']\nafter = ['database']\n");
  container.run().wait_for("ready\n", 2);
  container.exec_in_background({"sh", "-c", "exec app app2 >/shared/guest.log"});
  container.wait_until([&] { return container.read_shared("guest.log") == "ready\n"; }, "the guest is ready");
  container.kill("TERM");
  container.wait_for("web: handle signal: terminated\n");
  CHECK(!container.logged("database: handle signal"));
  CHECK(container.read_shared("guest.log") == "ready\n");
  container.kill("TERM");
  container.wait_for("web: handle signal: terminated\n", 2);
  container.wait_for("database: handle signal: terminated\n");
  container.wait_until([&] { return container.read_shared("guest.log").find("terminated\n") != std::string::npos; },
                       "the guest got SIGTERM");
  container.kill("TERM");
  const End end = container.wait_exit();
  CHECK(end.code == 137);
  CHECK(end.took < 2s);  // the budget has 9 s
}

TEST_CASE("S18: a second docker kill -s TERM does not start the count anew") {
  Container container;
  container.config("[cinit]\nstop-timeout = '3s'\n[service.deaf]\ncommand = ['app', 'app2']\n").run();
  container.wait_for("ready\n");
  container.kill("TERM");
  const Clock::time_point start = Clock::now();
  container.wait_for("handle signal: terminated\n");
  container.wait_until([&] { return Clock::now() - start >= 1500ms; }, "half of the stop timeout is over");
  container.kill("TERM");
  CHECK(container.wait_exit().code == 137);
  CHECK(Clock::now() - start < 4s);
  CHECK(container.count("handle signal: terminated\n") == 2);
}

TEST_CASE("docker stop and docker start: everything runs again, and stops again") {
  Container container;
  container.config(
      "[service.migrate]\ntype = 'oneshot'\ncommand = ['sh', '-c', 'echo migrated']\n"
      "[service.web]\ncommand = ['app', 'app1', 'web']\nrequires = ['migrate']\n");
  container.run();
  for (int times = 1; times <= 3; ++times) {
    CAPTURE(times);
    if (times > 1) container.start_again();
    container.wait_for("web: ready\n", times);
    CHECK(container.count("migrated\n") == times);
    CHECK(container.stop().code == 0);
    CHECK(container.count("web: app exit normally\n") == times);
  }
}

TEST_CASE("docker restart stops gracefully, too") {
  Container container;
  container.run_command({"app", "app1"}).wait_for("ready\n");
  CHECK(call(docker(), {"restart", container.name()}).code == 0);
  container.wait_for("ready\n", 2);
  CHECK(container.count("app exit normally\n") == 1);
}
