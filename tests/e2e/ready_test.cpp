// When a service is ready, and what waits for that.
#include <doctest/doctest.h>

#include <algorithm>

#include "container.hpp"
#include "in_order.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

const std::string kDependent = "[service.web]\nrequires = ['database']\ncommand = ['app', 'app1', 'web']\n";

// The configuration of a service `database`, and of `web`, which requires it.
std::string pair_of(const std::string& ready, const std::string& command, const std::string& keys = "") {
  return "[service.database]\nready = " + ready + "\ncommand = " + command + "\n" + keys + kDependent;
}

// A script that does its `first` part, waits for the test's word, and does the second one.
std::string script(const std::string& first, const std::string& second) {
  return "['sh', '-c', '" + first + "; app wait-for /shared/go; " + second + "']";
}

// A container in which `database` runs, and is not ready before the test says so.
void check_that_web_waits(Container& container, const Options& options = {}) {
  container.cinit({}, options).wait_for("cinit: database: started\n");
  container.wait_for("waiting\n");
  container.watch_for(100ms);
  CHECK(!container.logged("cinit: web: started\n"));
  CHECK(!container.logged("cinit: database: ready"));
  container.exec({"touch", "/shared/go"});
  container.wait_for("cinit: web: started\n");
  INFO(container.log());
  CHECK(in_order(container.log(),
                 {"cinit: database: started\n", "cinit: database: ready after ", "cinit: web: started\n"}));
}

bool has_process(const Container& container, const std::string& command) {
  const std::vector<Process> all = container.processes();
  return std::any_of(all.begin(), all.end(), [&](const Process& process) { return process.command == command; });
}

}  // namespace

TEST_CASE("ready = \"notify\": the service says READY=1") {
  Container container;
  container.config(pair_of("'notify'", script("echo waiting", "app notify READY=1; exec app app1")));
  check_that_web_waits(container);
}

TEST_CASE("ready = { fd = N }: a newline on that descriptor, whatever its number, and whatever is said before it") {
  Container container;
  SUBCASE("3") {
    container.config(pair_of("{ fd = 3 }", script("printf some >&3; echo waiting", "echo thing >&3; exec app app1")));
  }
  SUBCASE("9") { container.config(pair_of("{ fd = 9 }", script("echo waiting", "echo >&9; exec app app1"))); }
  SUBCASE("6, one that cinit itself uses") {
    container.config(pair_of("{ fd = 6 }", script("echo waiting", "echo >&6; exec app app1")));
  }
  check_that_web_waits(container);
}

TEST_CASE("the service has the descriptor for its readiness and no other one") {
  Container container;
  container.config("[service.web]\nready = { fd = 9 }\ncommand = ['app', 'state']\n").cinit();
  container.wait_for("end of state\n");
  CHECK(container.logged("\ndescriptors=0 1 2 9\n"));
}

TEST_CASE("a service that closes its descriptor without a newline is not ready, and its start times out") {
  Container container;
  container.config(pair_of("{ fd = 3 }", "['sh', '-c', 'printf almost >&3; exec 3>&-; exec app app1']",
                           "start-timeout = '300ms'\nrestart = 'no'\n"));
  container.cinit();
  CHECK(container.wait_exit().code != 0);
  CHECK(container.logged("cinit: database: is not ready after 3"));
  CHECK(container.logged(" ms: no newline came on its descriptor 3\n"));
  CHECK(!container.logged("cinit: web: started\n"));
}

TEST_CASE("a service that ends before it was ready has failed, even with code 0") {
  Container container;
  container.config(pair_of("'notify'", "['app', 'exit', '0']", "restart-delay = '1ms'\nstart-limit-burst = 2\n"));
  container.cinit();
  CHECK(container.wait_exit().code == 1);
  CHECK(container.count("cinit: database: exited with code 0 before it was ready, after ") == 2);
  CHECK(container.logged(", restarting in 1"));
  CHECK(!container.logged("cinit: web: started\n"));
}

TEST_CASE("ready = { log = TEXT }: a line of the output holds the text") {
  Container container;
  std::string command = script("echo waiting", "echo \"now accepting connections here\"; exec app app1");
  SUBCASE("on standard output") {}
  SUBCASE("on standard error") {
    command = script("echo waiting", "echo \"now accepting connections here\" >&2; exec app app1");
  }
  SUBCASE("in pieces, between other lines") {
    command = script(
        "echo waiting",
        "printf \"one\\nnow accept\"; app wait-for /shared/go; printf \"ing connections here\\ntwo\"; exec app app1");
  }
  container.config(pair_of("{ log = 'accepting connections' }", command));
  check_that_web_waits(container);
}

TEST_CASE("ready = { log = TEXT } with the output in a file, with and without rotation") {
  Container container;
  std::string keys = "stdout = 'file:/shared/database.log'\n";
  SUBCASE("with rotation") {}
  SUBCASE("without rotation") { keys += "log-max-size = 0\n"; }
  container.config(pair_of("{ log = 'accepting connections' }",
                           script("echo waiting >&2; echo one", "echo \"now accepting connections\"; exec app app1"),
                           keys));
  check_that_web_waits(container);
  CHECK(container.read_shared("database.log").starts_with("one\nnow accepting connections\n"));
}

TEST_CASE("a service whose output is only looked at passes it on byte by byte") {
  Container container;
  container.config(
      "[service.web]\nready = { log = 'up' }\n"
      "command = ['sh', '-c', 'printf \"a\\tb\\000c\\033[1m\\n\\n  up \\r\\n\\377\\n\"; printf unfinished']\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  CHECK(container.log().find(std::string("a\tb\0c\033[1m\n\n  up \r\n\377\n", 19)) != std::string::npos);
  CHECK(container.logged("unfinished"));
}

TEST_CASE("ready = { delay = TIME }: the service has run for that long") {
  Container container;
  container.config(pair_of("{ delay = '200ms' }", "['app', 'app1', 'database']")).cinit();
  container.wait_for("database: ready\n");
  const Clock::time_point start = Clock::now();
  container.wait_for("cinit: web: started\n");
  CHECK(Clock::now() - start > 100ms);
  CHECK(container.logged("cinit: database: ready after 2"));
}

TEST_CASE("ready = { tcp = ADDRESS }: a connection is accepted") {
  Container container;
  container.config(
      pair_of("{ tcp = 'localhost:8080', interval = '10ms' }", script("echo waiting", "exec app listen 8080")));
  check_that_web_waits(container, {.network = true});
}

TEST_CASE("ready = { http = URL }: the status is one of success") {
  Container container;
  container.config(pair_of("{ http = 'http://127.0.0.1:8080/', interval = '10ms' }",
                           script("echo waiting", "exec app http 8080 3")));
  check_that_web_waits(container, {.network = true});
  CHECK(container.count("http: 503\n") == 3);
  CHECK(container.count("http: 200\n") == 1);
  CHECK(in_order(container.log(), {"http: 503\n", "http: 200\n", "cinit: database: ready after "}));
}

TEST_CASE("ready = { exec = COMMAND }: it exits with 0") {
  Container container;
  container.config(pair_of("{ exec = ['test', '-e', '/shared/up'], interval = '10ms' }",
                           script("echo waiting", "touch /shared/up; exec app app1")));
  container.link("busybox", "/bin/test");
  check_that_web_waits(container);
}

TEST_CASE("ready = { file = PATH }: it exists") {
  Container container;
  container.config(
      pair_of("{ file = '/shared/up', interval = '10ms' }", script("echo waiting", "touch /shared/up; exec app app1")));
  check_that_web_waits(container);
}

TEST_CASE("the main command is started when the services are ready, which they are after their readiness") {
  Container container;
  container.config("[service.database]\nready = 'notify'\ncommand = " +
                   script("echo waiting", "app notify READY=1; exec app app1") + "\n");
  container.cinit({"--", "echo", "main"}).wait_for("waiting\n");
  container.watch_for(100ms);
  CHECK(!container.logged("main\n"));
  container.exec({"touch", "/shared/go"});
  CHECK(container.wait_exit().code == 0);
  CHECK(in_order(container.log(), {"cinit: database: ready after ", "main\n"}));
}

TEST_CASE("a service that does not get ready in time is stopped and started again, as after any failure") {
  Container container;
  container.config(pair_of("{ tcp = '127.0.0.1:8080', interval = '20ms' }",
                           "['sh', '-c', 'echo first words; echo last words; exec app app1 database']",
                           "start-timeout = '300ms'\nrestart-delay = '1ms'\nstart-limit-burst = 2\n") +
                   "[cinit]\nlog-prefix = 'name'\n");
  container.cinit({}, {.network = true});
  CHECK(container.wait_exit().code == 1);
  CHECK(container.count("cinit: database: started\n") == 2);
  CHECK(container.count("cinit: database: is not ready after 3") == 2);
  CHECK(container.count(" ms: connection refused by 127.0.0.1:8080\n") == 2);
  CHECK(in_order(container.log(),
                 {"cinit: database: is not ready", "cinit: database: its last output: first words\n",
                  "cinit: database: its last output: last words\n", "database | database: handle signal: terminated\n",
                  "restarting in ", "cinit: database: is not ready", "cinit: database: failed: "}));
  CHECK(!container.logged("cinit: web: started\n"));
}

TEST_CASE("a service that ignores SIGTERM and does not get ready is killed after its stop-timeout") {
  Container container;
  container.config(pair_of("'notify'", "['app', 'app2', 'database']",
                           "start-timeout = '200ms'\nstop-timeout = '200ms'\nrestart = 'no'\n"));
  container.cinit();
  CHECK(container.wait_exit().code != 0);
  CHECK(in_order(container.log(), {"cinit: database: is not ready after 2", "handle signal: terminated\n",
                                   "sending SIGKILL", "cinit: database: killed by SIGKILL"}));
}

TEST_CASE("a probe that hangs is killed at its timeout, and another one is started") {
  Container container;
  container.config(
      pair_of("{ exec = ['sh', '-c', 'echo $$ >> /shared/probes; app app2 child & exec app app2'], "
              "interval = '10ms', timeout = '200ms' }",
              "['app', 'app1', 'database']", "start-timeout = 0\n"));
  container.cinit();
  const auto probes = [&container] {
    const std::string text = container.read_shared("probes");
    return std::count(text.begin(), text.end(), '\n');
  };
  container.wait_until([&] { return probes() >= 2; }, "a second probe");
  container.wait_until([&] { return probes() >= 4; }, "two more");
  // No more than those of one probe: the one that runs.
  const std::vector<Process> all = container.processes();
  CHECK(std::count_if(all.begin(), all.end(), [](const Process& p) { return p.command.starts_with("app app2"); }) <= 2);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("a probe ends with its service") {
  Container container;
  container.config(
      "[service.database]\nready = { exec = ['sh', '-c', 'touch /shared/probed; exec app app2 probe'], timeout = '1m' "
      "}\n"
      "restart = 'no'\non-failure = 'ignore'\ncommand = " +
      script("echo waiting", "exit 3") + "\n[service.web]\ncommand = ['app', 'app1', 'web']\n");
  container.cinit().wait_for("web: ready\n");
  container.wait_until([&] { return has_process(container, "app app2 probe"); }, "the probe");
  container.exec({"touch", "/shared/go"});
  container.wait_for("cinit: database: exited with code 3");
  container.wait_until([&] { return !has_process(container, "app app2 probe"); }, "the end of the probe");
  container.wait_until([&] { return container.zombies() == 0; }, "it is reaped");
}

TEST_CASE("what a probe leaves in the background ends with the probe") {
  Container container;
  container.config(
      "[service.web]\nready = { exec = ['sh', '-c', 'app app2 left & touch /shared/up'] }\ncommand = ['app', "
      "'app1']\n");
  container.cinit().wait_for("cinit: web: ready after ");
  container.wait_until([&] { return !has_process(container, "app app2 left"); }, "its end");
}

TEST_CASE("the output of a probe goes nowhere, and its user is the service's") {
  Container container;
  container.file("/shared-by-all/x", "", 0666);
  container.config(
      "[service.web]\nuser = 'app'\ncommand = ['app', 'app1']\n"
      "ready = { exec = ['sh', '-c', 'echo unheard; echo unheard >&2; id -u > /shared/uid'] }\n");
  container.cinit().wait_for("cinit: web: ready after ");
  CHECK(container.read_shared("uid") == "1000\n");
  CHECK(!container.logged("unheard"));
}

TEST_CASE("no connection is attempted for a service that has ended") {
  Container container;
  container.config(
      "[service.server]\ncommand = ['app', 'listen', '8080']\nready = { log = 'listening' }\n"
      "[service.web]\nafter = ['server']\nrestart = 'no'\non-failure = 'ignore'\n"
      "health = { tcp = ':8080', interval = '10ms', action = 'ignore' }\ncommand = " +
      script("true", "exit 3") + "\n");
  container.cinit({}, {.network = true}).wait_for("accepted\n", 3);
  container.exec({"touch", "/shared/go"});
  container.wait_for("cinit: web: exited with code 3");
  container.watch_for(50ms);  // one that was under way may still be counted
  container.forget_log();
  container.watch_for(150ms);
  CHECK(container.count("accepted\n") == 0);
}

TEST_CASE("to wait for readiness costs what its probes cost") {
  Container container;
  container.config(
      "[service.server]\ncommand = ['app', 'http', '8080', '1000000']\nready = { log = 'listening' }\n"
      "[service.web]\nafter = ['server']\nstart-timeout = 0\ncommand = ['app', 'app1', 'web']\n"
      "ready = { http = 'http://127.0.0.1:8080/', interval = '50ms' }\n"
      "[service.told]\nready = 'notify'\ncommand = ['app', 'app1']\n"
      "[service.newline]\nready = { fd = 3 }\ncommand = ['sh', '-c', 'exec 3>&-; exec app app1']\n"
      "[service.text]\nready = { log = 'never' }\ncommand = ['app', 'app1']\n");
  container.cinit({}, {.network = true}).wait_for("http: 503\n");
  const Effort before = container.effort();
  container.wait_for("http: 503\n", 11);
  const Effort after = container.effort();
  MESSAGE("10 probes: ", after.waits - before.waits, " waits");
  CHECK(after.waits - before.waits < 10 * 12);
  CHECK(after.processor_time - before.processor_time < 100ms);
}
