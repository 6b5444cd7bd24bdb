// Containers that may do little.
#include <doctest/doctest.h>

#include "container.hpp"

using namespace cinit::docker;
using namespace std::chrono_literals;

namespace {

const std::string kScript = "app daemon daemon; exec app app1 web";

void runs_and_stops(const Arguments& options, bool as_service) {
  Container container;
  container.options(options);
  if (as_service) {
    container.config("[service.web]\ncommand = ['sh', '-c', '" + kScript + "']\n").run();
  } else {
    container.run_command({"sh", "-c", kScript});
  }
  container.wait_for("daemon: ready\n");
  container.wait_for("web: ready\n");
  const End end = container.stop();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
  CHECK(container.count("web: handle signal: terminated\n") == 1);
  CHECK(container.count("daemon: handle signal: terminated\n") == 1);
  CHECK(container.count("app exit normally\n") == 2);
}

const std::vector<Arguments> kRestrictions{{"--read-only"},       {"--user", "1000:1000"},
                                           {"--cap-drop", "ALL"}, {"--pids-limit", "16"},
                                           {"--memory", "32m"},   {"--security-opt", "no-new-privileges"}};

void runs_and_stops_with_each_restriction(bool as_service) {
  Arguments all;
  for (const Arguments& options : kRestrictions) {
    CAPTURE(options[0]);
    runs_and_stops(options, as_service);
    all = join(all, options);
  }
  CAPTURE("all of them");
  runs_and_stops(all, as_service);
}

}  // namespace

TEST_CASE("docker run with --read-only, --user, --cap-drop, --pids-limit, --memory, and all of them: a command") {
  runs_and_stops_with_each_restriction(false);
}

TEST_CASE("docker run with --read-only, --user, --cap-drop, --pids-limit, --memory, and all of them: a service") {
  runs_and_stops_with_each_restriction(true);
}

TEST_CASE("S35: docker run with a random uid, a read-only root and no capability: services run and stop gracefully") {
  Container container;
  container.options({"--user", "12345:12345", "--read-only", "--cap-drop", "ALL"});
  container.options({"--security-opt", "no-new-privileges"});
  container.config(
      "[service.database]\ncommand = ['app', 'app1', 'database']\n"
      "[service.web]\ncommand = ['sh', '-c', 'id; exec app app1 web']\nafter = ['database']\n");
  container.run().wait_for("ready\n", 2);
  const End end = container.stop();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
  CHECK(container.logged("uid=12345 gid=12345"));
  CHECK(container.logged("web: app exit normally\n"));
  CHECK(container.logged("database: app exit normally\n"));
  CHECK(container.count("restarting") == 0);
}

TEST_CASE("S36: what a service as www-data writes to /dev/stdout and /dev/stderr, by name, is in docker logs") {
  Container container;
  std::string newline = "\n";
  SUBCASE("without a terminal") {}
  SUBCASE("with a terminal") {
    container.options({"--tty"});
    newline = "\r\n";
  }
  container.config(
      "[service.web]\nuser = 'www-data'\nrestart = 'no'\ncommand = ['sh', '-c', 'id; exec app open-stdout']\n");
  CHECK(container.run_to_end().code == 0);
  CHECK(container.logged("uid=33(www-data) gid=33(www-data)"));
  CHECK(container.logged("written to /dev/stdout" + newline));
  CHECK(container.logged("written to /dev/stderr" + newline));
}

TEST_CASE("S32: with docker run --pids-limit a service that cannot be started is tried again, and starts when it can") {
  Container container;
  container.options({"--pids-limit", "16"});
  std::string toml;
  for (int i = 0; i < 14; ++i) {
    toml += "[service.early" + std::to_string(i) + "]\ncommand = ['app', 'wait-for', '/shared/go']\n";
  }
  for (int i = 0; i < 6; ++i) {
    const std::string name = "late" + std::to_string(i);
    toml += "[service." + name + "]\nafter = ['early13']\nstart-limit-burst = 1\ncommand = ['app', 'app1', '" + name +
            "']\n";
  }
  container.config(toml).run().wait_for("trying again in ");
  CHECK(container.running());
  CHECK(container.count(": ready\n") < 6);
  container.write_shared("go");
  container.wait_for(": ready\n", 6);
  const End end = container.stop();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
  CHECK(container.count("app exit normally\n") == 6);
}

TEST_CASE("S32: a service that uses up the process limit again and again does not end PID 1") {
  Container container;
  container.options({"--pids-limit", "16"});
  container.config(
      "[service.web]\ncommand = ['app', 'app1', 'web']\n"
      "[service.bomb]\nafter = ['web']\nrestart-delay = '10ms'\nrestart-max-delay = '20ms'\nstart-limit-burst = 0\n"
      "command = ['sh', '-c', 'while :; do app wait-for /never & done']\n");
  container.run().wait_for("cinit: bomb: exited with code ", 5);
  container.wait_for("web: ready\n");
  CHECK(container.running());
  const End end = container.stop();
  CHECK(end.code == 0);
  CHECK(container.logged("web: app exit normally\n"));
}

TEST_CASE(
    "S31: docker run --memory: the log says that the kernel's OOM killer ended a service, and not who else might") {
  Container container;
  container.options({"--memory", "64m", "--memory-swap", "64m"});
  container.config(
      "[service.big]\nrestart = 'no'\non-failure = 'ignore'\n"
      "command = ['sh', '-c', 'app wait-for /shared/go; exec dd if=/dev/zero of=/dev/null bs=200M count=1']\n"
      "[service.other]\nrestart = 'no'\non-failure = 'ignore'\ncommand = ['app', 'app1', 'other']\n"
      "[service.web]\ncommand = ['app', 'app1', 'web']\n");
  container.run();
  container.wait_for("web: ready\n");
  container.wait_for("other: ready\n");
  REQUIRE(container.exec({"/sbin/cinit", "signal", "KILL", "other"}).code == 0);
  container.wait_for("other: killed by SIGKILL after ");
  container.write_shared("go");
  container.wait_for("big: killed by SIGKILL (out of memory) after ");
  CHECK(container.count("the container has used all the memory that it may (64MB)\n") == 1);
  CHECK(container.count("(out of memory)") == 1);
  CHECK(container.stop().code == 0);
}
