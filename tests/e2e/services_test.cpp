// Services: their order, their end, and what they are given.
#include <doctest/doctest.h>

#include <fstream>

#include "container.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

// A service that does what `script` says on its n-th start: the script has the number in $n.
std::string counting(const std::string& script) {
  return "['sh', '-c', 'echo x >> /shared/starts; n=$(grep -c x /shared/starts); " + script + "']";
}

// Runs the configuration with one service `web` that prints its state, and returns what it printed.
std::string state_of(const std::string& keys, const Options& options = {}, const std::string& before = "") {
  Container container;
  container.config(before + "[service.web]\ncommand = ['app', 'state']\n" + keys).cinit({}, options);
  container.wait_exit();
  const std::string log = container.log();
  REQUIRE(container.logged("end of state\n"));
  return log;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a service is started after those in `after`, once a oneshot among them is done") {
  Container container;
  container.config(
      "[service.a-web]\ncommand = ['app', 'app1', 'web']\nafter = ['migrate']\n"
      "[service.migrate]\ntype = 'oneshot'\ncommand = ['sh', '-c', 'app wait-for /shared/go; echo migrated']\n");
  container.cinit().wait_for("cinit: migrate: started\n");
  container.watch_for(100ms);
  CHECK(!container.logged("web: ready\n"));
  container.exec({"touch", "/shared/go"});
  container.wait_for("web: ready\n");
  CHECK(container.log().find("migrated\n") < container.log().find("web: ready\n"));
}

TEST_CASE("`before` is the other side of `after`") {
  Container container;
  container.config(
      "[service.web]\ncommand = ['app', 'app1', 'web']\n"
      "[service.z-migrate]\ntype = 'oneshot'\nbefore = ['web']\ncommand = ['sh', '-c', 'echo migrated']\n");
  container.cinit().wait_for("web: ready\n");
  CHECK(container.log().find("migrated\n") < container.log().find("web: ready\n"));
}

TEST_CASE("a service is not started when what it requires has failed") {
  Container container;
  container.config(
      "[service.database]\ntype = 'oneshot'\ncommand = ['app', 'exit', '4']\nrestart = 'no'\non-failure = 'ignore'\n"
      "[service.web]\ncommand = ['app', 'app1', 'web']\nrequires = ['database']\non-failure = 'ignore'\n"
      "[service.other]\ncommand = ['app', 'app1', 'other']\nafter = ['database']\n");
  container.cinit().wait_for("other: ready\n");
  container.wait_for("cinit: web: failed: not started, because it requires database, which has failed\n");
  CHECK(!container.logged("web: ready\n"));
}

TEST_CASE("a service with autostart = false is started when one that requires it is") {
  Container container;
  container.config(
      "[service.database]\nautostart = false\ncommand = ['app', 'app1', 'database']\n"
      "[service.unused]\nautostart = false\ncommand = ['app', 'app1', 'unused']\n"
      "[service.web]\nrequires = ['database']\ncommand = ['app', 'app1', 'web']\n");
  container.cinit().wait_for("web: ready\n");
  container.wait_for("database: ready\n");
  CHECK(!container.logged("unused"));
}

TEST_CASE("a service that crashed is started again, later and later") {
  Container container;
  container.config("[service.web]\nrestart-delay = '50ms'\ncommand = " +
                   counting("if [ $n -le 3 ]; then exit 3; fi; exec app app1") + "\n");
  container.cinit().wait_for("ready\n");
  CHECK(container.count("cinit: web: exited with code 3 after ") == 3);
  CHECK(container.logged(", restarting in 5"));  // 50 ms and at most a tenth more
  CHECK(container.logged(", restarting in 1"));  // 100 ms
  CHECK(container.logged(", restarting in 2"));  // 200 ms
  CHECK(container.logged("(4 of 10)\n"));
}

TEST_CASE("a service that crashed is up again within its restart delay") {
  Container container;
  container.config("[service.web]\nrestart-delay = '100ms'\ncommand = ['app', 'app1']\n").cinit().wait_for("ready\n");
  const pid_t pid = container.processes().back().pid;
  container.forget_log();
  const Clock::time_point start = Clock::now();
  container.exec({"kill", "-KILL", std::to_string(pid)});
  container.wait_for("ready\n");
  const Clock::duration took = Clock::now() - start;
  MESSAGE("up again after ", milliseconds(took), " ms, with a delay of 100 ms");
  CHECK(took >= 100ms);
  CHECK(took < 1s);
  CHECK(container.logged("cinit: web: killed by SIGKILL after "));
}

TEST_CASE("a service that left a core file says so, and one that left none does not") {
  std::ifstream file("/proc/sys/kernel/core_pattern");
  std::string pattern;
  std::getline(file, pattern);
  if (pattern.empty() || pattern.find_first_of("|/") == 0) {
    MESSAGE("not tried: this kernel writes core files to ", pattern);
    return;
  }
  Container container;
  container.config(
      "[defaults]\nrestart = 'no'\non-failure = 'ignore'\nworking-dir = '/shared'\n"
      "[service.dumps]\nlimits = { core = 'unlimited' }\ncommand = ['sh', '-c', 'kill -SEGV $$']\n"
      "[service.small]\nlimits = { core = 0 }\ncommand = ['sh', '-c', 'kill -SEGV $$']\n"
      "[service.stays]\ncommand = ['app', 'app1']\n");
  container.cinit();
  container.wait_for("cinit: dumps: killed by SIGSEGV (core dumped) after ");
  container.wait_for("cinit: small: killed by SIGSEGV after ");
  const std::string status = container.exec({"cinit", "status"}).text;
  CHECK(status.find("killed by SIGSEGV (core dumped)") != std::string::npos);
}

TEST_CASE("the start limit ends the attempts, and the container with the service's code") {
  Container container;
  container.config(
      "[service.web]\nrestart-delay = '1ms'\nstart-limit-burst = 3\nstart-limit-interval = '1m'\n"
      "command = " +
      counting("exit 5") + "\n");
  container.cinit();
  CHECK(container.wait_exit().code == 5);
  CHECK(container.read_shared("starts") == "x\nx\nx\n");
  CHECK(container.logged("cinit: web: failed: started 3 times within "));
}

TEST_CASE("restart = \"no\" and \"on-failure\" leave a service alone that has ended as it should") {
  for (const char* policy : {"no", "on-failure"}) {
    CAPTURE(policy);
    Container container;
    container.config("[service.web]\nrestart = '" + std::string(policy) + "'\ncommand = " + counting("exit 0") + "\n");
    container.cinit();
    CHECK(container.wait_exit().code == 0);
    CHECK(container.read_shared("starts") == "x\n");
  }
}

TEST_CASE("restart = \"always\" starts a service again that has ended with success") {
  Container container;
  container.config("[service.web]\nrestart = 'always'\nrestart-delay = '1ms'\ncommand = " +
                   counting("if [ $n -le 2 ]; then exit 0; fi; exec app app1") + "\n");
  container.cinit().wait_for("ready\n");
  CHECK(container.read_shared("starts") == "x\nx\nx\n");
}

TEST_CASE("success-exit-status makes a code, and a signal, a success") {
  Container container;
  container.config(
      "[defaults]\nsuccess-exit-status = [0, 42, 'SIGUSR1']\n"
      "[service.code]\ncommand = ['app', 'exit', '42']\n"
      "[service.signal]\ncommand = ['app', 'raise', '10']\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  CHECK(!container.logged("restarting"));
}

TEST_CASE("when every service has ended, the container ends with the code of the first that failed") {
  Container container;
  container.config(
      "[defaults]\nrestart = 'no'\non-failure = 'ignore'\n"
      "[service.bad]\ncommand = ['sh', '-c', 'app wait-for /shared/go; exit 9']\n"
      "[service.worse]\ncommand = ['app', 'exit', '8']\n"
      "[service.good]\ncommand = ['app', 'exit', '0']\n");
  container.cinit().wait_for("cinit: worse: exited with code 8");
  container.exec({"touch", "/shared/go"});
  CHECK(container.wait_exit().code == 8);
}

TEST_CASE("on-failure = \"shutdown\" stops the others, and gives the container the service's code") {
  Container container;
  container.config(
      "[service.web]\ncommand = ['app', 'app1', 'web']\n"
      "[service.bad]\nrestart = 'no'\ncommand = ['sh', '-c', 'app wait-for /shared/go; exit 6']\n");
  container.cinit().wait_for("web: ready\n");
  container.exec({"touch", "/shared/go"});
  CHECK(container.wait_exit().code == 6);
  CHECK(container.logged("web: app exit normally\n"));
}

TEST_CASE("on-success = \"shutdown\" stops the others, with code 0") {
  Container container;
  container.config(
      "[service.web]\ncommand = ['app', 'app1', 'web']\n"
      "[service.job]\non-success = 'shutdown'\ncommand = ['app', 'wait-for', '/shared/go']\n");
  container.cinit().wait_for("web: ready\n");
  container.exec({"touch", "/shared/go"});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("web: app exit normally\n"));
}

TEST_CASE("exit-code-from names the service whose code is the container's") {
  Container container;
  container.config(
      "[cinit]\nexit-code-from = 'web'\n"
      "[service.web]\ncommand = ['sh', '-c', 'trap \"exit 33\" TERM; echo ready; while :; do sleep 0.01; done']\n"
      "success-exit-status = [33]\n"
      "[service.bad]\nrestart = 'no'\ncommand = ['sh', '-c', 'app wait-for /shared/go; exit 6']\n");
  container.cinit().wait_for("ready\n");
  container.exec({"touch", "/shared/go"});
  CHECK(container.wait_exit().code == 33);
}

TEST_CASE("the container ends with its main command, after the services were stopped") {
  Container container;
  container.config("[service.web]\ncommand = ['app', 'app1', 'web']\n");
  container.cinit({"--", "sh", "-c", "app wait-for /shared/go; exit 12"}).wait_for("web: ready\n");
  container.exec({"touch", "/shared/go"});
  CHECK(container.wait_exit().code == 12);
  CHECK(container.logged("web: app exit normally\n"));
}

TEST_CASE("the main command is started when the services are ready") {
  Container container;
  container.config("[service.migrate]\ntype = 'oneshot'\ncommand = ['sh', '-c', 'sleep 0.2; echo migrated']\n");
  container.cinit({"--", "sh", "-c", "echo main"});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("migrated\n"));
  CHECK(container.log().find("migrated\n") < container.log().find("\nmain\n"));
}

TEST_CASE("--no-services runs the command alone") {
  Container container;
  container.config("[service.web]\ncommand = ['app', 'app1', 'web']\n");
  container.cinit({"--no-services", "--", "sh", "-c", "echo main"});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("main\n"));
  CHECK(!container.logged("web"));
}

TEST_CASE("a service leads its own session, and has the first three descriptors only") {
  const std::string state = state_of("");
  CHECK(has(state, "\nppid=1\n"));
  const std::string pid =
      state.substr(state.find("pid=") + 4, state.find('\n', state.find("pid=")) - state.find("pid=") - 4);
  CHECK(has(state, "\npgrp=" + pid + "\n"));
  CHECK(has(state, "\nsid=" + pid + "\n"));
  CHECK(has(state, "\ndescriptors=0 1 2\n"));
  CHECK(has(state, "\ncwd=/\n"));
}

TEST_CASE("`user` brings its groups and its variables along") {
  const std::string state = state_of("user = 'app'\n");
  CHECK(has(state, "\nuid=1000\ngid=1000\ngroups=44 1000\n"));
  CHECK(has(state, "\nenv.HOME=/home/app\n"));
  CHECK(has(state, "\nenv.USER=app\n"));
  CHECK(has(state, "\nenv.LOGNAME=app\n"));
  CHECK(has(state, "\nenv.SHELL=/bin/sh\n"));
}

TEST_CASE("`group` and `groups` replace those of the user") {
  const std::string state = state_of("user = 'app'\ngroup = 'www-data'\ngroups = ['nogroup']\n");
  CHECK(has(state, "\nuid=1000\ngid=33\ngroups=65534\n"));
}

TEST_CASE("`user` may be a number that no file knows") { CHECK(has(state_of("user = '4711'\n"), "\nuid=4711\n")); }

TEST_CASE(
    "the environment of a service: the container's, [env], env-file, and its own, each stronger than the one before") {
  Container container;
  container.file("/etc/all.env", "A=file\nB=file\nC=file\n");
  container.file("/etc/web.env", "A=web-file\nB=web-file\n");
  container.config(
      "[cinit]\nenv-file = '/etc/all.env'\n"
      "[env]\nA = 'env'\nB = 'env'\nC = 'env'\nD = 'env'\n"
      "[service.web]\ncommand = ['app', 'state']\nenv-file = '/etc/web.env'\nenv = { A = 'web' }\n");
  container.cinit({}, {.env = {{"A", "image"}, {"B", "image"}, {"C", "image"}, {"D", "image"}, {"E", "image"}}});
  container.wait_exit();
  for (const char* line : {"env.A=web\n", "env.B=web-file\n", "env.C=file\n", "env.D=env\n", "env.E=image\n"}) {
    CHECK(container.count(line) == 1);
  }
  CHECK(container.count("env.A=") == 1);
}

TEST_CASE("clear-env leaves the container's environment out") {
  const std::string state = state_of("clear-env = true\nenv = { A = 'web' }\n", {.env = {{"SECRET", "x"}}});
  CHECK(has(state, "env.A=web\n"));
  CHECK(!has(state, "SECRET"));
}

TEST_CASE("values are expanded from the container's environment") {
  Container container;
  container.config("[service.web]\ncommand = 'echo ${GREETING:-hello} \"${WHO}\" $${WHO}'\n");
  container.cinit({}, {.env = {{"WHO", "big world"}}});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("hello big world ${WHO}\n"));
}

TEST_CASE("umask, working-dir and limits are a service's own") {
  Container container;
  container.config(
      "[service.web]\nworking-dir = '/var/www'\numask = '0027'\nlimits = { nofile = '123:456' }\n"
      "command = ['sh', '-c', 'app state; ulimit -Sn; ulimit -Hn']\n");
  container.cinit().wait_exit();
  CHECK(container.logged("\ncwd=/var/www\numask=0027\n"));
  CHECK(container.logged("\n123\n456\n"));
}

TEST_CASE("a service reads from /dev/null, unless it inherits the container's standard input") {
  for (const bool inherits : {false, true}) {
    CAPTURE(inherits);
    Container container;
    container.config("[service.web]\ncommand = ['sh', '-c', 'cat; echo end']\nstdin = '" +
                     std::string(inherits ? "inherit" : "null") + "'\n");
    container.cinit({}, {.piped_input = true});
    if (inherits) container.write("from outside\n");
    container.close_input();
    CHECK(container.wait_exit().code == 0);
    CHECK(container.logged("from outside\n") == inherits);
    CHECK(container.logged("end\n"));
  }
}

TEST_CASE("stdout and stderr go where the configuration says") {
  Container container;
  container.config(
      "[defaults]\nrestart = 'no'\n"
      "[service.both]\ncommand = ['sh', '-c', 'echo out; echo err >&2']\nstdout = 'file:/shared/both'\nstderr = "
      "'stdout'\n"
      "[service.silent]\ncommand = ['sh', '-c', 'echo unheard; echo unheard >&2']\nstdout = 'null'\nstderr = 'null'\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  CHECK(container.read_shared("both") == "out\nerr\n");
  CHECK(!container.logged("unheard"));
}

TEST_CASE("a file for stdout is appended to") {
  Container container;
  container.config("[service.web]\ncommand = " + counting("echo start $n; [ $n -gt 1 ]") +
                   "\nrestart-delay = '1ms'\nstdout = 'file:/shared/web.log'\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  CHECK(container.read_shared("web.log") == "start 1\nstart 2\n");
}

TEST_CASE("files of /etc/cinit.d come after /etc/cinit.toml, by name, and their keys win") {
  Container container;
  container.config("[service.web]\ncommand = ['echo', 'zero']\n[service.gone]\ncommand = ['echo', 'gone']\n");
  container.file("/etc/cinit.d/20.toml", "[service.web]\ncommand = ['echo', 'two']\n");
  container.file("/etc/cinit.d/10.toml", "[service.web]\ncommand = ['echo', 'one']\n[service.gone]\nenabled = false\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("two\n"));
  for (const char* other : {"zero\n", "one\n", "gone"}) CHECK(!container.logged(other));
}

TEST_CASE(
    "when a service's main process crashes, what it left in its process group is told to end before the next start") {
  Container container;
  container.config("[service.web]\nrestart-delay = '1ms'\ncommand = " +
                   counting("app app1 child$n & app wait-for /shared/go$n; exit 3") + "\n");
  container.cinit().wait_for("child1: ready\n");
  container.exec({"touch", "/shared/go1"});
  container.wait_for("child2: ready\n");
  CHECK(container.count("child1: app exit normally\n") == 1);
  CHECK(container.log().find("child1: app exit normally\n") < container.log().find("child2: ready\n"));
}

TEST_CASE("log-format = \"json\" makes each of cinit's lines an object") {
  Container container;
  container.config("[cinit]\nlog-format = 'json'\n[service.web]\ncommand = ['app', 'exit', '0']\n").cinit();
  CHECK(container.wait_exit().code == 0);
  const std::string& log = container.log();
  for (std::size_t at = 0; at < log.size(); at = log.find('\n', at) + 1) CHECK(log[at] == '{');
  CHECK(container.logged("\"web\""));
}

TEST_CASE("a oneshot that has failed is not run again, unless its own restart says so, and the end names it") {
  const std::string migrate =
      "[service.migrate]\ntype = 'oneshot'\ncommand = ['sh', '-c', 'echo ran >> /shared/runs; exit 3']\n";
  const std::string web = "[service.web]\nrequires = ['migrate']\ncommand = ['app', 'app1']\n";
  Container container;
  std::string runs = "ran\n";
  SUBCASE("by default") { container.config(migrate + web); }
  SUBCASE("whatever holds for services") {
    container.config("[defaults]\nrestart = 'always'\nrestart-delay = '1ms'\n" + migrate + web);
  }
  SUBCASE("it says so") {
    container.config(migrate + "restart = 'on-failure'\nrestart-delay = '1ms'\nstart-limit-burst = 2\n" + web);
    runs += runs;
  }
  container.cinit();
  CHECK(container.wait_exit().code == 3);
  CHECK(container.read_shared("runs") == runs);
  CHECK(container.logged("cinit: stopping: migrate "));
}
