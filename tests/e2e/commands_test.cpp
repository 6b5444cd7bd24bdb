// The commands that run beside a service's main process: before and after its start, before and after its end.
#include <doctest/doctest.h>

#include "container.hpp"
#include "in_order.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

// A command that does what `script` says.
std::string shell(const std::string& script) { return "['sh', '-c', '" + script + "']"; }

// A command that says who and where it is.
std::string introduced(const std::string& name) {
  return shell("echo \"" + name + ": main $MAINPID, user $(id -u) $USER, in $PWD, A is $A, path $PATH\"");
}

// The number behind the first `text` of the log, up to its next comma or end of line.
std::string behind(const std::string& log, const std::string& text) {
  const std::size_t begin = log.find(text) + text.size();
  return log.find(text) == std::string::npos ? "" : log.substr(begin, log.find_first_of(",\n", begin) - begin);
}

bool lives(const Container& container, const std::string& command) {
  for (const Process& process : container.processes()) {
    if (process.command == command) return true;
  }
  return false;
}

void stop(Container& container) {
  container.forget_log();
  container.signal(SIGTERM);
}

// Time from the stop signal to the end, with the budget of 2 s, of a service with this configuration.
End stop_of(Container& container, const std::string& keys) {
  container.config("[cinit]\nstop-timeout = '2s'\n[service.web]\n" + keys).cinit().wait_for("ready\n");
  stop(container);
  return container.wait_exit();
}

constexpr char kObeys[] = "command = 'app app1 web'\n";
constexpr char kNoRestart[] = "restart = 'no'\non-failure = 'ignore'\n";

// Keeps the container up.
constexpr char kOther[] = "[service.other]\ncommand = 'app app1 other'\n";

}  // namespace

TEST_CASE("a service's commands run in their order, one by one, as its user, in its directory and environment") {
  Container container;
  container.config(
      "[env]\nPATH = '/bin:/of/all'\n"
      "[service.web]\nuser = 'app'\nworking-dir = '/var/www'\nenv = { A = 'a value' }\n"
      "command = " +
      shell("echo main is $$, knows \"<$MAINPID>\"; exec app app1 web") +
      "\n"
      "pre-start = [" +
      introduced("before 1") + ", " + introduced("before 2") +
      "]\n"
      "post-start = [" +
      introduced("started 1") + ", " + introduced("started 2") +
      "]\n"
      "pre-stop = [" +
      introduced("stopping 1") + ", " + introduced("stopping 2") +
      "]\n"
      "stop-command = " +
      shell("echo \"asked: main $MAINPID\"; kill $MAINPID") +
      "\n"
      "post-stop = [" +
      introduced("after 1") + ", " + introduced("after 2") + "]\n" + kOther + "after = ['web']\n");
  container.cinit().wait_for("other: ready\n");
  container.wait_for("web: ready\n");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  const std::string log = container.log();
  const std::string main = behind(log, "main is ");
  CHECK(!main.empty());
  CHECK(container.logged("knows <>\n"));
  const std::string rest = ", user 1000 app, in /var/www, A is a value, path /bin:/of/all\n";
  CHECK(in_order(log, {"before 1: main " + rest, "before 2: main " + rest, "started 1: main " + main + rest,
                       "started 2: main " + main + rest, "stopping 1: main " + main + rest,
                       "stopping 2: main " + main + rest, "asked: main " + main + "\n",
                       "web: handle signal: terminated\n", "after 1: main " + rest, "after 2: main " + rest}));
  CHECK(log.find("before 2: ") < log.find("main is "));
}

TEST_CASE("a pre-start command that fails is a failed start, with back-off, start limit and its exit code") {
  Container container;
  container.config("[service.web]\n" + std::string(kObeys) +
                   "restart-delay = '100ms'\nstart-limit-burst = 3\n"
                   "pre-start = ['true', " +
                   shell("echo attempt; exit 7") + ", 'echo never']\npost-stop = ['echo cleared']\n");
  container.cinit();
  const End end = container.wait_exit();
  CHECK(end.code == 7);
  CHECK(end.took >= 300ms);
  CHECK(container.count("attempt\n") == 3);
  CHECK(container.count("cleared\n") == 3);
  CHECK(container.count("cinit: web: pre-start command 2 failed: exited with code 7\n") == 3);
  CHECK(in_order(container.log(), {"cinit: web: the start failed, restarting in 1", "(2 of 3)\n",
                                   "cinit: web: the start failed, restarting in 2", "(3 of 3)\n",
                                   "cinit: web: failed: started 3 times within "}));
  CHECK(!container.logged("never\n"));
  CHECK(!container.logged("cinit: web: started\n"));
}

TEST_CASE("a command that cannot be run at all is named, with the reason") {
  Container container;
  container.file("/bin/no-program", "#!/bin/sh\n", 0644);
  container.config("[defaults]\n" + std::string(kNoRestart) +
                   "[service.a]\ncommand = 'echo never'\npre-start = ['no-such-program']\n"
                   "[service.b]\ncommand = 'echo never'\npre-start = ['/bin/no-program']\n");
  container.cinit();
  const int code = container.wait_exit().code;
  // Of the two, which fail at the same time, it is that of the first.
  const std::string log = container.log();
  CHECK(code == (log.find("cinit: a: pre-start") < log.find("cinit: b: pre-start") ? 127 : 126));
  CHECK(container.logged("cinit: a: pre-start command 1 failed: "));
  CHECK(container.logged("no-such-program"));
  CHECK(container.logged("cinit: b: pre-start command 1 failed: "));
  CHECK(container.logged("/bin/no-program"));
  CHECK(!container.logged("never\n"));
}

TEST_CASE("a pre-start command that hangs is ended at the start timeout, and its children with it") {
  std::string command = "app app2 command";
  SUBCASE("it obeys SIGTERM, its child does not") { command = "app app1 command"; }
  SUBCASE("it does not") {}
  Container container;
  container.config("[service.web]\ncommand = 'echo never'\nstart-timeout = '500ms'\nstop-timeout = '500ms'\n" +
                   std::string(kNoRestart) + "pre-start = [" + shell("app app2 child & exec " + command) + "]\n" +
                   kOther);
  container.cinit().wait_for("ready\n", 3);
  container.wait_for("cinit: web: pre-start has not finished within 5");
  container.wait_for("command: handle signal: terminated\n");
  container.wait_for("cinit: web: failed");
  container.wait_until([&] { return container.processes().size() == 2; }, "only PID 1 and the other service are left");
  CHECK(!container.logged("never\n"));
}

TEST_CASE("what waits for a service is started when its post-start commands have ended") {
  Container container;
  container.config("[service.database]\ncommand = 'app app1 database'\npost-start = [" +
                   shell("app wait-for /shared/go; echo prepared") +
                   "]\n"
                   "[service.web]\ncommand = 'app app1 web'\nafter = ['database']\n");
  container.cinit().wait_for("database: ready\n");
  container.watch_for(100ms);
  CHECK(!container.logged("web: ready\n"));
  container.exec({"touch", "/shared/go"});
  container.wait_for("web: ready\n");
  CHECK(in_order(container.log(), {"prepared\n", "web: ready\n"}));
}

TEST_CASE("a post-start command that fails ends the service, whose start has failed") {
  Container container;
  container.config("[service.web]\n" + std::string(kObeys) +
                   "restart-delay = '1ms'\nstart-limit-burst = 2\non-failure = 'ignore'\n"
                   "post-start = [" +
                   shell("exit 4") +
                   ", 'echo never']\n"
                   "[service.late]\ncommand = 'echo late'\nrequires = ['web']\non-failure = 'ignore'\n" +
                   kOther);
  container.cinit().wait_for("cinit: web: failed");
  CHECK(container.count("cinit: web: post-start command 1 failed: exited with code 4\n") == 2);
  CHECK(container.count("cinit: web: started\n") == 2);
  CHECK(!container.logged("never\n"));
  container.wait_for("cinit: late: failed: not started, because it requires web, which has failed\n");
  CHECK(!lives(container, "app app1 web"));
}

TEST_CASE("a post-start command that hangs is ended with the service at the start timeout") {
  Container container;
  container.config("[service.web]\n" + std::string(kObeys) + kNoRestart + "start-timeout = '500ms'\npost-start = [" +
                   shell("app app2 child & exec app app2 command") + "]\n" + kOther);
  container.cinit().wait_for("cinit: web: failed");
  container.wait_until([&] { return container.processes().size() == 2; }, "only PID 1 and the other service are left");
  CHECK(container.logged("web: app exit normally\n"));
}

TEST_CASE("a service that ends while its post-start command runs takes that along") {
  Container container;
  container.config("[service.web]\ncommand = 'app wait-for /shared/go'\n" + std::string(kNoRestart) + "post-start = [" +
                   shell("app app2 child & exec app app2 command") + "]\n" + kOther);
  container.cinit().wait_for("ready\n", 3);
  container.exec({"touch", "/shared/go"});
  container.wait_for("cinit: web: exited with code 0 ");
  container.wait_until([&] { return container.processes().size() == 2; }, "only PID 1 and the other service are left");
}

TEST_CASE("pre-stop commands have half of the service's time, then comes the signal") {
  Container container;
  const End end = stop_of(container, std::string(kObeys) + "stop-timeout = '1s'\npre-stop = [" +
                                         shell("app app2 child & exec app app2 command") + ", 'echo never']\n");
  CHECK(end.code == 0);
  CHECK(end.took >= 500ms);
  CHECK(end.took < 1s);
  CHECK(container.logged("cinit: web: pre-stop has not finished within 5"));
  CHECK(container.logged("web: app exit normally\n"));
  CHECK(!container.logged("never\n"));
}

TEST_CASE("a pre-stop command that fails prevents nothing") {
  Container container;
  const End end = stop_of(container, std::string(kObeys) + "pre-stop = ['false', 'echo second']\n");
  CHECK(end.code == 0);
  CHECK(end.took < 1s);
  CHECK(in_order(container.log(), {"cinit: web: pre-stop command 1 failed: exited with code 1\n", "second\n",
                                   "web: handle signal: terminated\n"}));
}

TEST_CASE("a stop command ends the service, which gets no signal") {
  Container container;
  const End end = stop_of(
      container,
      "command = " + shell("trap \"echo signalled\" TERM; echo web: ready; app wait-for /shared/go; echo gone") +
          "\nstop-command = 'touch /shared/go'\n");
  CHECK(end.code == 0);
  CHECK(end.took < 1s);
  CHECK(in_order(container.log(),
                 {"cinit: web: stopping: running its stop-command\n", "gone\n", "cinit: web: stopped\n"}));
  CHECK(!container.logged("signalled\n"));
}

TEST_CASE("a stop command that fails is followed by the stop signal") {
  for (const char* command : {"false", "no-such-program"}) {
    CAPTURE(command);
    Container container;
    const End end =
        stop_of(container, std::string(kObeys) + "stop-signal = 'SIGQUIT'\nstop-command = '" + command + "'\n");
    CHECK(end.code == 0);
    CHECK(end.took < 1s);
    CHECK(in_order(container.log(), {"cinit: web: stop-command failed: ", "web: handle signal: quit\n"}));
  }
}

TEST_CASE("a stop command that hangs is ended with the service at the stop timeout") {
  Container container;
  container.config("[service.web]\ncommand = 'app app2 web'\nstop-timeout = '700ms'\nstop-command = " +
                   shell("app app2 child & exec app app2 command") + "\n");
  container.cinit().wait_for("ready\n");
  stop(container);
  const End end = container.wait_exit();
  CHECK(end.code == 137);
  CHECK(end.took >= 700ms);
  CHECK(end.took < 1500ms);
  CHECK(container.logged("cinit: web: still running 7"));
  CHECK(container.logged(" after it was asked to stop; sending SIGKILL\n"));
}

TEST_CASE("post-stop commands run after a crash, before the next start, and after a stop") {
  Container container;
  container.config(
      "[service.web]\nrestart-delay = '1ms'\npost-stop = ['echo cleared']\n"
      "command = " +
      shell("if [ ! -e /shared/crashed ]; then touch /shared/crashed; exit 3; fi; exec app app1 web") + "\n");
  container.cinit().wait_for("web: ready\n");
  CHECK(in_order(container.log(), {"cinit: web: exited with code 3 ", "cleared\n", "web: ready\n"}));
  stop(container);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.count("cleared\n") == 1);
  CHECK(in_order(container.log(), {"web: app exit normally\n", "cleared\n", "cinit: web: stopped\n"}));
}

TEST_CASE("commands that hang do not outlast the budget of the whole stop") {
  Container container;
  const std::string hangs = shell("app app2 child & exec app app2 command");
  SUBCASE("pre-stop") {
    const End end = stop_of(container, std::string(kObeys) + "pre-stop = [" + hangs + "]\n");
    CHECK(end.code == 0);
    CHECK(end.took < 2s);
  }
  SUBCASE("stop-command") {
    const End end = stop_of(container, std::string(kObeys) + "stop-command = " + hangs + "\n");
    CHECK(end.code == 137);
    CHECK(end.took >= 2s);
    CHECK(end.took < 2700ms);
  }
  SUBCASE("post-stop") {
    const End end = stop_of(container, std::string(kObeys) + "post-stop = [" + hangs + "]\n");
    CHECK(end.code == 0);
    CHECK(end.took >= 1s);
    CHECK(end.took < 2700ms);
  }
  SUBCASE("all of them, and of a service that is deaf, too") {
    const End end = stop_of(container, "command = 'app app2 web'\npre-stop = [" + hangs + "]\nstop-command = " + hangs +
                                           "\npost-stop = [" + hangs + "]\n");
    CHECK(end.code == 137);
    CHECK(end.took < 2700ms);
  }
  SUBCASE("a pre-start that runs when the stop comes") {
    container.config("[cinit]\nstop-timeout = '2s'\n[service.web]\ncommand = 'echo never'\npre-start = [" + hangs +
                     "]\n");
    container.cinit().wait_for("ready\n", 2);
    stop(container);
    const End end = container.wait_exit();
    CHECK(end.took < 2700ms);
    CHECK(!container.logged("never\n"));
  }
}

TEST_CASE("a stop ends a pre-start command by SIGTERM, and nothing is started after it") {
  Container container;
  container.config(
      "[service.web]\ncommand = 'echo never'\npre-start = ['app app1 command', 'echo never']\npost-stop = ['echo "
      "cleared']\n");
  container.cinit().wait_for("ready\n");
  stop(container);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 1s);
  CHECK(in_order(container.log(), {"command: app exit normally\n", "cleared\n"}));
  CHECK(!container.logged("never\n"));
  CHECK(!container.logged("failed"));
}

TEST_CASE("the second stop signal cuts commands short, the third kills") {
  Container container;
  std::string keys;
  std::string service = "app1";
  SUBCASE("pre-stop") { keys = "pre-stop = ['app app2 command']\n"; }
  SUBCASE("stop-command") { keys = "stop-command = 'app app2 command'\n"; }
  SUBCASE("post-stop") { keys = "post-stop = ['app app2 command']\n"; }
  const bool is_post_stop = keys.starts_with("post");
  container.config("[service.web]\n" + std::string(kObeys) + keys).cinit().wait_for("web: ready\n");
  stop(container);
  container.wait_for("command: ready\n");
  container.signal(SIGTERM);
  container.wait_for("web: app exit normally\n");
  if (is_post_stop) {
    container.wait_for("command: handle signal: terminated\n");
    container.signal(SIGTERM);
  }
  const End end = container.wait_exit();
  CHECK(end.took < 1s);
}
