// What services leave behind in sessions of their own, and services that go into the background.
#include <doctest/doctest.h>

#include <algorithm>

#include "container.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

// A daemon, as most are made: setsid(1) forks if need be, and its parent has ended when it says so.
constexpr char kDetach[] = "detach() { setsid sh -c '\"$@\" & echo $! >/run/detached' sh \"$@\" & wait; }; ";

std::string script(const std::string& text) { return "command = ['sh', '-c', '''" + text + "''']\n"; }

int count_of(const Container& container, const std::string& command) {
  const std::vector<Process> all = container.processes();
  return static_cast<int>(std::ranges::count_if(
      all, [&](const Process& process) { return process.state != 'Z' && process.command.starts_with(command); }));
}

void wait_for_count(Container& container, const std::string& command, int count) {
  container.wait_until([&] { return count_of(container, command) == count; }, command);
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string status(Container& container) { return container.exec({"/sbin/cinit", "status"}).text; }

const std::string kOther = "[service.other]\ncommand = 'sleep 5000'\n";

}  // namespace

TEST_CASE("a restart ends what the service has in a session of its own, so that its port is free again") {
  Container container;
  container.config(kOther + "[service.web]\nrestart = 'always'\n" +
                   script("setsid sh -c 'exec nc -l -p 8081' & exec sleep 4000"));
  Options options;
  options.network = true;
  container.cinit({}, options);
  wait_for_count(container, "nc -l", 1);
  CHECK(container.exec({"/sbin/cinit", "restart", "web"}).code == 0);
  CHECK(container.logged("web: left nc ("));
  wait_for_count(container, "nc -l", 1);
  CHECK(count_of(container, "sleep 4000") == 1);
  CHECK(container.exec({"/sbin/cinit", "stop", "web"}).code == 0);
  CHECK(count_of(container, "nc -l") == 0);
  CHECK(count_of(container, "sleep 5000") == 1);
}

TEST_CASE("a daemon whose parents have ended long ago ends with its service, whatever its user and its environment") {
  for (const char* kill_mode : {"mixed", "group"}) {
    Container each;
    each.config(kOther + "[service.web]\nkill-mode = '" + kill_mode + "'\n" +
                script(std::string(kDetach) + "detach env -i PATH=/bin /bin/app as 1000 sleep 3000; exec sleep 4000"));
    each.cinit();
    wait_for_count(each, "sleep 3000", 1);
    each.wait_until([&] { return has(status(each), "in the background: "); }, "status");
    const std::string json = each.exec({"/sbin/cinit", "status", "--json", "web"}).text;
    CHECK(has(json, "\"background\":[{\"pid\":"));
    CHECK(has(json, "\"name\":\"sleep\"}]"));
    CHECK(each.exec({"/sbin/cinit", "stop", "web"}).code == 0);
    CHECK(count_of(each, "sleep 3000") == 0);
    CHECK(!has(status(each), "in the background"));
  }
}

TEST_CASE("with kill-mode process a daemon is left, and status still says whose it is") {
  Container container;
  container.config(kOther + "[service.web]\nkill-mode = 'process'\n" +
                   script(std::string(kDetach) + "detach sleep 3000; exec sleep 4000"));
  container.cinit();
  wait_for_count(container, "sleep 3000", 1);
  CHECK(container.exec({"/sbin/cinit", "stop", "web"}).code == 0);
  CHECK(count_of(container, "sleep 3000") == 1);
  CHECK(has(status(container), "in the background: sleep ("));
}

TEST_CASE("a program that puts itself into the background has failed, and is named") {
  Container container;
  container.config(kOther + "[service.web]\nrestart = 'always'\ncommand = 'app daemon'\n");
  container.cinit();
  const End end = container.wait_exit();
  CHECK(end.code == 1);
  CHECK(container.logged("web: failed: ended, and left app ("));
  CHECK(container.logged("running in the background: start it in the foreground, or set type = \"forking\""));
  CHECK(container.count("web: started") == 1);
}

TEST_CASE("a program that has done its work is done, whatever helper it leaves, which is ended") {
  Container container;
  container.config(kOther + "[service.web]\n" + script(std::string(kDetach) + "detach sleep 3000; exit 0"));
  container.cinit().wait_for("web: left ");
  wait_for_count(container, "sleep 3000", 0);
  container.wait_until([&] { return has(status(container), "done"); }, "it is done");
}

TEST_CASE(
    "what ignores SIGTERM in a session of its own gets SIGKILL at the service's stop-timeout, and its children too") {
  Container container;
  container.config(
      kOther + "[service.web]\nstop-timeout = '500ms'\n" +
      script("setsid sh -c 'trap \"\" TERM; sleep 3000 & while :; do sleep 3001; done' & exec sleep 4000"));
  container.cinit();
  wait_for_count(container, "sleep 3001", 1);
  CHECK(container.exec({"/sbin/cinit", "restart", "web"}).code == 0);
  CHECK(container.logged("web: processes that it started are still there"));
  wait_for_count(container, "sleep 3001", 1);
  wait_for_count(container, "sleep 3000", 1);
}

TEST_CASE("a service that is killed takes with it what left its session") {
  Container container;
  container.config(
      kOther + "[service.web]\nstop-timeout = '300ms'\nrestart = 'always'\n" +
      script("trap '' TERM; setsid sh -c 'trap \"\" TERM; while :; do sleep 3001; done' & while :; do sleep "
             "4000; done"));
  container.cinit();
  wait_for_count(container, "sleep 3001", 1);
  CHECK(container.exec({"/sbin/cinit", "restart", "web"}).code == 0);
  wait_for_count(container, "sleep 3001", 1);
}

TEST_CASE("what an exec probe leaves in a session of its own is killed when the probe ends") {
  Container container;
  container.config(kOther +
                   "[service.web]\ncommand = 'sleep 4000'\n"
                   "health = { interval = '20ms', exec = ['sh', '-c', '''" +
                   std::string(kDetach) + "detach sleep 3000; echo x >>/shared/probes'''] }\n");
  container.cinit();
  container.wait_until([&] { return container.read_shared("probes").size() >= 20; }, "ten probes");
  CHECK(count_of(container, "sleep 3000") <= 2);
  CHECK(count_of(container, "sleep 4000") == 1);
}

TEST_CASE("what another service leaves, and what docker exec starts, stays when a service is stopped") {
  Container container;
  container.config("[service.a]\n" + script(std::string(kDetach) + "detach sleep 3000; exec sleep 4000") +
                   "[service.b]\n" + script("setsid sleep 3001 & exec sleep 4001"));
  container.cinit();
  wait_for_count(container, "sleep 3000", 1);
  wait_for_count(container, "sleep 3001", 1);
  container.exec({"/bin/sh", "-c", "setsid sleep 3002 &"});
  wait_for_count(container, "sleep 3002", 1);
  CHECK(container.exec({"/sbin/cinit", "stop", "b"}).code == 0);
  CHECK(count_of(container, "sleep 3001") == 0);
  CHECK(count_of(container, "sleep 3000") == 1);
  CHECK(count_of(container, "sleep 3002") == 1);
}

// ---- type = "forking"

TEST_CASE("a forking service is ready when its first process has ended, and its daemon is its main process") {
  Container container;
  container.config(
      "[service.web]\ntype = 'forking'\ncommand = 'app daemon'\nrestart = 'always'\nrestart-delay = '10ms'\n"
      "[service.next]\nrequires = ['web']\ncommand = 'sleep 5000'\n");
  container.cinit().wait_for("next: started");
  CHECK(container.logged("web: goes on in the background: app ("));
  CHECK(has(status(container), "running"));
  // It follows its main process: a crash is a crash.
  CHECK(container.exec({"/sbin/cinit", "signal", "KILL", "web"}).code == 0);
  container.wait_for("web: killed by SIGKILL");
  container.wait_for("web: goes on in the background", 2);
  container.forget_log();
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("handle signal: "));
  CHECK(container.logged("app exit normally"));
}

TEST_CASE("a forking service is not ready before the ways of `ready` say so") {
  Container container;
  container.config("[service.web]\ntype = 'forking'\nready = { file = '/run/go' }\ncommand = 'app daemon'\n");
  container.cinit().wait_for("web: goes on in the background");
  CHECK(has(status(container), "starting"));
  container.exec({"/bin/touch", "/run/go"});
  container.wait_for("web: ready after");
}

TEST_CASE("the pid-file names the main process of a forking service, whenever it is written") {
  Container container;
  container.config(
      "[service.web]\ntype = 'forking'\npid-file = '/run/web.pid'\non-failure = 'ignore'\nrestart = 'no'\n" +
      script("rm -f /run/web.pid; setsid sleep 3000 & setsid sh -c 'until [ -e /run/go ]; do sleep 0.05; done; "
             "echo $$ >/run/web.pid; exec sleep 3001' & exit 0") +
      kOther);
  container.cinit();
  wait_for_count(container, "sleep 3000", 1);
  CHECK(has(status(container), "starting"));
  container.exec({"/bin/touch", "/run/go"});
  container.wait_for("web: goes on in the background: ");
  // The other one is no main process.
  const auto pid_of = [&](const std::string& command) {
    for (const Process& process : container.processes()) {
      if (process.command.starts_with(command)) return std::to_string(process.pid);
    }
    return std::string("none");
  };
  CHECK(has(container.exec({"/sbin/cinit", "status", "--json", "web"}).text, "\"pid\":" + pid_of("sleep 3001") + ","));
  container.exec({"/bin/kill", "-KILL", pid_of("sleep 3001")});
  container.wait_for("web: killed by SIGKILL");
  wait_for_count(container, "sleep 3000", 0);
}

TEST_CASE("a pid-file that names no process of the service, or is no regular file, is not followed") {
  for (const std::string& make :
       {std::string("echo 1 >/run/web.pid"), std::string("mkfifo /run/web.pid"), std::string("mkdir /run/web.pid"),
        std::string("cat /shared/other >/run/web.pid"), std::string("echo junk >/run/web.pid"),
        std::string("yes 1 | head -c 100000 >/run/web.pid"), std::string("ln -s /proc/self/mem /run/web.pid")}) {
    CAPTURE(make);
    Container container;
    container.config(
        "[service.other]\n" + script("echo $$ >/shared/other; exec sleep 5000") +
        "[service.web]\nafter = ['other']\ntype = 'forking'\npid-file = '/run/web.pid'\nstart-timeout = '300ms'\n"
        "restart = 'no'\n" +
        script("until [ -s /shared/other ]; do sleep 0.02; done; " + make + "; setsid sleep 3000 & exit 0"));
    container.cinit();
    CHECK(container.wait_exit().code == 1);
    CHECK(container.logged("or /run/web.pid names no process of it"));
  }
}

TEST_CASE("a pid-file in a directory of the service's user is read with that user's rights") {
  Container container;
  container.config(
      "[service.web]\ntype = 'forking'\nuser = 'app'\npid-file = '/shared/run/web.pid'\n"
      "pre-start = [['sh', '-c', 'true']]\n" +
      script("mkdir -p /shared/run; setsid sh -c 'echo $$ >/shared/run/web.pid; exec sleep 3001' & exit 0"));
  container.cinit().wait_for("web: goes on in the background: ");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("a start script that leaves several daemons is up as long as one of them is, and all of them are stopped") {
  Container container;
  container.config("[service.legacy]\ntype = 'forking'\n" +
                   script("setsid app app1 & setsid sleep 3001 & setsid sleep 3002 & sleep 0.1; exit 0"));
  container.cinit().wait_for("legacy: goes on in the background: ");
  wait_for_count(container, "sleep 300", 2);
  container.exec({"/bin/sh", "-c", "kill $(pidof sleep)"});
  wait_for_count(container, "sleep 300", 0);
  CHECK(has(status(container), "running"));
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("SIGTERM"));
}

TEST_CASE("the container of a start script ends when the last of its daemons has ended, with its code") {
  Container container;
  container.config("[service.legacy]\ntype = 'forking'\nrestart = 'no'\n" +
                   script("setsid sh -c 'sleep 0.3; exit 4' & setsid sh -c 'until [ -e /run/go ]; do sleep 0.05; done; "
                          "exit 7' & exit 0"));
  container.cinit().wait_for("legacy: goes on in the background: ");
  container.watch_for(500ms);
  CHECK(container.running());
  container.exec({"/bin/touch", "/run/go"});
  CHECK(container.wait_exit().code == 7);
}

TEST_CASE("a forking service that leaves nothing, fails, or does not end its first process has failed") {
  for (const std::string& command :
       {std::string("exit 0"), std::string("setsid sleep 3000 & exit 3"), std::string("exec sleep 3000")}) {
    CAPTURE(command);
    Container container;
    container.config("[service.web]\ntype = 'forking'\nrestart = 'no'\nstart-timeout = '500ms'\n" + script(command));
    container.cinit();
    CHECK(container.wait_exit().code == (has(command, "exit 3") ? 3 : 1));
  }
}

// ---- Cost

TEST_CASE("a service that leaves hundreds of processes at each of its starts costs PID 1 little") {
  Container container;
  container.config(kOther +
                   "[service.bomb]\nrestart-delay = '1ms'\nrestart-max-delay = '10ms'\nstart-limit-burst = 0\n"
                   "stop-timeout = '100ms'\n" +
                   script("i=0; while [ $i -lt 300 ]; do setsid sleep 3000 & i=$((i+1)); done; echo left; exit 1"));
  container.cinit().wait_for("left\n", 5);
  CHECK(container.effort().processor_time < 1s);
  CHECK(container.exec({"/sbin/cinit", "stop", "bomb"}).code == 0);
  CHECK(count_of(container, "sleep 3000") == 0);
}
