// The commands: cinit in a container, asked by another cinit that was started there.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "container.hpp"
#include "in_order.hpp"
#include "temporary_directory.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

// What somebody gets who runs cinit with these words in the container.
Output ask(Container& container, Arguments words) {
  words.insert(words.begin(), "/sbin/cinit");
  return container.exec(words);
}

bool has(const Output& output, const std::string& text) { return output.text.find(text) != std::string::npos; }

// The pid of the process with this command in the container; 0: there is none, or more than one.
pid_t pid_of(const Container& container, const std::string& command) {
  pid_t found = 0;
  for (const Process& process : container.processes()) {
    if (process.command != command) continue;
    if (found != 0) return 0;
    found = process.pid;
  }
  return found;
}

// What is behind `name` in the JSON of one service, as it is written there.
std::string json_value(const std::string& json, const std::string& name) {
  const std::string key = "\"" + name + "\":";
  const std::size_t begin = json.find(key);
  if (begin == std::string::npos) return "";
  return json.substr(begin + key.size(), json.find_first_of(",}", begin) - begin - key.size());
}

std::string state_of(Container& container, const std::string& service) {
  return json_value(ask(container, {"status", "--json", service}).text, "state");
}

void wait_for_state(Container& container, const std::string& service, const std::string& state) {
  container.wait_until([&] { return state_of(container, service) == "\"" + state + "\""; }, service + " is " + state);
}

// The exit code of `program` with `text` as its input.
int judged_by(const std::string& program, const std::string& text) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "text") << text << std::flush;
  return std::system((program + " < " + directory / "text > /dev/null 2>&1").c_str());
}

// A service that obeys SIGTERM, and says "NAME: ready".
std::string service(const std::string& name, const std::string& keys = "") {
  return "[service." + name + "]\ncommand = 'app app1 " + name + "'\n" + keys;
}

}  // namespace

// ---- status

TEST_CASE("status is a table with a line for each service, in which its state can be read at a glance") {
  Container container;
  container.config(service("web", "health = { exec = 'true', interval = '10ms' }\n") +
                   "[service.migrate]\ntype = 'oneshot'\ncommand = 'true'\n" + service("later", "autostart = false\n") +
                   "[service.broken]\ncommand = ['sh', '-c', 'exit 3']\nready = { file = '/shared/never' }\n"
                   "restart = 'no'\non-failure = 'ignore'\n" +
                   service("dependent", "requires = ['broken']\non-failure = 'ignore'\n"));
  container.cinit().wait_for("web: ready\n");
  container.wait_for("cinit: dependent: failed");
  const std::string web = std::to_string(pid_of(container, "app app1 web"));
  container.wait_until([&] { return has(ask(container, {"status"}), "  healthy"); }, "web is healthy");
  const Output output = ask(container, {"status"});
  CAPTURE(output.text);
  CHECK(output.code == 0);
  CHECK(output.text.starts_with("NAME "));
  CHECK(in_order(output.text, {"NAME",
                               "STATE",
                               "FOR",
                               "PID",
                               "RESTARTS",
                               "LAST EXIT",
                               "READY",
                               "HEALTH",
                               "DETAIL\n",
                               "broken ",
                               " failed ",
                               " - ",
                               " 0 ",
                               " code 3 ",
                               " exited with code 3 before it was ready, after ",
                               "\ndependent ",
                               " failed ",
                               " - ",
                               " not started, because it requires broken",
                               "\nlater ",
                               " idle ",
                               " - ",
                               " not asked for yet",
                               "\nmigrate ",
                               " done ",
                               " - ",
                               " 0 ",
                               " code 0 ",
                               " yes ",
                               " -",
                               "\nweb ",
                               " running ",
                               web,
                               " 0 ",
                               " - ",
                               " yes ",
                               " healthy\n"}));
  CHECK(std::stod(json_value(ask(container, {"status", "--json", "later"}).text, "since_seconds")) < 60);
  CHECK(std::count(output.text.begin(), output.text.end(), '\n') == 6);
}

TEST_CASE("status --json is JSON, with what the table has") {
  Container container;
  container.file("/bin/talk", "#!/bin/sh\napp notify 'STATUS=a \"b\" \\'\necho told\nexec app app1 talks\n", 0755);
  container.config(service("web") +
                   "[service.crashed]\ncommand = ['sh', '-c', 'kill -KILL $$']\nrestart = 'no'\n"
                   "on-failure = 'ignore'\n"
                   "[service.talks]\ncommand = 'talk'\nhealth = { watchdog = '1h' }\n");
  container.cinit().wait_for(": ready\n", 2);
  container.wait_for("cinit: crashed: failed");
  const Output all = ask(container, {"status", "--json"});
  CHECK(all.code == 0);
  CHECK(judged_by("python3 -m json.tool", all.text) == 0);
  CHECK(judged_by("python3 -m json.tool", all.text + "]") != 0);
  CHECK(has(all, "\"status\":\"a \\\"b\\\" \\\\\""));
  const Output output = ask(container, {"status", "--json", "crashed"});
  CHECK(output.code == 3);
  CHECK(judged_by("python3 -m json.tool", output.text) == 0);
  CHECK(json_value(output.text, "name") == "\"crashed\"");
  CHECK(json_value(output.text, "role") == "\"service\"");
  CHECK(json_value(output.text, "state") == "\"failed\"");
  CHECK(json_value(output.text, "pid") == "null");
  CHECK(json_value(output.text, "exit_code") == "null");
  CHECK(json_value(output.text, "exit_signal") == "\"SIGKILL\"");
  CHECK(json_value(output.text, "ready") == "false");
}

TEST_CASE("status of one by name says by its exit code whether it is up") {
  Container container;
  container.config(service("web") + service("later", "autostart = false\n")).cinit().wait_for("web: ready\n");
  CHECK(ask(container, {"status", "web"}).code == 0);
  CHECK(ask(container, {"status", "later"}).code == 3);
  CHECK(ask(container, {"status", "*"}).code == 3);
  CHECK(ask(container, {"status"}).code == 0);
}

// ---- start, stop, restart

TEST_CASE("stop, start and restart come back when it is done, and --no-wait at once") {
  Container container;
  container.config("[service.slow]\ncommand = 'app slow 300'\npre-start = [['sh', '-c', 'sleep 0.3']]\n");
  container.cinit().wait_for("ready\n");
  container.wait_until([&] { return pid_of(container, "app slow 300") != 0; }, "it runs");

  Output output = ask(container, {"restart", "slow"});
  CHECK(output.code == 0);
  CHECK(output.text == "slow: restarted\n");
  CHECK(container.count("app exit normally\n") == 1);
  container.wait_until([&] { return pid_of(container, "app slow 300") != 0; }, "it runs");
  container.wait_for("ready\n", 2);

  output = ask(container, {"stop", "slow"});
  CHECK(output.code == 0);
  CHECK(output.text == "slow: stopped\n");
  CHECK(pid_of(container, "app slow 300") == 0);

  output = ask(container, {"start", "slow"});
  CHECK(output.code == 0);
  CHECK(output.text == "slow: started\n");
  container.wait_until([&] { return pid_of(container, "app slow 300") != 0; }, "it runs");
  container.wait_for("ready\n", 3);

  output = ask(container, {"stop", "--no-wait", "slow"});
  CHECK(output.code == 0);
  CHECK(output.text.empty());
  CHECK(state_of(container, "slow") == "\"stopping\"");
  wait_for_state(container, "slow", "stopped");
  CHECK(ask(container, {"start", "--no-wait", "slow"}).code == 0);
  CHECK(state_of(container, "slow") == "\"starting\"");
  wait_for_state(container, "slow", "running");
}

TEST_CASE("to stop what does not run, and to start what is up, is no failure") {
  Container container;
  container.config(service("web") + service("later", "autostart = false\n")).cinit().wait_for("web: ready\n");
  const Output up = ask(container, {"start", "web"});
  CHECK(up.code == 0);
  CHECK(up.text == "web: up already\n");
  const Output down = ask(container, {"stop", "later"});
  CHECK(down.code == 0);
  CHECK(down.text == "later: not running\n");
}

TEST_CASE("a start waits until the service is ready, and has failed when it does not get ready") {
  Container container;
  container.config(service("other") +
                   "[service.web]\nautostart = false\ncommand = ['sh', '-c', 'echo begun; app wait-for /shared/go; "
                   "echo it works; exec app app1 web']\nready = { log = 'it works' }\nrestart-delay = '30s'\n"
                   "start-timeout = '500ms'\nstop-timeout = '500ms'\n");
  container.cinit().wait_for("other: ready\n");
  const Output failed = ask(container, {"start", "web"});
  CHECK(failed.code == 1);
  CHECK(failed.text.starts_with("cinit: web: failed: "));
  CHECK(has(failed, "is not ready after 5"));
  CHECK(has(failed, "restarting in "));
  container.exec({"touch", "/shared/go"});
  CHECK(ask(container, {"start", "web"}).text == "web: started\n");
  container.wait_for("web: ready\n");
}

TEST_CASE("a start of what cannot be run says why") {
  Container container;
  container.config(service("other") +
                   "[service.web]\nautostart = false\ncommand = '/no/such/program'\n"
                   "on-failure = 'ignore'\n");
  container.cinit().wait_for("other: ready\n");
  const Output failed = ask(container, {"start", "web"});
  CHECK(failed.code == 1);
  CHECK(failed.text.starts_with("cinit: web: failed: "));
  CHECK(has(failed, "/no/such/program"));
}

TEST_CASE("a service with autostart = false is started by a command, with what it requires") {
  Container container;
  container.config(service("web") + service("base", "autostart = false\n") +
                   service("later", "autostart = false\nrequires = ['base']\n"));
  container.cinit().wait_for("web: ready\n");
  CHECK(!container.logged("later: ready\n"));
  const Output output = ask(container, {"start", "later"});
  CHECK(output.code == 0);
  container.wait_for("later: ready\n");
  CHECK(state_of(container, "base") == "\"running\"");
  CHECK(in_order(container.log(), {"cinit: base: started\n", "cinit: later: started\n"}));
}

TEST_CASE("globs name several services, and a word may name one of them again") {
  Container container;
  container.config(service("web-1") + service("web-2") + service("other")).cinit().wait_for(": ready\n", 3);
  const Output output = ask(container, {"stop", "web-*", "web-1"});
  CHECK(output.code == 0);
  CHECK(in_order(output.text, {"web-"}));
  CHECK(std::count(output.text.begin(), output.text.end(), '\n') == 2);
  CHECK(state_of(container, "web-1") == "\"stopped\"");
  CHECK(state_of(container, "web-2") == "\"stopped\"");
  CHECK(state_of(container, "other") == "\"running\"");
}

TEST_CASE("an unknown name is answered with the nearest one, and nothing is done") {
  Container container;
  container.config(service("web") + service("other")).cinit().wait_for(": ready\n", 2);
  for (const char* command : {"status", "start", "stop", "restart", "logs", "health"}) {
    CAPTURE(command);
    const Output output = ask(container, {command, "other", "wev"});
    CHECK(output.code == 64);
    CHECK(output.text == "cinit: there is no service \"wev\"; did you mean web?\n");
  }
  CHECK(ask(container, {"signal", "TERM", "wev"}).code == 64);
  CHECK(ask(container, {"stop", "x*"}).code == 64);
  CHECK(state_of(container, "other") == "\"running\"");
}

TEST_CASE("a container does not end for a service that was stopped by a command, however it is started again") {
  Container container;
  container.config(service("web")).cinit().wait_for("web: ready\n");
  CHECK(ask(container, {"stop", "web"}).code == 0);
  container.watch_for(300ms);
  CHECK(container.running());
  CHECK(state_of(container, "web") == "\"stopped\"");
  CHECK(ask(container, {"start", "web"}).code == 0);
  container.wait_for("web: ready\n", 2);
  CHECK(ask(container, {"stop", "web"}).code == 0);
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 1s);
}

TEST_CASE("a restart of a required service leaves its dependents up") {
  Container container;
  container.config(service("database") + service("web", "requires = ['database']\n")).cinit().wait_for("web: ready\n");
  const pid_t database = pid_of(container, "app app1 database");
  const pid_t web = pid_of(container, "app app1 web");
  CHECK(ask(container, {"restart", "database"}).text == "database: restarted\n");
  container.wait_for("database: ready\n", 2);
  CHECK(pid_of(container, "app app1 database") != database);
  CHECK(pid_of(container, "app app1 web") == web);
  CHECK(json_value(ask(container, {"status", "--json", "database"}).text, "restarts") == "0");
  CHECK(!container.logged("web: handle signal"));
}

TEST_CASE("the main command is looked at like a service, and cannot be stopped by itself") {
  Container container;
  container.config(service("web")).cinit({"--", "app", "app1", "main"}).wait_for("main: ready\n");
  const Output status = ask(container, {"status"});
  CHECK(has(status, "(main command)"));
  CHECK(ask(container, {"health"}).code == 0);
  for (const char* command : {"stop", "restart"}) {
    const Output output = ask(container, {command, "app"});
    CHECK(output.code == 64);
  }
  CHECK(ask(container, {"stop", "*"}).code == 0);
  CHECK(state_of(container, "web") == "\"stopped\"");
  CHECK(container.running());
}

// ---- signal

TEST_CASE("signal sends one to the main process, or to the whole process group") {
  Container container;
  container.config("[service.web]\ncommand = ['sh', '-c', 'app print-signals 15 & exec app print-signals 15']\n" +
                   service("later", "autostart = false\n"));
  container.cinit().wait_for("ready\n", 2);
  CHECK(ask(container, {"signal", "USR1", "web"}).code == 0);
  container.wait_for("got 10 (1 times)\n");
  CHECK(ask(container, {"signal", "--group", "SIGHUP", "web"}).code == 0);
  container.wait_for("got 1 (1 times)\n", 2);
  CHECK(container.count("got 10 ") == 1);

  const Output no_signal = ask(container, {"signal", "SIGWEB", "web"});
  CHECK(no_signal.code == 64);
  CHECK(has(no_signal, "SIGWEB"));
  const Output nobody = ask(container, {"signal", "USR1", "later"});
  CHECK(nobody.code == 1);
  CHECK(nobody.text == "cinit: later: it has no process\n");
  CHECK(ask(container, {"signal", "USR1"}).code == 64);
}

TEST_CASE("one that is killed by a command comes again as its restart policy says") {
  Container container;
  container.config(service("web", "restart-delay = '1ms'\n")).cinit().wait_for("web: ready\n");
  CHECK(ask(container, {"signal", "KILL", "web"}).code == 0);
  container.wait_for("web: ready\n", 2);
  CHECK(json_value(ask(container, {"status", "--json", "web"}).text, "exit_signal") == "\"SIGKILL\"");
}

// ---- logs

TEST_CASE("logs -n prints the last lines, and says whose they are when there are several services") {
  Container container;
  container.config(
      "[cinit]\nlog-prefix = 'name'\n"
      "[service.one]\ncommand = ['sh', '-c', 'for i in 1 2 3 4 5; do echo line $i; done; exec app app1 one']\n");
  SUBCASE("of one service") {
    container.cinit().wait_for("one: ready\n");
    CHECK(ask(container, {"logs"}).text == "line 1\nline 2\nline 3\nline 4\nline 5\none: ready\n");
    CHECK(ask(container, {"logs", "-n", "2"}).text == "line 5\none: ready\n");
    CHECK(ask(container, {"logs", "-n", "0"}).text.empty());
    CHECK(ask(container, {"logs", "--lines=2", "one"}).code == 0);
    CHECK(ask(container, {"logs", "-n", "many"}).code == 64);
  }
  SUBCASE("of two") {
    container.file("/etc/cinit.d/two.toml", "[service.two]\nafter = ['one']\ncommand = 'app app1 two'\n");
    container.cinit().wait_for("two: ready\n");
    container.wait_for("one: ready\n");
    CHECK(ask(container, {"logs", "one"}).text.starts_with("line 1\n"));
    CHECK(has(ask(container, {"logs"}), "one | line 1\n"));
    CHECK(has(ask(container, {"logs"}), "two | two: ready\n"));
  }
}

TEST_CASE("logs of what does not go through cinit says how it would") {
  Container container;
  container.config(service("web")).cinit().wait_for("web: ready\n");
  const Output output = ask(container, {"logs"});
  CHECK(output.code == 1);
  CHECK(has(output, "log-prefix"));
  CHECK(ask(container, {"logs", "web"}).code == 1);
}

TEST_CASE("logs -f follows what is written, through a restart") {
  Container container;
  container.config(
      "[cinit]\nlog-prefix = 'name'\n"
      "[service.web]\ncommand = ['sh', '-c', 'echo begun; app app1 web; echo over']\n");
  container.cinit().wait_for("web | web: ready\n");
  container.exec_in_background({"sh", "-c", "/sbin/cinit logs -f > /shared/followed 2>&1; echo $? > /shared/code"});
  container.wait_until([&] { return container.read_shared("followed").ends_with("web: ready\n"); }, "what was before");
  CHECK(ask(container, {"restart", "web"}).code == 0);
  container.wait_until(
      [&] {
        return in_order(container.read_shared("followed"), {"begun\n", "ready\n", "begun\n", "ready\n"});
      },
      "what came later");
}

// ---- health

TEST_CASE("health is 0 when all that should be ready is, and else 1 with the culprit") {
  Container container;
  container.config(service("web",
                           "health = { exec = ['sh', '-c', '[ ! -e /shared/ill ]'], interval = '10ms', "
                           "retries = 2, action = 'ignore' }\n") +
                   "[service.slow]\ncommand = 'app app1 slow'\nready = { file = '/shared/go', interval = '10ms' }\n" +
                   service("later", "autostart = false\n"));
  container.link("busybox", "/bin/[");
  container.cinit().wait_for("web: ready\n");
  Output output = ask(container, {"health"});
  CHECK(output.code == 1);
  CHECK(output.text.starts_with("slow: starting"));
  CHECK(ask(container, {"health", "web"}).code == 0);

  container.exec({"touch", "/shared/go"});
  container.wait_until([&] { return ask(container, {"health"}).code == 0; }, "all are ready");
  CHECK(ask(container, {"health"}).text.empty());
  output = ask(container, {"health", "later"});
  CHECK(output.code == 1);
  CHECK(output.text == "later: idle: not asked for yet\n");

  container.exec({"touch", "/shared/ill"});
  container.wait_until([&] { return ask(container, {"health"}).code == 1; }, "web is unhealthy");
  output = ask(container, {"health"});
  CHECK(output.text == "web: unhealthy: the command exited with code 1\n");
  container.exec({"rm", "/shared/ill"});
  container.wait_until([&] { return ask(container, {"health"}).code == 0; }, "web is healthy again");

  CHECK(ask(container, {"stop", "web"}).code == 0);
  CHECK(ask(container, {"health"}).code == 0);
}

TEST_CASE("health of a service that has failed for good is 1, although the container goes on") {
  Container container;
  container.config(service("other") +
                   "[service.web]\ncommand = ['sh', '-c', 'exit 7']\nrestart = 'no'\non-failure = 'ignore'\n");
  container.cinit().wait_for("cinit: web: failed");
  container.wait_for("other: ready\n");
  const Output output = ask(container, {"health"});
  CHECK(output.code == 1);
  CHECK(output.text.starts_with("web: failed: exited with code 7 after "));
  CHECK(output.text.ends_with("; restart is \"no\"\n"));
}

// ---- The stop, and no answer

TEST_CASE("commands are answered during the stop, and what would start something is refused") {
  Container container;
  container.config("[service.slow]\ncommand = 'app wait-for /shared/go'\nstop-signal = 'SIGCONT'\n");
  container.cinit();
  wait_for_state(container, "slow", "running");
  container.exec_in_background({"app", "app2", "guest"});
  container.wait_for("guest: ready\n");
  container.signal(SIGTERM);
  container.wait_for("cinit: stopping");
  CHECK(has(ask(container, {"status"}), "got SIGCONT"));
  CHECK(state_of(container, "slow") == "\"stopping\"");
  const Output health = ask(container, {"health"});
  CHECK(health.code == 1);
  CHECK(health.text == "cinit: cinit is stopping\n");
  for (const char* command : {"start", "restart"}) {
    CAPTURE(command);
    const Output output = ask(container, {command, "slow"});
    CHECK(output.code == 1);
    CHECK(output.text == "cinit: cinit is stopping\n");
  }
  CHECK(ask(container, {"stop", "--no-wait", "slow"}).code == 0);
  CHECK(ask(container, {"signal", "CONT", "slow"}).code == 0);
}

TEST_CASE("who waits for a start when the stop comes is told") {
  Container container;
  container.config(service("other") +
                   "[service.web]\nautostart = false\ncommand = 'app app1 web'\n"
                   "ready = { file = '/shared/never' }\n");
  container.cinit().wait_for("other: ready\n");
  container.exec_in_background({"sh", "-c",
                                "trap '' TERM; cinit start web > /shared/said 2>&1; echo $? >> /shared/said; "
                                "touch /shared/answered; exec app app2 guest"});
  wait_for_state(container, "web", "starting");
  container.signal(SIGTERM);
  container.wait_until([&] { return container.read_shared("said").ends_with("\n1\n"); }, "it is answered");
  CHECK(container.read_shared("said") == "cinit: cinit is stopping\n1\n");
}

TEST_CASE("where no cinit answers the exit code is 69") {
  Container container;
  SUBCASE("there is no configuration: a lone command has no control socket") {
    container.cinit({"--", "app", "app1", "main"}).wait_for("main: ready\n");
    const Output output = ask(container, {"status"});
    CHECK(output.code == 69);
    CHECK(has(output, "there is no socket, and nothing to ask for"));
  }
  SUBCASE("control-socket is \"\"") {
    container.config("[cinit]\ncontrol-socket = ''\n" + service("web")).cinit().wait_for("web: ready\n");
    const Output output = ask(container, {"status"});
    CHECK(output.code == 69);
    CHECK(has(output, "control-socket is \"\""));
    CHECK(container.exec({"ls", "/run/cinit.sock"}).code != 0);
    CHECK(!container.logged("will not work"));
  }
  SUBCASE("the named socket is another's") {
    container.config(service("web")).cinit().wait_for("web: ready\n");
    CHECK(ask(container, {"status", "--socket", "/run/other.sock"}).code == 69);
    CHECK(ask(container, {"status", "--socket", "/run/cinit.sock"}).code == 0);
  }
}

TEST_CASE("a mistyped command starts nothing a second time") {
  Container container;
  container.config(service("web")).cinit().wait_for("web: ready\n");
  const pid_t web = pid_of(container, "app app1 web");
  for (const std::vector<std::string>& words : {std::vector<std::string>{"statsu"}, {}}) {
    const Output output = ask(container, words);
    CHECK(output.code == 64);
    CHECK(has(output, words.empty() ? "a cinit runs here already, and answers at /run/cinit.sock"
                                    : "\"statsu\" is none of cinit's commands, and a cinit runs in this container"));
  }
  CHECK(pid_of(container, "app app1 web") == web);
  CHECK(container.count("web: ready\n") == 1);
  const Output beside = ask(container, {"--no-services", "--skip-startup-files", "--", "sh", "-c", "exit 7"});
  CHECK(beside.code == 7);
}

TEST_CASE("mistakes on the command line are told, with exit code 64") {
  Container container;
  container.config(service("web")).cinit().wait_for("web: ready\n");
  CHECK(ask(container, {"stop"}).code == 64);
  CHECK(ask(container, {"restart", "--json", "web"}).code == 64);
  CHECK(ask(container, {"status", "--jsno"}).code == 64);
  CHECK(has(ask(container, {"status", "--jsno"}), "did you mean --json?"));
  CHECK(ask(container, {"status", "two words"}).code == 64);
  CHECK(state_of(container, "web") == "\"running\"");
}
