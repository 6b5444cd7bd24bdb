// The settings of a service's processes: priority, capabilities, limits.
#include <doctest/doctest.h>

#include "container.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

std::string shell(const std::string& script) { return "['sh', '-c', '" + script + "']"; }

// Writes what the process was given to a file in /shared.
std::string report_script(const std::string& name) {
  return "(grep -E ^Cap /proc/self/status; grep -E ^NoNewPrivs /proc/self/status; cat /proc/self/oom_score_adj; "
         "set -- $(cat /proc/self/stat); echo ${19}; ulimit -Sn; ulimit -Hn; umask; id; pwd; echo end) > /shared/" +
         name;
}

std::string report(const std::string& name) { return shell(report_script(name)); }

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The mask of /proc/PID/status with this capability alone.
std::string only(int capability) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", 1ULL << capability);
  return text;
}

// Starts a service with these keys, which cannot be started, and returns the log.
std::string log_of(const std::string& keys, const Arguments& command = {"/sbin/cinit"}, const Options& options = {}) {
  Container container;
  container.config("[service.web]\ncommand = 'echo never'\nrestart = 'no'\n" + keys).start(command, options);
  container.wait_exit();
  CHECK(!container.logged("never\n"));
  return container.log();
}

// cinit as root, without one capability.
Arguments cinit_without(int capability) { return {"/bin/app", "without", std::to_string(capability), "/sbin/cinit"}; }

constexpr int kNetBindService = 10;
constexpr int kNetAdmin = 12;
constexpr int kSysNice = 23;
constexpr int kSysResource = 24;

}  // namespace

TEST_CASE("a service, its commands and its probes all get the service's settings") {
  Container container;
  container.config(
      "[service.web]\nuser = 'app'\ngroups = ['video']\nworking-dir = '/var/www'\numask = '0027'\n"
      "nice = 5\noom-score-adj = 500\ncapabilities = ['cap_net_bind_service']\nno-new-privileges = true\n"
      "limits = { nofile = '123:456' }\n"
      "command = " +
      shell(report_script("main") + "; exec app app1") +
      "\n"
      "ready = { exec = " +
      report("ready") +
      ", interval = '10ms' }\n"
      "health = { exec = " +
      report("health") +
      ", interval = '10ms' }\n"
      "pre-start = [" +
      report("pre-start") + "]\npost-start = [" + report("post-start") +
      "]\n"
      "pre-stop = [" +
      report("pre-stop") + "]\nstop-command = " + shell(report_script("stop-command") + "; kill $MAINPID") +
      "\n"
      "post-stop = [" +
      report("post-stop") + "]\n");
  container.cinit().wait_for("ready\n");
  container.wait_until([&] { return has(container.read_shared("health"), "end\n"); }, "a health check");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  const std::string main = container.read_shared("main");
  CHECK(has(main, "CapInh:\t" + only(kNetBindService) + "\nCapPrm:\t" + only(kNetBindService) + "\nCapEff:\t" +
                      only(kNetBindService) + "\nCapBnd:\t" + only(kNetBindService) + "\nCapAmb:\t" +
                      only(kNetBindService) + "\n"));
  CAPTURE(main);
  CHECK(has(main, "NoNewPrivs:\t1\n500\n5\n123\n456\n0027\n"));
  CHECK(has(main, "uid=1000(app) gid=1000(app) groups=44(video)"));
  CHECK(has(main, "/var/www\nend\n"));
  for (const char* name : {"ready", "health", "pre-start", "post-start", "pre-stop", "stop-command", "post-stop"}) {
    CAPTURE(name);
    CHECK(container.read_shared(name) == main);
  }
}

TEST_CASE("a user without privilege binds to port 80 with cap_net_bind_service, and not without") {
  for (const char* user : {"root", "nobody"}) {
    for (const bool has_it : {true, false}) {
      CAPTURE(user);
      CAPTURE(has_it);
      Container container;
      container.config("[service.web]\nuser = '" + std::string(user) +
                       "'\ncommand = 'app bind 80'\nrestart = 'no'\n"
                       "capabilities = [" +
                       std::string(has_it ? "'cap_net_bind_service'" : "") + "]\n");
      container.cinit({}, {.network = true});
      CHECK(container.wait_exit().code == (has_it ? 0 : 111));
      CHECK(container.logged(has_it ? "bound\n" : "bind: Permission denied\n"));
    }
  }
}

TEST_CASE("root without capabilities cannot get them back by running a program") {
  Container container;
  container.config(
      "[service.web]\ncapabilities = []\ncommand = ['sh', '-c', 'sh -c \"grep ^Cap /proc/self/status\"']\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  CHECK(container.count("\t0000000000000000\n") == 5);
}

TEST_CASE("with no-new-privileges a setuid program gains nothing") {
  for (const bool forbidden : {false, true}) {
    CAPTURE(forbidden);
    Container container;
    container.config(
        "[hooks]\npre-start = [['sh', '-c', 'cat /bin/app > /bin/setuid-app; chmod 4755 /bin/setuid-app']]\n"
        "[service.web]\nuser = 'nobody'\ncommand = '/bin/setuid-app state'\nno-new-privileges = " +
        std::string(forbidden ? "true" : "false") + "\n");
    container.cinit();
    CHECK(container.wait_exit().code == 0);
    CHECK(container.logged("\nuid=65534\n"));
    CHECK(container.logged("\neuid=65534\n") == forbidden);
    CHECK(container.logged("\neuid=0\n") == !forbidden);
  }
}

TEST_CASE("a setting that needs a capability names the step, the value, the reason and the way out") {
  const std::string nice = log_of("nice = -5\n", cinit_without(kSysNice));
  CHECK(
      has(nice,
          "cinit: web: failed: cannot set nice to -5: Permission denied (CAP_SYS_NICE is needed: docker run --cap-add "
          "SYS_NICE)\n"));
  const std::string score = log_of("oom-score-adj = -500\n", cinit_without(kSysResource));
  CHECK(has(score,
            "cinit: web: failed: cannot set oom-score-adj to -500 (/proc/self/oom_score_adj): Permission denied "
            "(CAP_SYS_RESOURCE is needed: docker run --cap-add SYS_RESOURCE)\n"));
  const std::string limit =
      log_of("limits = { nofile = 1000000 }\n", {"/bin/sh", "-c", "ulimit -n 500; exec app without 24 /sbin/cinit"});
  CHECK(has(limit, "cinit: web: failed: limits.nofile cannot be set to 1000000:1000000: Operation not permitted"));
  const std::string capability = log_of("capabilities = ['cap_net_admin']\n", cinit_without(kNetAdmin));
  CHECK(has(
      capability,
      "cinit: web: failed: cannot give it the capability cap_net_admin: Operation not permitted (the container does "
      "not have it; docker run --cap-add NET_ADMIN)\n"));
}

TEST_CASE("a setting that needs root says so when cinit runs as somebody else") {
  const Options as_app{.user = "1000:1000"};
  CHECK(
      has(log_of("nice = -5\n", {"/sbin/cinit"}, as_app),
          "cannot set nice to -5: Permission denied (CAP_SYS_NICE is needed: cinit runs as uid 1000, who does not have "
          "it)\n"));
  CHECK(has(log_of("capabilities = ['cap_chown']\n", {"/sbin/cinit"}, as_app),
            "Operation not permitted (cinit runs as uid 1000, who does not have it)\n"));
}

TEST_CASE("a command that cannot get the service's settings fails with the same words") {
  const std::string log =
      log_of("nice = -5\npre-start = ['echo never']\non-failure = 'ignore'\n", cinit_without(kSysNice));
  CHECK(has(log, "cinit: web: pre-start command 1 failed: cannot set nice to -5: Permission denied"));
}

TEST_CASE("limits hold for the service and its commands, soft and hard") {
  Container container;
  container.config(
      "[service.web]\nlimits = { nofile = '100:200', core = 0, stack = 'unlimited' }\n"
      "command = ['sh', '-c', 'echo $(ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Ss)']\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("100 200 0 unlimited\n"));
}
