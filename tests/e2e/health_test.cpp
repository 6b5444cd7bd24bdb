// Whether services that run still work, and what follows when they do not.
#include <doctest/doctest.h>

#include <algorithm>

#include "container.hpp"
#include "freezer.hpp"
#include "in_order.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

const Options kNetwork{.network = true};

// A service `web` that answers HTTP on port 8080 as /shared/state says.
std::string http_server(const std::string& health) {
  return "[service.web]\ncommand = ['app', 'http', '8080', '0', '/shared/state']\nready = { log = 'listening' }\n"
         "restart-delay = '1ms'\nhealth = { http = 'http://127.0.0.1:8080/health', " +
         health + " }\n";
}

std::string healthy_while_file(const std::string& health, const std::string& keys = "") {
  return "[service.web]\ncommand = ['app', 'app1', 'web']\nrestart-delay = '1ms'\n" + keys +
         "health = { exec = ['test', '-e', '/shared/well'], " + health + " }\n";
}

pid_t host_pid_of(const Container& container, const std::string& command) {
  for (const Process& process : container.processes()) {
    if (process.command == command) return process.host_pid;
  }
  FAIL("no process ", command);
  return 0;
}

// Everybody in the container.
std::vector<pid_t> everybody(const Container& container) {
  std::vector<pid_t> pids;
  for (const Process& process : container.processes()) pids.push_back(process.host_pid);
  return pids;
}

}  // namespace

TEST_CASE("a service that fails its health check `retries` times in a row is restarted, with back-off") {
  Container container;
  container.link("busybox", "/bin/test");
  std::string failure;
  SUBCASE("exec") {
    container.config(healthy_while_file("interval = '10ms', retries = 3"));
    failure = "the command exited with code 1";
  }
  SUBCASE("http") {
    container.config(http_server("interval = '10ms', retries = 3"));
    failure = "HTTP status 503";
  }
  SUBCASE("tcp") {
    container.config(
        "[service.web]\ncommand = ['app', 'app1', 'web']\nrestart-delay = '1ms'\n"
        "health = { tcp = '127.0.0.1:8080', interval = '10ms', retries = 3 }\n");
    failure = "connection refused by 127.0.0.1:8080";
  }
  container.start({"/bin/sh", "-c", "echo 503 > /shared/state; exec /sbin/cinit"}, kNetwork);
  container.wait_for("cinit: web: started\n", 3);
  const std::string health = "cinit: web: health check failed: " + failure;
  CHECK(in_order(container.log(),
                 {"cinit: web: started\n", health + " (1 of 3)\n", health + " (2 of 3)\n", health + " (3 of 3)\n",
                  "cinit: web: unhealthy; it is stopped to be started again\n",
                  "cinit: web: stopping: sending SIGTERM\n", " after ", ", restarting in 1", "(2 of 10)\n",
                  "cinit: web: started\n", health + " (1 of 3)\n", ", restarting in 2", "(3 of 10)\n"}));
}

TEST_CASE("a failure between successes does not count") {
  Container container;
  container.config(
      "[service.web]\ncommand = ['app', 'app1', 'web']\nhealth = { exec = ['sh', '-c', "
      "'echo x >> /shared/n; [ $(($(grep -c x /shared/n) % 2)) = 0 ]'], interval = '10ms', retries = 2 }\n");
  container.cinit().wait_for("health check failed: the command exited with code 1 (1 of 2)\n", 5);
  CHECK(!container.logged("unhealthy"));
}

TEST_CASE("a service that is unhealthy for longer than its start limit allows has failed for good") {
  Container container;
  container.link("busybox", "/bin/test");
  container.config(healthy_while_file("interval = '10ms', retries = 1", "start-limit-burst = 2\n")).cinit();
  CHECK(container.wait_exit().code != 0);
  CHECK(container.count("cinit: web: started\n") == 2);
  CHECK(container.logged("cinit: web: failed: started 2 times within "));
}

TEST_CASE("action = \"shutdown\" ends the container with a code that is not 0") {
  Container container;
  container.link("busybox", "/bin/test");
  container.config(healthy_while_file("interval = '10ms', retries = 2, action = 'shutdown'") +
                   "[service.other]\ncommand = ['app', 'app1', 'other']\n");
  container.cinit();
  CHECK(container.wait_exit().code == 1);
  CHECK(container.logged("cinit: web: unhealthy; everything is stopped\n"));
  CHECK(container.logged("cinit: stopping: web is unhealthy\n"));
  CHECK(container.logged("other: app exit normally\n"));
}

TEST_CASE("action = \"ignore\" says so, and says when it is healthy again") {
  Container container;
  container.link("busybox", "/bin/test");
  container.config(healthy_while_file("interval = '10ms', retries = 2, action = 'ignore'")).cinit();
  container.wait_for("cinit: web: unhealthy");
  container.exec({"touch", "/shared/well"});
  container.wait_for("cinit: web: healthy again\n");
  container.exec({"rm", "/shared/well"});
  container.wait_for("cinit: web: unhealthy", 2);
  CHECK(container.count("cinit: web: started\n") == 1);
}

TEST_CASE("failures within the start-period do not count") {
  Container container;
  container.link("busybox", "/bin/test");
  container.config(healthy_while_file("interval = '10ms', retries = 1, start-period = '1h'")).cinit();
  container.wait_for("health check failed: the command exited with code 1; in its start-period, so it does not count\n",
                     5);
  CHECK(!container.logged("unhealthy"));
}

TEST_CASE("failures count when the start-period is over") {
  Container container;
  container.link("busybox", "/bin/test");
  container.config(healthy_while_file("interval = '20ms', retries = 1, start-period = '200ms'")).cinit();
  container.wait_for("cinit: web: unhealthy");
  CHECK(in_order(container.log(), {"so it does not count\n", "(1 of 1)\n", "cinit: web: unhealthy"}));
}

TEST_CASE("a health check that hangs has failed at its timeout, and is ended") {
  Container container;
  std::string why = "no answer within 100 ms";
  SUBCASE("exec") {
    container.config(
        "[service.web]\ncommand = ['app', 'app1', 'web']\nhealth = { exec = ['sh', '-c', "
        "'echo $$ >> /shared/probes; exec app app2'], interval = '10ms', timeout = '100ms', action = 'ignore' }\n");
  }
  SUBCASE("http") {
    container.config(http_server("interval = '10ms', timeout = '100ms', action = 'ignore'"));
    why = "connected, but no answer yet after 100 ms";
  }
  container.start({"/bin/sh", "-c", "echo hang > /shared/state; exec /sbin/cinit"}, kNetwork);
  container.wait_for("cinit: web: health check failed: " + why + " (3 of 3)\n");
  container.wait_for("cinit: web: unhealthy\n");
  const std::vector<Process> all = container.processes();
  CHECK(std::count_if(all.begin(), all.end(), [](const Process& p) { return p.command == "app app2"; }) <= 1);
}

TEST_CASE("a service that was stopped by SIGSTOP is found, and is started again") {
  Container container;
  std::string command;
  SUBCASE("by HTTP") {
    container.config(http_server("interval = '20ms', timeout = '150ms', retries = 2"));
    command = "app http 8080 0 /shared/state";
  }
  SUBCASE("by a command") {
    container.config(
        "[service.web]\ncommand = ['app', 'http', '8080', '0', '/shared/state']\nready = { log = 'listening' }\n"
        "restart-delay = '1ms'\nhealth = { exec = ['wget', '-q', '-O-', 'http://127.0.0.1:8080/'], "
        "interval = '20ms', timeout = '150ms', retries = 2 }\n");
    container.link("busybox", "/bin/wget");
    command = "app http 8080 0 /shared/state";
  }
  container.cinit({}, kNetwork).wait_for("http: 200\n", 2);
  const pid_t before = host_pid_of(container, command);
  container.forget_log();
  ::kill(before, SIGSTOP);
  container.wait_for("cinit: web: unhealthy");
  container.wait_for("cinit: web: ready after ");
  container.wait_for("http: 200\n");
  CHECK(host_pid_of(container, command) != before);
}

TEST_CASE("a container that is frozen for longer than every timeout has nobody restarted by that") {
  Container container;
  std::string sign = "http: 200\n";
  SUBCASE("http") { container.config(http_server("interval = '10ms', timeout = '1s', retries = 1")); }
  SUBCASE("exec") {
    container.config(
        "[service.web]\ncommand = ['app', 'app1', 'web']\nhealth = { exec = ['sh', '-c', "
        "'sleep 0.1; echo checked > /proc/1/fd/2'], interval = '10ms', timeout = '1s', retries = 1 }\n");
    sign = "checked\n";
  }
  SUBCASE("watchdog") {
    container.config(
        "[service.web]\ncommand = ['app', 'keep-alive', '50', '/shared/never']\nhealth = { watchdog = '1s' }\n");
    sign = "alive\n";
  }
  SUBCASE("readiness") {
    container.config(
        "[service.web]\ncommand = ['app', 'http', '8080', '1000000']\nstart-timeout = '2s'\n"
        "ready = { http = 'http://127.0.0.1:8080/', interval = '100ms' }\n");
    sign = "http: 503\n";
  }
  container.start({"/bin/sh", "-c", "echo slow > /shared/state; exec /sbin/cinit"}, kNetwork);
  container.wait_for(sign, 2);
  {
    Freezer freezer(container.host_pid(), [&] { return everybody(container); });
    container.watch_for(10ms);  // what was said before
    container.forget_log();
    container.watch_for(3s);
    CHECK(container.count(sign) == 0);
    freezer.thaw();
    container.wait_for(sign, 5);
  }
  CHECK(!container.logged("health check failed"));
  CHECK(!container.logged("WATCHDOG=1"));
  CHECK(!container.logged("is not ready"));
  CHECK(!container.logged("cinit: web: stopping"));
}

TEST_CASE("to be healthy costs what the checks cost") {
  Container container;
  container.config(http_server("interval = '50ms'")).cinit({}, kNetwork).wait_for("http: 200\n");
  const Effort before = container.effort();
  container.wait_for("http: 200\n", 11);
  const Effort after = container.effort();
  MESSAGE("10 checks: ", after.waits - before.waits, " waits");
  CHECK(after.waits - before.waits < 10 * 12);
  CHECK(after.processor_time - before.processor_time < 100ms);
}

TEST_CASE("a service that is only up costs nothing") {
  Container container;
  container.config(
      "[service.web]\nready = 'notify'\nhealth = { watchdog = '1h' }\n"
      "command = ['sh', '-c', 'app notify READY=1; exec app app1']\n");
  container.cinit().wait_for("cinit: web: ready after ");
  container.wait_for("ready\n");
  container.watch_for(50ms);
  const Effort before = container.effort();
  container.watch_for(500ms);
  const Effort after = container.effort();
  CHECK(after.waits - before.waits <= 2);
  CHECK(after.processor_time == before.processor_time);
}
