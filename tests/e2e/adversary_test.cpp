// What a service's user does to its own processes holds up that user, and never PID 1.
#include <doctest/doctest.h>

#include <csignal>
#include <string>

#include "container.hpp"
#include "spawn.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

// PID 1 answers within this time, also on a machine that is busy with other things.
constexpr Clock::duration kPrompt = 3s;

void check_answers(Container& container) {
  const Clock::time_point start = Clock::now();
  const Output output = container.exec({"/sbin/cinit", "status"});
  CAPTURE(output.text);
  CHECK(output.code == 0);
  CHECK(Clock::now() - start < kPrompt);
}

constexpr char kUser[] = "user = '1000'\n";
constexpr char kRooted[] = "[service.rooted]\ncommand = 'app app1 rooted'\n";

}  // namespace

TEST_CASE("a service that stops every process of its user holds up nobody else, however often others start") {
  Container container;
  container.config(
      "[service.stopper]\ncommand = 'app stop-everybody'\n" + std::string(kUser) +
      "health = { exec = ['true'], interval = '10ms', timeout = '50ms', retries = 1000, action = 'ignore' }\n"
      "[service.victim]\ncommand = 'app exit 1'\nrestart-delay = '5ms'\nstart-limit-burst = 0\n" +
      kUser + kRooted);
  container.cinit().wait_for("rooted: ready\n");
  container.wait_for("ready\n", 2);
  // The first start that met a SIGSTOP held up PID 1 for ever: that took less than a second.
  const Clock::time_point end = Clock::now() + 2s;
  int restarts = 0;
  while (Clock::now() < end) {
    const Output output = container.exec({"/sbin/cinit", "restart", "rooted"});
    CAPTURE(output.text);
    REQUIRE(output.code == 0);
    check_answers(container);
    ++restarts;
  }
  container.wait_for("rooted: ready\n", 1 + restarts);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().took < 12s);
}

TEST_CASE("a lease on a service's program holds up that start alone, and no stop") {
  Container container;
  container.file("/srv/program", "#!/bin/sh\n", 0755);
  container.config(
      "[service.holder]\ncommand = ['sh', '-c', 'chown 1000 /srv/program; exec app as 1000 app hold-lease "
      "/srv/program']\n[service.victim]\nautostart = false\ncommand = '/srv/program'\n" +
      std::string(kUser) + kRooted);
  container.cinit().wait_for("rooted: ready\n");
  container.wait_for("leased\n");
  CHECK(container.exec({"/sbin/cinit", "start", "--no-wait", "victim"}).code == 0);
  check_answers(container);
  CHECK(container.exec({"/sbin/cinit", "restart", "rooted"}).code == 0);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().took < 1s + kPrompt);
}

TEST_CASE("a hook, a command and a probe that are held up keep the stop from nothing") {
  Container container;
  container.file("/srv/program", "#!/bin/sh\n", 0755);
  std::string waiting = "[service.victim]\n" + std::string(kUser);
  SUBCASE("a pre-start command") {
    waiting += "command = 'true'\npre-start = [['/srv/program']]\nafter = ['holder']\n";
  }
  SUBCASE("a health check") {
    waiting +=
        "command = 'app app1 victim'\nhealth = { exec = ['/srv/program'], interval = '10ms', timeout = '20s' }\n";
  }
  SUBCASE("a stop-command") {
    waiting += "command = 'app app1 victim'\nstop-command = ['/srv/program']\nstop-timeout = '500ms'\n";
  }
  container.config(
      "[service.holder]\ncommand = ['sh', '-c', 'chown 1000 /srv/program; exec app as 1000 app hold-lease "
      "/srv/program']\nready = { log = 'leased' }\nstop-timeout = '1s'\n" +
      waiting + kRooted);
  container.cinit().wait_for("rooted: ready\n");
  container.wait_for("leased\n");
  check_answers(container);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().took < 2s + kPrompt);
}

TEST_CASE("in a container of one user PID 1 can neither be read nor traced") {
  Container container;
  std::vector<std::string> arguments;
  SUBCASE("with services") { container.config("[service.pry]\ncommand = 'app pry'\n"); }
  SUBCASE("with one command") { arguments = {"--", "app", "pry"}; }
  container.cinit(arguments, {.env = {{"SECRET", "x"}}, .user = "1000:1000"}).wait_for("pried\n");
  CHECK(container.logged("environ: no\n"));
  CHECK(container.logged("memory: no\n"));
  CHECK(container.logged("ptrace: no\n"));
  container.signal(SIGTERM);
  CHECK(container.wait_exit().took < kPrompt);
}

TEST_CASE("a set-user-id program that a service leaves behind is named, and the service is started again without it") {
  Container container;
  container.file("/bin/stay", read_file(CINIT_E2E_APP), 04755);
  container.config(
      "[cinit]\nstop-timeout = '1s'\n"
      "[service.web]\ncommand = ['sh', '-c', 'if mkdir /shared/once; then exec app leave-behind /bin/stay; fi; "
      "exec app app1 web']\nrestart-delay = '1ms'\nstop-timeout = '200ms'\n");
  container.cinit({}, {.user = "1000:1000"}).wait_for("left behind\n");
  container.wait_for("may not be killed by cinit, which runs as uid 1000");
  container.wait_for("web: ready\n");
  container.signal(SIGTERM);
  container.wait_exit();
}
