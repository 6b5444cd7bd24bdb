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

const StartFailure kNoSuchProgram{StartStage::Exec, ENOENT, "/bin/a", false};
const StartFailure kNoProcessSlot{StartStage::Fork, EAGAIN, "", true};

}  // namespace

TEST_CASE("a crashed service is started again after its delay, once its group is empty") {
  Story story(plan_of(config_of({service("a")})));
  story.boot();
  CHECK(story.dies("a", SIGSEGV) == "SIGTERM group of a, SIGCONT group of a, watch a");
  CHECK(story.group_empties("a") == "-");
  CHECK(story.next_deadline() >= 200ms);
  CHECK(story.next_deadline() <= 220ms);
  CHECK(story.at_next_deadline() == "spawn a");
}

TEST_CASE("the delay runs from the crash: when the group takes longer, the restart follows at once") {
  Story story(plan_of(config_of({service("a")})));
  story.boot();
  story.exits("a", 1);
  story.after(1s);
  CHECK(story.is<state::StoppingRest>("a"));
  CHECK(story.group_empties("a") == "-");
  CHECK(story.next_deadline() <= 0s);
}

TEST_CASE("what stays in the group of a crashed service gets SIGKILL at the service's stop timeout") {
  Story story(plan_of(config_of({service("a", {.stop_timeout = 3s})})));
  story.boot();
  story.exits("a", 1);
  CHECK(story.after(3s) == "SIGKILL group of a");
  REQUIRE(story.said<notice::Killing>().size() == 1);
  CHECK_FALSE(story.said<notice::Killing>()[0].main_process);
  CHECK(story.said<notice::Killing>()[0].waited == 3s);
  CHECK(story.next_deadline() == kAbandonTime);
  story.group_empties("a");
  CHECK(story.is<state::Backoff>("a"));
}

TEST_CASE("without a stop timeout the rest of a group has as long as the whole stop would take") {
  Story story(plan_of(config_of({service("a")}, {.stop_timeout = 4s})));
  story.boot();
  story.exits("a", 1);
  CHECK(story.after(4s) == "SIGKILL group of a");
}

TEST_CASE("with kill-mode process the rest of the group is left alone and the restart does not wait for it") {
  Story story(plan_of(config_of({service("a", {.kill_mode = KillMode::Process})})));
  story.boot();
  CHECK(story.exits("a", 1) == "-");
  CHECK(story.is<state::Backoff>("a"));
}

TEST_CASE("with restart on-failure a success is the end") {
  Story story(plan_of(config_of({service("a"), service("b")})));
  story.boot();
  story.exits_alone("a", 0);
  CHECK(story.is<state::Done>("a"));
}

TEST_CASE("with restart always a success is followed by a restart") {
  Story story(plan_of(config_of({service("a", {.restart = RestartPolicy::Always})})));
  story.boot();
  story.exits_alone("a", 0);
  CHECK(story.is<state::Backoff>("a"));
}

TEST_CASE("with restart no a crash is a failure for good") {
  Story story(plan_of(
      config_of({service("a", {.restart = RestartPolicy::No, .on_failure = EndAction::Ignore}), service("b")})));
  story.boot();
  story.exits_alone("a", 1);
  CHECK(story.is<state::Failed>("a"));
}

TEST_CASE("codes and signals can be declared a success") {
  config::SuccessExitStatus success;
  success.codes = {0, 3};
  success.signals = {Signal{SIGUSR1}};
  Story story(
      plan_of(config_of({service("a", {.success_exit_status = success}), service("b", {.success_exit_status = success}),
                         service("c", {.success_exit_status = success}), service("d")})));
  story.boot();
  story.exits_alone("a", 3);
  CHECK(story.is<state::Done>("a"));
  story.dies("b", SIGUSR1);
  story.group_empties("b");
  CHECK(story.is<state::Done>("b"));
  story.dies("c", SIGTERM);
  story.group_empties("c");
  CHECK(story.is<state::Backoff>("c"));
}

TEST_CASE("delays double with each crash and start over after a long run") {
  Story story(plan_of(config_of({service("a", {.restart_delay = 100ms, .restart_max_delay = 1s})})));
  story.boot();
  for (const Duration nominal : {100ms, 200ms, 400ms}) {
    story.exits_alone("a", 1);
    CHECK(story.next_deadline() >= nominal);
    CHECK(story.next_deadline() <= nominal * 11 / 10);
    story.at_next_deadline();
  }
  story.after(1s);
  story.exits_alone("a", 1);
  CHECK(story.next_deadline() <= 110ms);
}

TEST_CASE("a service that was started as often as its limit allows fails for good when one more start would be due") {
  Story story(
      plan_of(config_of({service("a", {.start_limit_burst = 3, .on_failure = EndAction::Ignore}), service("b")})));
  story.boot();
  for (int i = 0; i < 2; ++i) {
    story.exits_alone("a", 1);
    CHECK(story.at_next_deadline() == "spawn a");
  }
  CHECK(story.exits("a", 1) == "SIGTERM group of a, SIGCONT group of a, watch a");
  CHECK(story.said<notice::StartLimitHit>().size() == 1);
  story.group_empties("a");
  CHECK(story.is<state::Failed>("a"));
}

TEST_CASE("the notice of a restart says which start of how many it will be") {
  Story story(plan_of(config_of({service("a")})));
  story.boot();
  story.exits("a", 1);
  REQUIRE(story.said<notice::Exited>().size() == 1);
  const auto restart = story.said<notice::Exited>()[0].restart;
  REQUIRE(restart);
  CHECK(restart->start == 2);
  CHECK(restart->burst == 10);
  story.group_empties("a");
  CHECK(restart->delay == story.next_deadline());
}

TEST_CASE("a service stays up when one that it requires crashes and restarts") {
  Story story(plan_of(config_of({service("app", {.required = {"db"}}), service("db")})));
  story.boot();
  story.exits_alone("db", 1);
  CHECK(story.is<state::Running>("app"));
  CHECK(story.at_next_deadline() == "spawn db");
  CHECK(story.is<state::Running>("app"));
}

TEST_CASE("a service is not started again when one that it requires has failed for good meanwhile") {
  Story story(plan_of(
      config_of({service("app", {.required = {"db"}, .on_failure = EndAction::Ignore}),
                 service("db", {.restart = RestartPolicy::No, .on_failure = EndAction::Ignore}), service("other")})));
  story.boot();
  story.exits_alone("db", 1);
  CHECK(story.is<state::Running>("app"));
  story.exits_alone("app", 1);
  CHECK(story.at_next_deadline() == "-");
  CHECK(story.is<state::Failed>("app"));
  CHECK(story.said<notice::RequirementFailed>().size() == 1);
}

TEST_CASE("a program that has vanished before its restart ends the restarts") {
  Story story(plan_of(config_of({service("a", {.on_failure = EndAction::Ignore}), service("b")})));
  story.boot();
  story.exits_alone("a", 1);
  story.refuse("a", kNoSuchProgram);
  CHECK(story.at_next_deadline() == "spawn a");
  CHECK(story.is<state::Failed>("a"));
}

TEST_CASE("a restart that lacks a process slot is tried again and does not use up the start limit") {
  Story story(plan_of(config_of({service("a", {.start_limit_burst = 3})})));
  story.boot();
  story.exits_alone("a", 1);
  story.refuse("a", kNoProcessSlot);
  for (int i = 0; i < 4; ++i) story.at_next_deadline();
  story.allow("a");
  story.at_next_deadline();
  CHECK(story.is<state::Running>("a"));
  story.exits_alone("a", 1);
  CHECK(story.is<state::Backoff>("a"));
}
