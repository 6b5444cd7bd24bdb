// What services say by sd_notify(3), and what cinit says to whoever started it.
#include <doctest/doctest.h>
#include <unistd.h>

#include "container.hpp"
#include "in_order.hpp"
#include "upstream.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

// The configuration of one service `web`, ready by sd_notify(3), that runs the script.
std::string web(const std::string& script, const std::string& keys = "") {
  return "[service.web]\nready = 'notify'\ncommand = ['sh', '-c', '" + script + "']\n" + keys;
}

std::string watched(const std::string& script, const std::string& within, const std::string& keys = "") {
  return "[service.web]\nrestart-delay = '1ms'\nhealth = { watchdog = '" + within + "' }\ncommand = ['sh', '-c', '" +
         script + "']\n" + keys;
}

// The pid in the container of the process with this command.
pid_t pid_of(const Container& container, const std::string& command) {
  for (const Process& process : container.processes()) {
    if (process.command == command) return process.pid;
  }
  return 0;
}

void kill(Container& container, const std::string& command, const std::string& signal) {
  container.exec({"kill", "-" + signal, std::to_string(pid_of(container, command))});
}

}  // namespace

TEST_CASE("READY=1 counts from the main process and from a child of it, whatever the user") {
  std::string script;
  std::string keys;
  SUBCASE("the main process") { script = "exec app notify READY=1"; }
  SUBCASE("a child") { script = "app notify READY=1; exec app app1"; }
  SUBCASE("a daemon in a session of its own") { script = "setsid app notify READY=1 & exec app app1"; }
  SUBCASE("as nobody") {
    script = "app notify READY=1; exec app app1";
    keys = "user = 'nobody'\n";
  }
  Container container;
  container.config(web(script, keys)).cinit().wait_for("cinit: web: ready after ");
}

TEST_CASE("systemd-notify works") {
  if (access("/usr/bin/systemd-notify", X_OK) != 0) {
    FAIL("systemd-notify is not installed here");
    return;
  }
  Container container;
  container.config(web("systemd-notify --ready --status=fine; echo code $?; exec app app1"));
  Options options;
  for (const char* directory : {"/usr", "/lib", "/lib64"})
    options.volumes.push_back(std::string(directory) + ":" + directory);
  container.cinit({}, options).wait_for("code 0\n");
  container.wait_for("cinit: web: ready after ");
}

TEST_CASE("notifications work in a root that is read-only, with and without a place that can be written to") {
  for (const bool has_place : {true, false}) {
    CAPTURE(has_place);
    for (const char* user : {"root", "nobody"}) {
      CAPTURE(user);
      Container container;
      container.config(
          web("echo at $NOTIFY_SOCKET; app notify READY=1; exec app app1", "user = '" + std::string(user) + "'\n"));
      const std::string close = has_place ? "" : "for i in /run /tmp /dev/shm; do mount -o remount,ro $i; done; ";
      container.start({"/bin/sh", "-c", close + "exec /sbin/cinit"}, {.read_only = true});
      container.wait_for("cinit: web: ready after ");
      CHECK(container.logged(has_place ? "at /run/cinit-notify/web\n" : "at @cinit-notify-web-"));
    }
  }
}

TEST_CASE("another user's message is not heard") {
  Container container;
  std::string script = "echo at $NOTIFY_SOCKET; echo $NOTIFY_SOCKET > /shared/socket; exec app app1";
  container.config(web(script, "user = 'nobody'\nstart-timeout = 0\n"));
  bool can_reach = false;
  SUBCASE("who cannot get at the socket") { container.cinit(); }
  SUBCASE("who can send to it") {
    can_reach = true;
    container.start({"/bin/sh", "-c", "for i in /run /tmp /dev/shm; do mount -o remount,ro $i; done; exec /sbin/cinit"},
                    {.read_only = true});
  }
  container.wait_for("at ");
  container.wait_for("ready\n");
  const auto say_ready_as = [&](const std::string& user) {
    return container.exec({"sh", "-c", "NOTIFY_SOCKET=$(cat /shared/socket) app as " + user + " app notify READY=1"});
  };
  const Output stranger = say_ready_as("1000");
  CHECK(stranger.text == (can_reach ? "" : "not notified: Permission denied\n"));
  container.watch_for(100ms);
  CHECK(!container.logged("cinit: web: ready"));
  CHECK(say_ready_as("65534").text.empty());
  container.wait_for("cinit: web: ready after ");
}

TEST_CASE("WATCHDOG=1 in time keeps a service alive, and its absence gets it restarted") {
  Container container;
  container.config(watched("echo within $WATCHDOG_USEC; exec app keep-alive 50 /shared/silent", "1500ms"));
  container.cinit().wait_for("within 1500000\n");
  container.wait_for("alive\n", 40);  // more than the 1.5 s
  CHECK(container.count("cinit: web: started\n") == 1);
  container.exec({"touch", "/shared/silent"});
  container.wait_for("silent\n");
  container.wait_for("cinit: web: did not say WATCHDOG=1 within 1.5 s\n");
  container.exec({"rm", "/shared/silent"});
  container.wait_for("cinit: web: started\n", 2);
  CHECK(in_order(container.log(),
                 {"did not say WATCHDOG=1", "cinit: web: unhealthy", "cinit: web: stopping: sending SIGTERM",
                  "cinit: web: ended by SIGTERM", "restarting in ", "cinit: web: started\n"}));
}

TEST_CASE("WATCHDOG=trigger gets a service restarted at once") {
  Container container;
  container.config(
      watched("if [ -e /shared/once ]; then exec app app1 second; fi; touch /shared/once; "
              "app notify WATCHDOG=trigger; exec app app1 first",
              "1h"));
  container.cinit().wait_for("second: ready\n");
  CHECK(in_order(container.log(), {"cinit: web: says that it is not well (WATCHDOG=trigger)\n", "cinit: web: unhealthy",
                                   "second: ready\n"}));
}

TEST_CASE("WATCHDOG_USEC changes how often a service has to say that it is well, or lets it be silent") {
  const auto configuration = [](const std::string& before, const std::string& within, const std::string& usec) {
    return "[service.web]\nready = 'notify'\nhealth = { watchdog = '" + within +
           "', action = 'ignore' }\ncommand = ['sh', '-c', 'app notify " + before + " WATCHDOG_USEC=" + usec +
           "; exec app app1']\n";
  };
  for (const char* before : {"READY=1", "READY=1; app barrier; app notify"}) {
    CAPTURE(before);
    Container shorter;
    shorter.config(configuration(before, "1h", "100000")).cinit();
    shorter.wait_for("cinit: web: did not say WATCHDOG=1 within 100 ms\n");
    Container silent;
    silent.config(configuration(before, "300ms", "0")).cinit().wait_for("cinit: web: ready after ");
    silent.watch_for(600ms);
    CHECK(!silent.logged("did not say"));
  }
}

TEST_CASE("EXTEND_TIMEOUT_USEC makes a start last longer") {
  Container container;
  container.config(web("app notify EXTEND_TIMEOUT_USEC=60000000; sleep 0.6; app notify READY=1; exec app app1",
                       "start-timeout = '300ms'\n"));
  container.cinit().wait_for("cinit: web: ready after ");
  CHECK(!container.logged("is not ready"));
}

TEST_CASE("EXTEND_TIMEOUT_USEC makes a stop last longer than the stop-timeout, within the container's own") {
  Container container;
  container.config(
      web("trap \"app notify EXTEND_TIMEOUT_USEC=60000000; sleep 0.6; echo saved; exit 0\" TERM; "
          "app notify READY=1; while :; do sleep 0.01; done",
          "stop-timeout = '300ms'\n"));
  container.cinit().wait_for("cinit: web: ready after ");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("saved\n"));
  CHECK(!container.logged("SIGKILL"));
}

TEST_CASE("MAINPID: the service goes on in another process, and ends with it") {
  Container container;
  container.config(
      web("app app1 heir & app notify MAINPID=$! READY=1; app wait-for /shared/go; exit 0", "restart-delay = '1ms'\n"));
  container.cinit().wait_for("heir: ready\n");
  container.wait_for("cinit: web: ready after ");
  container.exec({"touch", "/shared/go"});
  container.wait_for("cinit: web: its main process is now ");
  container.watch_for(100ms);
  CHECK(!container.logged("cinit: web: exited"));
  CHECK(!container.logged("heir: handle signal"));
  container.forget_log();
  container.exec({"rm", "/shared/go"});
  kill(container, "app app1 heir", "KILL");
  container.wait_for("cinit: web: killed by SIGKILL after ");
  container.wait_for("cinit: web: started\n");
  container.wait_for("heir: ready\n");
}

TEST_CASE("the process that MAINPID named gets the stop signal") {
  Container container;
  container.config(web("app app1 heir & app notify MAINPID=$! READY=1; app wait-for /shared/go; exit 0"));
  container.cinit().wait_for("heir: ready\n");
  container.exec({"touch", "/shared/go"});
  container.wait_for("cinit: web: its main process is now ");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.count("heir: handle signal: terminated\n") == 1);
  CHECK(container.logged("cinit: web: exited with code 0 after "));
}

TEST_CASE("MAINPID may name a process that has left the session") {
  Container container;
  container.config(
      web("setsid app app1 heir & app wait-for /shared/named; "
          "app notify MAINPID=$(cat /shared/named) READY=1; app wait-for /shared/go; exit 0"));
  container.cinit().wait_for("heir: ready\n");
  container.exec({"sh", "-c",
                  "echo " + std::to_string(pid_of(container, "app app1 heir")) +
                      " > /shared/x; /bin/busybox mv /shared/x /shared/named"});
  container.wait_for("cinit: web: ready after ");
  container.exec({"touch", "/shared/go"});
  container.wait_for("cinit: web: its main process is now ");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.count("heir: handle signal: terminated\n") == 1);
}

TEST_CASE("MAINPID of a process that is not the service's is refused") {
  Container container;
  std::string stranger = "[service.other]\ncommand = ['app', 'app1', 'other']\n";
  const std::string stays = "[service.stays]\ncommand = ['app', 'app1', 'stays']\n";
  std::string others_pid = "app app1 other";
  SUBCASE("another service's main process") {}
  SUBCASE("an orphan of nobody") {
    stranger = "[service.other]\ntype = 'oneshot'\ncommand = ['app', 'daemon', 'other']\n";
    others_pid = "app daemon other";
  }
  container.config(stays + stranger +
                   web("app wait-for /shared/named; app notify MAINPID=$(cat /shared/named) READY=1; "
                       "app wait-for /shared/go; exit 3",
                       "restart = 'no'\non-failure = 'ignore'\n"));
  container.cinit().wait_for("other: ready\n");
  container.exec({"sh", "-c",
                  "echo " + std::to_string(pid_of(container, others_pid)) +
                      " > /shared/x; /bin/busybox mv /shared/x /shared/named"});
  container.wait_for("cinit: web: ready after ");
  container.exec({"touch", "/shared/go"});
  container.wait_for("cinit: web: exited with code 3 after ");
  CHECK(container.logged("cinit: web: MAINPID="));
  CHECK(container.logged(" is ignored: that is no process of this service\n"));
  CHECK(!container.logged("its main process is now"));
  CHECK(container.count("other: handle signal") == 0);
}

TEST_CASE("who waits at a barrier goes on when all that was said before has been dealt with") {
  Container container;
  container.config(web("app notify READY=1; app barrier; exec app app1"));
  container.cinit().wait_for("barrier passed\n");
  CHECK(in_order(container.log(), {"cinit: web: ready after ", "barrier passed\n"}));
}

TEST_CASE("descriptors that come with notifications are closed") {
  Container container;
  container.config(
      web("app notify-with-descriptors 1 FDSTORE=1; app notify READY=1; app wait-for /shared/go; "
          "for i in $(seq 20); do app notify-with-descriptors 10 FDSTORE=1 BARRIER=0; done; "
          "app notify-with-descriptors 5 BARRIER=1; app barrier; exec app app1"));
  container.cinit().wait_for("cinit: web: ready after ");
  const std::size_t before = container.descriptors();
  container.exec({"touch", "/shared/go"});
  container.wait_for("barrier passed\n");
  container.wait_until([&] { return container.descriptors() == before; }, "the descriptors are closed");
}

TEST_CASE("a main command gets the NOTIFY_SOCKET that cinit was given, and cinit itself is silent") {
  Upstream upstream;
  Container container;
  SUBCASE("the command alone") {}
  SUBCASE("beside a service") { container.config("[service.web]\ncommand = ['app', 'app1', 'web']\n"); }
  container.cinit({"--", "sh", "-c", "echo socket $NOTIFY_SOCKET; app notify READY=1; exec app app1 main"},
                  upstream.reachable());
  container.wait_for("main: ready\n");
  CHECK(container.logged("socket /upstream/socket\n"));
  CHECK(upstream.next() == "READY=1\n");
  container.signal(SIGTERM);
  container.wait_exit();
  CHECK(!upstream.next(0ms));
}

TEST_CASE("with services alone READY=1 goes out when all of them are ready, and STOPPING=1 when the stop begins") {
  Upstream upstream;
  Container container;
  container.config("[service.first]\ncommand = ['app', 'app1', 'first']\n" +
                   web("app wait-for /shared/go; app notify READY=1; exec app app2 web", "stop-timeout = '200ms'\n"));
  container.cinit({}, upstream.reachable()).wait_for("first: ready\n");
  CHECK(!upstream.next(100ms));
  container.exec({"touch", "/shared/go"});
  CHECK(upstream.next() == "READY=1");
  container.wait_for("web: ready\n");
  CHECK(!upstream.next(0ms));
  container.signal(SIGTERM);
  CHECK(upstream.next() == "STOPPING=1");
  container.wait_exit();
  CHECK(!upstream.next(0ms));
}

TEST_CASE("a service that comes back does not make cinit say READY=1 again") {
  Upstream upstream;
  Container container;
  container.config("[service.web]\nrestart-delay = '1ms'\ncommand = ['app', 'app1', 'web']\n");
  container.cinit({}, upstream.reachable()).wait_for("web: ready\n");
  CHECK(upstream.next() == "READY=1");
  kill(container, "app app1 web", "KILL");
  container.wait_for("web: ready\n", 2);
  CHECK(!upstream.next(50ms));
}

TEST_CASE("the NOTIFY_SOCKET that cinit was given reaches no service, hook, probe or command") {
  Upstream upstream;
  Container container;
  const std::string look = "['sh', '-c', 'echo \"WHO: ${NOTIFY_SOCKET:-nothing}\" >> /shared/seen']";
  const auto as = [&](const std::string& who) {
    std::string command = look;
    return command.replace(command.find("WHO"), 3, who);
  };
  container.file("/etc/my_init.d/10", "#!/bin/sh\necho \"script: ${NOTIFY_SOCKET:-nothing}\" >> /shared/seen\n", 0755);
  container.file("/etc/container_environment/X", "1");
  container.config("[hooks]\npre-start = [" + as("hook") + "]\npost-stop = [" + as("late hook") +
                   "]\n[service.once]\ntype = 'oneshot'\ncommand = " + as("service") +
                   "\n[service.web]\npre-start = [" + as("pre-start") + "]\npost-stop = [" + as("post-stop") +
                   "]\nready = { exec = " + as("probe") + " }\ncommand = ['app', 'app1', 'web']\n");
  container.cinit({}, upstream.reachable()).wait_for("cinit: web: ready after ");
  CHECK(upstream.next() == "READY=1");
  CHECK(container.read("/etc/container_environment.sh").find("NOTIFY_SOCKET") == std::string::npos);
  container.signal(SIGTERM);
  container.wait_exit();
  const std::string seen = container.read_shared("seen");
  for (const char* who : {"script", "hook", "late hook", "service", "pre-start", "post-stop", "probe"}) {
    CHECK(seen.find(std::string(who) + ": nothing\n") != std::string::npos);
  }
  CHECK(seen.find("/upstream") == std::string::npos);
}

TEST_CASE("a service that notifies without end keeps nobody else from being served") {
  Container container;
  container.config(
      "[service.noisy]\nready = 'notify'\nstart-timeout = 0\nstop-timeout = '100ms'\ncommand = ['sh', '-c', "
      "'for i in 1 2 3 4; do app notify-without-end /shared/never & done; exec app app1 noisy']\n"
      "[service.web]\ncommand = ['app', 'app1', 'web']\n");
  container.cinit().wait_for("web: ready\n");
  container.wait_for("busy\n", 20);
  container.signal(SIGTERM);
  container.wait_for("web: handle signal: terminated\n", 1, 3s);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("to be watched costs what is said") {
  Container container;
  container.config(watched("exec app keep-alive 20 /shared/silent", "1m")).cinit().wait_for("alive\n");
  const Effort before = container.effort();
  container.wait_for("alive\n", 51);
  const Effort after = container.effort();
  MESSAGE("50 notifications: ", after.waits - before.waits, " waits");
  CHECK(after.waits - before.waits < 50 * 3);
  CHECK(after.processor_time - before.processor_time < 150ms);
}
