// The boot as a whole: a stop at each of its moments, the environment that hooks may change, and what is left of it when it
// has gone wrong.
#include <doctest/doctest.h>

#include <fstream>

#include "container.hpp"
#include "in_order.hpp"
#include "spawn.hpp"
#include "temporary_directory.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

Container& boot_hook(Container& container, const std::string& name, const std::string& body) {
  return container.file("/etc/my_init.d/" + name, "#!/bin/sh\n" + body + "\n", 0755);
}

// ---- A boot of many steps, in their order. The last is the main command.
const std::vector<std::string> kSteps = {"one",      "two", "rc",    "before", "oneshot",
                                         "database", "web", "after", "command"};

// What each step runs: /bin/step NAME. The one that $STAY names stays until it is told to end, all others but services do
// their work and end.
constexpr char kStep[] =
    "#!/bin/sh\n"
    "if [ $1 = \"$STAY\" ]; then exec app app1 step-$1; fi\n"
    "echo step $1\n"
    "case $1 in database | web | command) exec app app1 $1;; esac\n";

Container& start_boot(Container& container, bool with_command, const std::string& stay = "") {
  container.file("/bin/step", kStep, 0755);
  boot_hook(container, "1", "exec step one");
  boot_hook(container, "2", "exec step two");
  container.file("/etc/rc.local", "#!/bin/sh\nexec step rc\n", 0755);
  container.config(
      "[hooks]\npre-start = ['step before']\npost-start = ['step after']\npre-stop = ['echo pre-stop ran']\n"
      "post-stop = ['echo post-stop ran']\n"
      "[service.oneshot]\ntype = 'oneshot'\ncommand = 'step oneshot'\n"
      "[service.database]\nrequires = ['oneshot']\ncommand = 'step database'\n"
      "[service.web]\nrequires = ['database']\ncommand = 'step web'\n");
  const Arguments command = {"--", "step", "command"};
  Options options;
  if (!stay.empty()) options.env["STAY"] = stay;
  return container.cinit(with_command ? command : Arguments(), options);
}

// What must hold when `container`, made by start_boot(), was stopped by SIGTERM at whichever moment.
void check_stopped_boot(Container& container, bool with_command) {
  const End end = container.wait_exit();
  const std::string log = container.log();
  CAPTURE(log);
  // One whose program began when the stop was under way is not told as started.
  const bool command_started = log.find("(main command): started") != std::string::npos ||
                               log.find("(main command): stopping: ") != std::string::npos;
  // A command that got SIGTERM before it could handle it ends by it.
  if (command_started) {
    CHECK((end.code == 0 || end.code == 143));
  } else {
    CHECK(end.code == (with_command ? 143 : 0));
  }
  CHECK(end.took < 2s);
  CHECK(log.find("SIGKILL") == std::string::npos);
  const std::size_t stopping = log.find("cinit: stopping: ");
  REQUIRE(stopping != std::string::npos);
  for (std::size_t at = log.find(": started", stopping); at != std::string::npos; at = log.find(": started", at + 1)) {
    const std::size_t line = log.rfind('\n', at) + 1;
    CHECK(log.substr(line, at - line).find("-stop ") != std::string::npos);
  }
  // They clean up after the services, and so run only when it came to those.
  const bool booted = log.find("cinit: pre-start step: exited with code 0") < stopping;
  CHECK(container.logged("pre-stop ran\n") == booted);
  CHECK(container.logged("post-stop ran\n") == booted);
  // Whoever said that it is ready has been told.
  for (const std::string& step : kSteps) {
    CAPTURE(step);
    CHECK(container.count(step + ": ready\n") == container.count(step + ": app exit normally\n"));
  }
}

}  // namespace

TEST_CASE("S23: SIGTERM during any step of the boot ends the container at once, and nothing else is started") {
  for (const bool with_command : {false, true}) {
    for (const std::string& step : kSteps) {
      if (!with_command && step == "command") continue;
      CAPTURE(with_command);
      CAPTURE(step);
      Container container;
      start_boot(container, with_command, step).wait_for("step-" + step + ": ready\n");
      container.signal(SIGTERM);
      check_stopped_boot(container, with_command);
      CHECK(container.count("step-" + step + ": handle signal: terminated\n") == 1);
    }
  }
}

TEST_CASE("S23: SIGTERM at any time of the boot ends the container at once, and nothing else is started") {
  constexpr int kMoments = 36;
  bool with_command = false;
  SUBCASE("without a command") {}
  SUBCASE("with a command") { with_command = true; }
  const std::string last = with_command ? "command: ready\n" : "post-start step: exited";

  Container measured;
  const Clock::time_point start = Clock::now();
  start_boot(measured, with_command).wait_for(last);
  const Clock::duration whole = Clock::now() - start;
  measured.signal(SIGTERM);
  check_stopped_boot(measured, with_command);

  for (int moment = 0; moment < kMoments; ++moment) {
    CAPTURE(moment);
    Container container;
    start_boot(container, with_command);
    // Until it blocks signals, the kernel drops them for a PID 1.
    const std::string status = "/proc/" + std::to_string(container.host_pid()) + "/status";
    container.wait_until([&] { return read_file(status).find("SigBlk:\t0000000000000000") == std::string::npos; },
                         "signals are blocked");
    container.watch_for(whole * moment / (kMoments - 1));
    container.signal(SIGTERM);
    check_stopped_boot(container, with_command);
  }
}

TEST_CASE("a second and a third SIGTERM during a hook that is deaf end the boot at once") {
  Container container;
  boot_hook(container, "hook", "exec app app2 hook");
  boot_hook(container, "later", "echo later ran");
  container.cinit().wait_for("hook: ready\n");
  container.signal(SIGTERM);
  container.wait_for("hook: handle signal: terminated\n");
  container.signal(SIGTERM);
  container.wait_for("hook: handle signal: terminated\n", 2);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().took < 1s);
  CHECK(!container.logged("later ran"));
}

TEST_CASE("the container's own variables are stronger than files in /etc/container_environment") {
  Container container;
  container.file("/etc/container_environment/COLOUR", "of the file\n");
  container.file("/etc/container_environment/SHAPE", "round\n");
  container.config("[service.web]\ncommand = ['sh', '-c', 'echo $COLOUR, $SHAPE, $HOME']\n");
  container.cinit({}, {.env = {{"COLOUR", "of the container"}}});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("of the container, round, /root\n"));
}

TEST_CASE("what is in /etc/container_environment can be used in the configuration") {
  Container container;
  container.file("/etc/container_environment/COLOUR", "blue\n");
  container.config("[service.web]\ncommand = ['echo', 'it is ${COLOUR}']\n").cinit();
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("it is blue\n"));
}

TEST_CASE("hooks change the environment of what comes later by writing and deleting files") {
  Container container;
  container.file("/etc/container_environment/OLD", "old");
  boot_hook(container, "1",
            "cd /etc/container_environment; ls; echo changed > COLOUR; echo new > NEW; rm OLD; rm -f FROM_OUTSIDE");
  boot_hook(container, "2", "echo in the next hook: $COLOUR, $NEW, ${OLD-unset}, ${FROM_OUTSIDE-unset}, $HOME");
  container.config("[service.web]\ntype = 'oneshot'\ncommand = ['app', 'state']\n");
  container.cinit({"--", "sh", "-c", "echo in the command: $COLOUR, $NEW, ${OLD-unset}, ${FROM_OUTSIDE-unset}, $HOME"},
                  {.env = {{"COLOUR", "blue"}, {"FROM_OUTSIDE", "yes"}}});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("COLOUR\nFROM_OUTSIDE\nOLD\nPATH\nTERM\n"));
  CHECK(container.logged("in the next hook: changed, new, unset, unset, /root\n"));
  CHECK(container.logged("in the command: changed, new, unset, unset, /root\n"));
  CHECK(container.logged("\nenv.COLOUR=changed\n"));
  CHECK(container.logged("\nenv.NEW=new\n"));
  CHECK(!container.logged("\nenv.OLD="));
}

TEST_CASE("[env] and a service's own variables are stronger than what hooks have written") {
  Container container;
  boot_hook(container, "1", "cd /etc/container_environment; echo hook > A; echo hook > B; echo hook > C");
  container.file("/etc/container_environment/A", "file");
  container.config(
      "[env]\nB = 'env'\nC = 'env'\n"
      "[service.web]\nenv = { C = 'service' }\ncommand = ['sh', '-c', 'echo $A, $B, $C']\n");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("hook, env, service\n"));
}

TEST_CASE("the environment is dumped for login shells and cron jobs, before the first hook and after each") {
  Container container;
  container.file("/etc/container_environment/QUOTED", "it's \"two\"\nlines\n");
  boot_hook(container, "1", "cat /etc/container_environment.sh; echo later > /etc/container_environment/LATER");
  container.config("[service.web]\ncommand = ['app', 'app1', 'web']\n");
  container.cinit({}, {.env = {{"A.B", "dot"}}}).wait_for("web: ready\n");
  CHECK(container.logged("export QUOTED='it'\\''s \"two\"\nlines'\n"));
  const std::string shell = container.read("/etc/container_environment.sh");
  const std::string json = container.read("/etc/container_environment.json");
  CAPTURE(shell);
  CAPTURE(json);
  CHECK(shell.find("export LATER='later'\n") != std::string::npos);
  CHECK(shell.find("export A_B='dot'\n") != std::string::npos);
  CHECK(json.find(R"("QUOTED": "it's \"two\"\u000alines")") != std::string::npos);
  CHECK(json.find(R"("LATER": "later")") != std::string::npos);
  CHECK(container.exec({"sh", "-c", ". /etc/container_environment.sh; echo $LATER, $QUOTED"}).text ==
        "later, it's \"two\" lines\n");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("with a read-only root everything works that can, and the dumps are in /run/cinit") {
  Container container;
  container.file("/etc/container_environment/COLOUR", "blue\n");
  container.file("/etc/container_environment/BOTH", "of the file\n");
  boot_hook(container, "hook", "echo hook: $COLOUR, $BOTH, $FROM_OUTSIDE");
  container.config("[service.web]\ncommand = ['sh', '-c', 'echo $COLOUR, $BOTH, $FROM_OUTSIDE; exec app app1 web']\n");
  container.cinit({}, {.env = {{"BOTH", "mine"}, {"FROM_OUTSIDE", "yes"}}, .read_only = true}).wait_for("web: ready\n");
  CHECK(container.logged("hook: blue, mine, yes\n"));
  CHECK(container.logged("\nblue, mine, yes\n"));
  CHECK(container.read("/etc/container_environment.sh").empty());
  CHECK(container.read("/run/cinit/container_environment.sh").find("export COLOUR='blue'\n") != std::string::npos);
  CHECK(container.read("/run/cinit/container_environment.json").find("\"COLOUR\": \"blue\"") != std::string::npos);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("without privilege the environment works all the same, but hooks cannot change it") {
  Container container;
  container.file("/etc/container_environment/COLOUR", "blue\n");
  container.file("/etc/container_environment/BOTH", "of the file\n");
  boot_hook(container, "hook", "echo green > /etc/container_environment/COLOUR; echo hook: $COLOUR, $BOTH");
  container.config("[service.web]\ncommand = ['sh', '-c', 'echo service: $COLOUR, $BOTH']\n");
  container.cinit({}, {.env = {{"BOTH", "mine"}}, .user = "1000:1000"});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("hook: blue, mine\n"));
  CHECK(container.logged("service: blue, mine\n"));
}

TEST_CASE("without the directory no file of the environment is written") {
  Container container;
  boot_hook(container, "hook", "ls /etc /run");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("my_init.d\n"));
  CHECK(!container.logged("environment"));
}

namespace {

// Runs the container to its end with a /dev/termination-log, as Kubernetes gives it, and returns what is in that.
std::string termination_log(Container& container, int code, const Arguments& arguments = {}) {
  const TemporaryDirectory machine;
  std::ofstream(machine / "termination-log") << "";
  container.cinit(arguments, {.volumes = {machine / "termination-log:/dev/termination-log"}});
  CHECK(container.wait_exit().code == code);
  return read_file(machine / "termination-log");
}

}  // namespace

TEST_CASE("/dev/termination-log has the reason for which the container ended") {
  Container container;
  SUBCASE("a failing hook") {
    boot_hook(container, "hook", "exit 3");
    const std::string reason = termination_log(container, 1);
    CAPTURE(reason);
    CHECK(reason.find("/etc/my_init.d/hook") != std::string::npos);
    CHECK(reason.find("code 3") != std::string::npos);
    CHECK(reason.ends_with('\n'));
  }
  SUBCASE("nothing to run") {
    const std::string reason = termination_log(container, 64);
    CHECK(reason.starts_with("nothing to run: "));
    CHECK(reason.find("/etc/my_init.d") != std::string::npos);
  }
  SUBCASE("a wrong option") {
    const std::string reason = termination_log(container, 64, {"--no-servces"});
    CHECK(reason.find("--no-servces") != std::string::npos);
  }
  SUBCASE("a wrong configuration") {
    container.config("[service.web]\ncomand = 'true'\n");
    const std::string reason = termination_log(container, 78);
    CHECK(reason.find("/etc/cinit.toml:2:1: error: unknown key \"comand\"") != std::string::npos);
  }
  SUBCASE("a service that has failed for good") {
    container.config(
        "[service.other]\ncommand = ['app', 'app1']\n[service.web]\nrestart = 'no'\ncommand = 'app exit 9'\n");
    const std::string reason = termination_log(container, 9);
    CAPTURE(reason);
    CHECK(reason.find("web") != std::string::npos);
    CHECK(reason.find("code 9") != std::string::npos);
  }
  SUBCASE("a command that is not there") {
    container.config("[cinit]\n");
    const std::string reason = termination_log(container, 127, {"--", "not-installed"});
    CHECK(reason.find("not-installed") != std::string::npos);
  }
  SUBCASE("a command that is not there, without a configuration") {
    const std::string reason = termination_log(container, 127, {"--", "not-installed"});
    CHECK(reason.find("not-installed: not found in ") != std::string::npos);
  }
  SUBCASE("none, when all is well") {
    container.config("[service.web]\ncommand = 'true'\n");
    CHECK(termination_log(container, 0).empty());
  }
}
