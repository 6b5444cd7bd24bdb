#include <doctest/doctest.h>

#include <csignal>

#include "story.hpp"

using namespace cinit;
using namespace cinit::core;
using namespace std::chrono_literals;
using config::EndAction;
using config::KillMode;
using config::RestartPolicy;

namespace {

const StartFailure kNoSuchProgram{StartStage::Exec, ENOENT, "/bin/x", false};
const StartFailure kNoProcessSlot{StartStage::Fork, EAGAIN, "", true};

const config::Command kStopCommand{"stop"};

// "a" beside "b", which keeps the container.
Plan plan_with(config::Service spec) {
  return plan_of(
      config_of({service("a", std::move(spec)), service("b", {.kill_mode = KillMode::Process})}, {.stop_timeout = 8s}));
}

std::string stops(Story& story) { return story.requests(Requested::What::Stop, "a"); }

}  // namespace

// ---- Before the start

TEST_CASE("pre-start commands run one after the other before the program, and who comes after waits for all of it") {
  Story story(
      plan_of(config_of({service("app", {.after = {"a"}}), service("a", {.pre_start = commands({"x", "y"})})})));
  CHECK(story.boot() == "pre-start 0 of a");
  CHECK(story.command_exits("a", 0) == "pre-start 1 of a");
  CHECK(story.command_exits("a", 0) == "spawn a, spawn app");
}

TEST_CASE("a pre-start command that fails is a failed start, and the whole attempt comes again") {
  Story story(plan_with({.pre_start = commands({"x", "y"}), .post_stop = commands({"z"})}));
  story.boot();
  story.command_exits("a", 0);
  CHECK(story.command_exits("a", 3) == "post-stop 0 of a");
  REQUIRE(story.said<notice::TaskFailed>().size() == 1);
  CHECK(story.said<notice::TaskFailed>()[0].index == 1);
  CHECK(story.said<notice::Restarting>().size() == 1);
  CHECK(story.command_exits("a", 0) == "-");
  CHECK(story.is<state::Backoff>("a"));
  CHECK(story.at_next_deadline() == "pre-start 0 of a");
}

TEST_CASE("with restart no a failed pre-start command is a failure for good, whose code counts") {
  Story story(plan_of(config_of({service("a", {.restart = RestartPolicy::No, .pre_start = commands({"x"})})})));
  story.boot();
  CHECK(story.command_exits("a", 3) == "sweep");
  CHECK(story.is<state::Failed>("a"));
  CHECK(story.nothing_left() == "exit 3");
}

TEST_CASE("a pre-start command that cannot be run has failed") {
  Story story(plan_of(config_of({service("a", {.restart = RestartPolicy::No, .pre_start = commands({"x"})})})));
  story.boot();
  CHECK(story.command_cannot_start("a", kNoSuchProgram) == "sweep");
  CHECK(story.nothing_left() == "exit 127");
}

TEST_CASE("pre-start commands that fail use up the start limit") {
  Story story(plan_with({.start_limit_burst = 2, .on_failure = EndAction::Ignore, .pre_start = commands({"x"})}));
  story.boot();
  story.command_exits("a", 1);
  story.at_next_deadline();
  CHECK(story.command_exits("a", 1) == "-");
  CHECK(story.is<state::Failed>("a"));
  CHECK(story.said<notice::StartLimitHit>().size() == 1);
}

TEST_CASE("a pre-start command for which there is no process slot is tried again outside the start limit") {
  Story story(plan_with({.start_limit_burst = 1, .pre_start = commands({"x"}), .post_stop = commands({"z"})}));
  story.boot();
  for (int i = 0; i < 3; ++i) {
    CHECK(story.command_cannot_start("a", kNoProcessSlot) == "-");
    CHECK(story.at_next_deadline() == "pre-start 0 of a");
  }
  CHECK(story.said<notice::StartPostponed>().size() == 3);
  CHECK(story.command_exits("a", 0) == "spawn a");
}

TEST_CASE("when there is no process slot for the program, post-stop commands follow those that had run before it") {
  Story story(plan_with({.pre_start = commands({"x"}), .post_stop = commands({"z"})}));
  story.refuse("a", kNoProcessSlot);
  story.boot();
  CHECK(story.command_exits("a", 0) == "spawn a, post-stop 0 of a");
  story.command_exits("a", 0);
  CHECK(story.at_next_deadline() == "pre-start 0 of a");
}

TEST_CASE("the start-timeout counts from the first pre-start command, which gets SIGTERM and then SIGKILL") {
  Story story(plan_with({.start_timeout = 5s, .stop_timeout = 2s, .pre_start = commands({"x", "y"})}));
  story.boot();
  story.after(3s);
  story.command_exits("a", 0);
  CHECK(story.after(2s) == "SIGTERM command of a, SIGCONT command of a");
  REQUIRE(story.said<notice::TaskTimedOut>().size() == 1);
  CHECK(story.said<notice::TaskTimedOut>()[0].waited == 5s);
  CHECK(story.after(2s) == "end command of a");
  CHECK(story.is<state::Backoff>("a"));
}

TEST_CASE("a pre-start command that ends after its SIGTERM has failed, whatever it says, and no other follows") {
  Story story(plan_with({.start_timeout = 5s, .pre_start = commands({"x", "y"})}));
  story.boot();
  story.after(5s);
  CHECK(story.command_exits("a", 0) == "-");
  CHECK(story.is<state::Backoff>("a"));
}

TEST_CASE("what is left of the start-timeout after the pre-start commands is for getting ready") {
  Story story(plan_with(
      {.ready = config::Ready{.when = config::NotifyReady{}}, .start_timeout = 5s, .pre_start = commands({"x"})}));
  story.boot();
  story.after(3s);
  story.command_exits("a", 0);
  CHECK(story.after(2s) == "SIGTERM a, SIGCONT group of a");
}

TEST_CASE("a stop while a pre-start command runs ends the command, and nothing is started") {
  Story story(
      plan_with({.pre_start = commands({"x", "y"}), .pre_stop = commands({"p"}), .post_stop = commands({"z"})}));
  story.boot();
  CHECK(stops(story) == "SIGTERM command of a, SIGCONT command of a");
  CHECK(story.command_exits("a", 0) == "post-stop 0 of a");
  CHECK(story.command_exits("a", 0) == "-");
  CHECK(story.is<state::Stopped>("a"));
  CHECK(story.said<notice::TaskFailed>().empty());
}

TEST_CASE("a pre-start command of a later tier is not followed by another once the stop has begun") {
  Story story(plan_of(config_of(
      {service("app"), service("a", {.before = {"app2"}, .pre_start = commands({"x", "y"})}), service("app2")})));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM app, SIGCONT group of app");
  CHECK(story.command_exits("a", 0) == "-");
  CHECK(story.is<state::Stopped>("a"));
}

TEST_CASE("a standstill does not move the SIGKILL of a pre-start command that is to end") {
  Story story(plan_with({.stop_timeout = 2s, .pre_start = commands({"x"})}));
  story.boot();
  stops(story);
  story.stands_still(1s);
  CHECK(story.next_deadline() == 1s);
}

TEST_CASE("the late end of a pre-start command is not that of the next attempt's") {
  Story story(plan_with({.start_timeout = 1s, .restart_delay = 0s, .stop_timeout = 1s, .pre_start = commands({"x"})}));
  story.boot();
  story.after(1s);
  CHECK(story.after(1s) == "end command of a, pre-start 0 of a");
  CHECK(story.late_command_exits("a", 0) == "-");
  CHECK(story.command_exits("a", 0) == "spawn a");
}

// ---- After the start

TEST_CASE("post-start commands run when the service is ready, and who comes after waits for them") {
  Story story(plan_of(config_of(
      {service("app", {.after = {"a"}}),
       service("a", {.ready = config::Ready{.when = config::NotifyReady{}}, .post_start = commands({"x", "y"})})})));
  story.boot();
  CHECK(story.tells_ready("a") == "post-start 0 of a");
  CHECK(story.is<state::PostStart>("a"));
  CHECK(story.command_exits("a", 0) == "post-start 1 of a");
  CHECK(story.command_exits("a", 0) == "spawn app");
}

TEST_CASE("a post-start command that fails makes the service fail, which is stopped and started again") {
  Story story(plan_with({.post_start = commands({"x", "y"})}));
  CHECK(story.boot() == "spawn a, spawn b, post-start 0 of a");
  CHECK(story.command_exits("a", 1) == "SIGTERM a, SIGCONT group of a");
  story.exits_alone("a", 0);
  CHECK(story.is<state::Backoff>("a"));
}

TEST_CASE("post-start commands have what is left of the start-timeout") {
  Story story(plan_with({.start_timeout = 5s, .post_start = commands({"x"})}));
  story.boot();
  CHECK(story.after(5s) == "end command of a, SIGTERM a, SIGCONT group of a");
  CHECK(story.command_exits("a", 0) == "-");
  story.exits_alone("a", 0);
  CHECK(story.is<state::Backoff>("a"));
}

TEST_CASE("a service that dies during its post-start command takes the command with it") {
  Story story(plan_with({.post_start = commands({"x"}), .post_stop = commands({"z"})}));
  story.boot();
  CHECK(story.exits("a", 1) == "end command of a, SIGTERM group of a, SIGCONT group of a, watch a");
  CHECK(story.command_exits("a", 0) == "-");
  CHECK(story.group_empties("a") == "post-stop 0 of a");
}

TEST_CASE("a stop during a post-start command ends the command and asks the service without its pre-stop commands") {
  Story story(plan_with({.stop_command = kStopCommand, .post_start = commands({"x"}), .pre_stop = commands({"p"})}));
  story.boot();
  CHECK(stops(story) == "end command of a, SIGTERM a, SIGCONT group of a");
}

TEST_CASE("no post-start command is begun any more when the stop has begun") {
  Story story(plan_of(config_of({service("app"), service("app2"),
                                 service("a", {.before = {"app2"},
                                               .ready = config::Ready{.when = config::NotifyReady{}},
                                               .post_start = commands({"x"})}),
                                 service("c", {.before = {"app2"}, .post_start = commands({"x", "y"})})})));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM app, SIGCONT group of app");
  CHECK(story.tells_ready("a") == "-");
  CHECK(story.command_exits("c", 1) == "-");
  CHECK(story.exits_alone("app", 0) == "SIGTERM a, SIGCONT group of a, SIGTERM c, SIGCONT group of c");
}

// ---- Before the stop

TEST_CASE("pre-stop commands run before the stop signal, and their failures are logged only") {
  Story story(plan_with({.pre_stop = commands({"x", "y"})}));
  story.boot();
  CHECK(stops(story) == "pre-stop 0 of a");
  CHECK(story.command_exits("a", 1) == "pre-stop 1 of a");
  CHECK(story.said<notice::TaskFailed>().size() == 1);
  CHECK(story.command_cannot_start("a", kNoSuchProgram) == "SIGTERM a, SIGCONT group of a");
}

TEST_CASE("pre-stop commands have half of the service's time, together") {
  Story story(plan_with({.stop_timeout = 4s, .pre_stop = commands({"x", "y"})}));
  story.boot();
  stops(story);
  story.after(1s);
  story.command_exits("a", 0);
  CHECK(story.after(1s) == "end command of a, SIGTERM a, SIGCONT group of a");
  CHECK(story.said<notice::TaskTimedOut>().size() == 1);
  CHECK(story.after(2s) == "SIGKILL group of a");
}

TEST_CASE("in the stop of everything pre-stop commands have half of the time until the sweep at most") {
  Story story(plan_with({.pre_stop = commands({"x"})}));
  story.boot();
  CHECK(story.signal(SIGTERM) == "pre-stop 0 of a, SIGTERM b, SIGCONT group of b");
  CHECK(story.after(3s) == "end command of a, SIGTERM a, SIGCONT group of a");
}

TEST_CASE("with a stop timeout of 0 the pre-stop command has no time, and the service none after it") {
  Story story(plan_with({.stop_timeout = 0s, .pre_stop = commands({"x"})}));
  story.boot();
  CHECK(stops(story) == "pre-stop 0 of a");
  CHECK(story.at_next_deadline() == "end command of a, SIGTERM a, SIGCONT group of a, SIGKILL group of a");
}

TEST_CASE("a service that dies during its pre-stop command is stopped, and the command ends with it") {
  Story story(plan_with({.stop_timeout = 4s, .pre_stop = commands({"x", "y"}), .post_stop = commands({"z"})}));
  story.boot();
  stops(story);
  story.after(1s);
  CHECK(story.exits("a", 1) == "end command of a, SIGTERM group of a, SIGCONT group of a, watch a");
  CHECK(story.command_exits("a", 0) == "-");
  CHECK(story.next_deadline() == 3s);
  CHECK(story.group_empties("a") == "post-stop 0 of a");
  CHECK(story.late_command_exits("a", 1) == "-");
  CHECK(story.said<notice::TaskFailed>().empty());
  CHECK(story.command_exits("a", 0) == "-");
  CHECK(story.is<state::Stopped>("a"));
}

TEST_CASE("the late end of a pre-stop command is not that of the stop command") {
  Story story(plan_with({.stop_command = kStopCommand, .stop_timeout = 4s, .pre_stop = commands({"x"})}));
  story.boot();
  stops(story);
  CHECK(story.after(2s) == "end command of a, SIGCONT group of a, stop-command 0 of a");
  CHECK(story.late_command_exits("a", 1) == "-");
  CHECK(story.command_exits("a", 1) == "SIGTERM a, SIGCONT group of a");
}

// ---- The stop command

TEST_CASE("a stop command takes the place of the stop signal") {
  Story story(plan_with({.stop_command = kStopCommand, .stop_timeout = 4s}));
  story.boot();
  CHECK(stops(story) == "SIGCONT group of a, stop-command 0 of a");
  REQUIRE(story.said<notice::Stopping>().size() == 1);
  CHECK(std::holds_alternative<notice::Stopping::ByCommand>(story.said<notice::Stopping>()[0].how));
  CHECK(story.command_exits("a", 0) == "-");
  CHECK(story.exits_alone("a", 0) == "-");
  CHECK(story.is<state::Stopped>("a"));
}

TEST_CASE("when the stop command fails or cannot be run, the stop signal follows, and the time goes on") {
  for (const bool starts : {true, false}) {
    Story story(plan_with({.stop_signal = Signal{SIGQUIT}, .stop_command = kStopCommand, .stop_timeout = 4s}));
    story.boot();
    stops(story);
    story.after(1s);
    CHECK((starts ? story.command_exits("a", 1) : story.command_cannot_start("a", kNoProcessSlot)) ==
          "SIGQUIT a, SIGCONT group of a");
    CHECK(story.said<notice::TaskFailed>().size() == 1);
    CHECK(story.after(3s) == "SIGKILL group of a");
  }
}

TEST_CASE("a stop command that hangs, or does nothing, is followed by SIGKILL") {
  for (const bool hangs : {true, false}) {
    Story story(plan_with({.stop_command = kStopCommand, .stop_timeout = 4s}));
    story.boot();
    stops(story);
    if (!hangs) story.command_exits("a", 0);
    CHECK(story.after(4s) == (hangs ? "end command of a, SIGKILL group of a" : "SIGKILL group of a"));
    REQUIRE(story.said<notice::Killing>().size() == 1);
    CHECK_FALSE(story.said<notice::Killing>()[0].signal);
    CHECK(story.said<notice::Killing>()[0].waited == 4s);
  }
}

TEST_CASE("a stop command that still runs when its service has ended is waited for") {
  for (const KillMode kill_mode : {KillMode::Mixed, KillMode::Process}) {
    Story story(plan_with(
        {.stop_command = kStopCommand, .stop_timeout = 4s, .kill_mode = kill_mode, .post_stop = commands({"z"})}));
    story.boot();
    stops(story);
    story.exits_alone("a", 0);
    CHECK(story.is<state::StoppingRest>("a"));
    CHECK(story.command_exits("a", 1) == "post-stop 0 of a");
    CHECK(story.said<notice::TaskFailed>().size() == 1);
  }
}

TEST_CASE("a stop command that hangs when its service has ended is ended at the stop timeout") {
  Story story(plan_with({.stop_command = kStopCommand, .stop_timeout = 4s, .post_stop = commands({"z"})}));
  story.boot();
  stops(story);
  story.after(1s);
  story.exits_alone("a", 0);
  CHECK(story.after(3s) == "end command of a, post-stop 0 of a");
  CHECK(story.next_deadline() == 4s);
}

// ---- After the stop

TEST_CASE("post-stop commands run after every end, one after the other, and nothing follows from their failures") {
  Story story(plan_with({.post_stop = commands({"x", "y"})}));
  story.boot();
  CHECK(story.exits_alone("a", 1) == "post-stop 0 of a");
  CHECK(story.command_exits("a", 1) == "post-stop 1 of a");
  CHECK(story.command_exits("a", 1) == "-");
  CHECK(story.is<state::Backoff>("a"));
  story.at_next_deadline();
  stops(story);
  CHECK(story.exits("a", 0) == "SIGTERM group of a, SIGCONT group of a, watch a");
  CHECK(story.group_empties("a") == "post-stop 0 of a");
}

TEST_CASE("the delay of a restart runs from the crash, and its post-stop commands are in it") {
  Story story(plan_with({.restart_delay = 10s, .restart_max_delay = 10s, .post_stop = commands({"x"})}));
  story.boot();
  story.exits_alone("a", 1);
  story.after(4s);
  story.command_exits("a", 0);
  CHECK(story.next_deadline() >= 6s);
  CHECK(story.next_deadline() <= 7s);
}

TEST_CASE("a program that cannot be run is followed by its post-stop commands, and then has failed") {
  Story story(plan_with({.on_failure = EndAction::Ignore, .pre_start = commands({"x"}), .post_stop = commands({"z"})}));
  story.refuse("a", kNoSuchProgram);
  story.boot();
  CHECK(story.command_exits("a", 0) == "spawn a, post-stop 0 of a");
  CHECK(story.command_exits("a", 0) == "-");
  CHECK(story.is<state::Failed>("a"));
}

TEST_CASE("post-stop commands that hang are ended at the service's time") {
  Story story(plan_with({.stop_timeout = 4s, .post_stop = commands({"x", "y"})}));
  story.boot();
  stops(story);
  story.after(1s);
  story.exits_alone("a", 0);
  CHECK(story.after(3s) == "end command of a");
  CHECK(story.is<state::Stopped>("a"));
  CHECK(story.said<notice::TaskTimedOut>().size() == 1);
}

TEST_CASE("one that was killed gets its time once more for its post-stop commands") {
  Story story(plan_with({.stop_timeout = 4s, .post_stop = commands({"x"})}));
  story.boot();
  stops(story);
  story.after(4s);
  story.dies("a", SIGKILL);
  CHECK(story.group_empties("a") == "post-stop 0 of a");
  CHECK(story.next_deadline() == 4s);
}

TEST_CASE("who requires a service that has failed is not started while its post-stop commands run") {
  Story story(plan_of(config_of(
      {service("a", {.restart = RestartPolicy::No, .on_failure = EndAction::Ignore, .post_stop = commands({"x"})}),
       service("app", {.required = {"a", "slow"}, .on_failure = EndAction::Ignore}),
       service("slow", {.ready = config::Ready{.when = config::NotifyReady{}}})})));
  story.boot();
  story.exits_alone("a", 1);
  CHECK(story.is<state::PostStop>("a"));
  CHECK(story.tells_ready("slow") == "-");
  CHECK(story.is<state::Failed>("app"));
}

TEST_CASE("the container waits for post-stop commands before the sweep") {
  Story story(plan_of(config_of({service("a", {.post_stop = commands({"x"})})})));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.exits_alone("a", 0) == "post-stop 0 of a");
  CHECK(story.nothing_left() == "-");
  CHECK(story.command_exits("a", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

// ---- Somebody urges

TEST_CASE("the second stop signal gives up every command") {
  const auto ready = config::Ready{.when = config::NotifyReady{}};
  Story story(plan_of(config_of({
      service("1pre", {.pre_start = commands({"x", "y"})}),
      service("2post", {.post_start = commands({"x", "y"})}),
      service("3leave", {.pre_stop = commands({"x", "y"})}),
      service("4stop", {.stop_command = kStopCommand}),
      service("5after", {.post_stop = commands({"x", "y"})}),
      service("6start", {.ready = ready}),
  })));
  story.boot();
  story.signal(SIGTERM);
  story.exits_alone("5after", 0);
  CHECK(story.is<state::PreStart>("1pre"));
  CHECK(story.is<state::PreStop>("3leave"));
  CHECK(story.is<state::PostStop>("5after"));
  CHECK(
      story.signal(SIGTERM) ==
      "SIGTERM command of 1pre, SIGTERM group of 2post, end command of 3leave, SIGTERM group of 3leave, SIGCONT group "
      "of 3leave, end command of 4stop, SIGTERM group of 4stop, SIGTERM command of 5after, SIGCONT command of 5after, "
      "SIGTERM group of 6start, sweep again");
  CHECK(story.command_exits("1pre", 0) == "-");
  CHECK(story.command_exits("5after", 1) == "-");
  CHECK(story.said<notice::TaskFailed>().empty());
  for (const char* name : {"2post", "3leave", "4stop", "6start"}) story.exits_alone(name, 0);
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("after the second stop signal no post-stop command is begun") {
  Story story(plan_with({.post_stop = commands({"x"})}));
  story.boot();
  story.signal(SIGTERM);
  story.signal(SIGTERM);
  CHECK(story.exits_alone("a", 0) == "-");
  CHECK(story.is<state::Stopped>("a"));
}

TEST_CASE("at the second stop signal a stop command that outlives its service is ended, and nobody is signalled") {
  Story story(plan_with({.stop_command = kStopCommand}));
  story.boot();
  story.signal(SIGTERM);
  story.exits("b", 0);
  story.exits_alone("a", 0);
  CHECK(story.signal(SIGTERM) == "end command of a, sweep again, sweep");
  CHECK(story.is<state::Stopped>("a"));
}

TEST_CASE("a program that begins to run after the stop signal is asked to end, and gets no commands") {
  config::Service spec{.post_start = commands({"x"}), .pre_stop = commands({"y"})};
  const Plan plan = plan_of(config_of({service("a", spec)}));
  Supervisor supervisor(plan, 1);
  const Time start = Time(1h);
  supervisor.boot(start);
  supervisor.handle(SignalReceived{Signal{SIGTERM}}, start);
  for (const Action& action : supervisor.handle(Spawned{ServiceId{0}}, start)) {
    CHECK_FALSE(std::holds_alternative<RunTask>(action));
  }
  CHECK(std::holds_alternative<state::Stopping>(supervisor.state(ServiceId{0})));
}

TEST_CASE("the third stop signal kills commands and services alike") {
  Story story(plan_of(config_of({
      service("1pre", {.pre_start = commands({"x"}), .post_stop = commands({"z"})}),
      service("4stop", {.stop_command = kStopCommand}),
      service("5after", {.post_stop = commands({"x", "y"})}),
  })));
  story.boot();
  story.signal(SIGTERM);
  story.exits_alone("5after", 0);
  story.signal(SIGTERM);
  CHECK(story.signal(SIGTERM) == "end command of 1pre, SIGKILL group of 4stop, end command of 5after, kill everything");
  CHECK(story.is<state::Stopped>("1pre"));
  CHECK(story.is<state::Stopped>("5after"));
  CHECK(story.command_exits("1pre", 0) == "-");
}

TEST_CASE("at the end of the budget every command is killed, whatever it is for, and no other begins") {
  Story story(plan_of(config_of(
      {
          service("1pre", {.pre_start = commands({"x"}), .post_stop = commands({"z"})}),
          service("2leave", {.pre_stop = commands({"x"}), .post_stop = commands({"z"})}),
          service("3stop", {.stop_command = kStopCommand}),
          service("4after", {.post_stop = commands({"x", "y"})}),
          service("5clear", {.stop_command = kStopCommand, .post_stop = commands({"z"})}),
      },
      {.stop_timeout = 8s})));
  story.boot();
  story.signal(SIGTERM);
  story.exits_alone("4after", 0);
  story.exits_alone("5clear", 0);
  CHECK(story.at_next_deadline() == "end command of 2leave, SIGTERM 2leave, SIGCONT group of 2leave");
  CHECK(story.at_next_deadline() == "sweep");
  CHECK(story.at_next_deadline() ==
        "end command of 1pre, SIGKILL group of 2leave, end command of 3stop, SIGKILL group of 3stop, end command of "
        "4after, end command of 5clear, kill everything");
  CHECK(story.elapsed() == 8s);
  story.dies("2leave", SIGKILL);
  story.group_empties("2leave");
  story.dies("3stop", SIGKILL);
  story.group_empties("3stop");
  CHECK(story.nothing_left() == "exit 137");
}

TEST_CASE("with a budget of 0 everything is killed at once, pre-stop commands too") {
  Story story(plan_of(config_of({service("a", {.pre_stop = commands({"x"})})}, {.stop_timeout = 0s})));
  story.boot();
  CHECK(story.signal(SIGTERM) == "pre-stop 0 of a, sweep");
  CHECK(story.at_next_deadline().find("kill everything") != std::string::npos);
  CHECK(story.elapsed() == 0s);
}
