// The code with which the container ends, rule by rule.
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

const StartFailure kNotFound{StartStage::Exec, ENOENT, "/bin/a", false};
const StartFailure kNotExecutable{StartStage::Exec, EACCES, "/bin/a", false};
const StartFailure kNoSuchUser{StartStage::Prepare, 0, "www", false};

// What has not ended yet ends with code 0 on its stop, in any order.
std::string finish(Story& story, const std::vector<std::string>& alive) {
  for (const std::string& name : alive) story.exits_alone(name, 0);
  return story.nothing_left();
}

std::string refused(const StartFailure& failure) {
  Story story(plan_of(config_of({}), {"main"}));
  story.refuse("main", failure);
  story.boot();
  return story.nothing_left();
}

}  // namespace

TEST_CASE("the container ends with the main command's code, or 128 plus the number of its signal") {
  Story exited(plan_of(config_of({service("db")}), {"main"}));
  exited.boot();
  exited.exits_alone("main", 42);
  CHECK(finish(exited, {"db"}) == "exit 42");

  Story killed(plan_of(config_of({}), {"main"}));
  killed.boot();
  killed.dies("main", SIGSEGV);
  CHECK(killed.nothing_left() == "exit 139");
}

TEST_CASE("a main command that cannot be executed is 127 when it is not there, and else 126") {
  CHECK(refused(kNotFound) == "exit 127");
  CHECK(refused(kNotExecutable) == "exit 126");
  CHECK(refused(kNoSuchUser) == "exit 126");
}

TEST_CASE("ENOENT of another step than exec is not a missing program") {
  CHECK(refused({StartStage::WorkingDir, ENOENT, "/srv", false}) == "exit 126");
}

TEST_CASE("a stop signal with a main command ends with its code") {
  Story story(plan_of(config_of({}), {"main"}));
  story.boot();
  story.signal(SIGTERM);
  story.dies("main", SIGTERM);
  CHECK(story.nothing_left() == "exit 143");
}

TEST_CASE("a stop signal before the main command was started is no success") {
  Story story(plan_of(config_of({oneshot("migrate")}), {"main"}));
  story.boot();
  story.signal(SIGTERM);
  CHECK(finish(story, {"migrate"}) == "exit 143");
}

TEST_CASE("a main command that not even SIGKILL ended is 137") {
  Story story(plan_of(config_of({}, {.stop_timeout = 1s}), {"main"}));
  story.boot();
  for (int i = 0; i < 3; ++i) story.signal(SIGTERM);
  CHECK(story.after(500ms) == "abandon 137");
}

TEST_CASE("a service with on-failure shutdown ends the container with its code") {
  Story story(plan_of(config_of({service("a", {.restart = RestartPolicy::No}), service("b")})));
  story.boot();
  story.exits_alone("a", 9);
  CHECK(finish(story, {"b"}) == "exit 9");
}

TEST_CASE("a service with on-failure shutdown ends the container with its code, not the main command's") {
  Story story(plan_of(config_of({service("a", {.restart = RestartPolicy::No})}), {"main"}));
  story.boot();
  CHECK(story.exits("a", 9) == "SIGTERM group of a, SIGCONT group of a, watch a, SIGTERM main");
  story.group_empties("a");
  CHECK(finish(story, {"main"}) == "exit 9");
}

TEST_CASE("a service with on-success shutdown ends the container with its code") {
  config::SuccessExitStatus success;
  success.codes = {0, 3};
  Story story(plan_of(
      config_of({service("a", {.success_exit_status = success, .on_success = EndAction::Shutdown}), service("b")})));
  story.boot();
  story.exits_alone("a", 3);
  CHECK(finish(story, {"b"}) == "exit 3");
}

TEST_CASE("a service that failed for good is never a 0, even when its last run succeeded") {
  Story story(
      plan_of(config_of({service("a", {.restart = RestartPolicy::Always, .start_limit_burst = 1}), service("b")})));
  story.boot();
  story.exits_alone("a", 0);
  CHECK(finish(story, {"b"}) == "exit 1");
}

TEST_CASE("when every service has ended the code is 0") {
  Story story(plan_of(config_of({service("a"), oneshot("b")})));
  story.boot();
  story.exits_alone("a", 0);
  CHECK(story.exits("b", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("when every service has ended the code is that of the first that failed") {
  const config::Service may_fail{.restart = RestartPolicy::No, .on_failure = EndAction::Ignore};
  Story story(plan_of(config_of({service("a", may_fail), service("b", may_fail), service("c")})));
  story.boot();
  story.exits_alone("b", 4);
  story.exits_alone("a", 5);
  CHECK(finish(story, {"c"}) == "exit 4");
}

TEST_CASE("every service has ended only when nothing is left of the last one's group") {
  Story story(plan_of(config_of({service("a")})));
  story.boot();
  CHECK(story.exits("a", 0) == "SIGTERM group of a, SIGCONT group of a, watch a");
  CHECK(story.group_empties("a") == "sweep");
}

TEST_CASE("a stop signal without a main command is 0 when the services ended by themselves") {
  Story story(plan_of(config_of({service("a"), service("b")})));
  story.boot();
  story.signal(SIGTERM);
  story.dies("a", SIGTERM);
  story.group_empties("a");
  story.exits_alone("b", 77);
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a stop signal is 137 when a service needed SIGKILL") {
  Story story(plan_of(config_of({service("a", {.stop_timeout = 1s}), service("b")})));
  story.boot();
  story.signal(SIGTERM);
  story.after(1s);
  story.dies("a", SIGKILL);
  story.group_empties("a");
  CHECK(finish(story, {"b"}) == "exit 137");
}

TEST_CASE("a stop signal is 0 although a service that had hung before the stop needed SIGKILL for its restart") {
  const config::Ready never{.when = config::LogReady{"ready"}};
  Story story(plan_of(config_of({service("a", {.ready = never, .start_timeout = 10s, .stop_timeout = 1s})})));
  story.boot();
  story.after(10s);
  REQUIRE(story.after(1s) == "SIGKILL group of a");
  story.dies("a", SIGKILL);
  story.group_empties("a");
  REQUIRE(story.at_next_deadline() == "spawn a");
  story.signal(SIGTERM);
  CHECK(finish(story, {"a"}) == "exit 0");
}

TEST_CASE("a service that had ended when its SIGKILL came did not need it") {
  Story story(plan_of(config_of({service("a", {.stop_timeout = 1s})})));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.after(1s) == "SIGKILL group of a");
  CHECK(finish(story, {"a"}) == "exit 0");
}

TEST_CASE("exit-code-from wins over what caused the stop") {
  Story stopped(plan_of(config_of({service("a"), service("b")}, {.exit_code_from = "b"})));
  stopped.boot();
  stopped.signal(SIGTERM);
  stopped.exits_alone("a", 0);
  stopped.exits_alone("b", 5);
  CHECK(stopped.nothing_left() == "exit 5");

  Story main_ended(plan_of(config_of({service("b")}, {.exit_code_from = "b"}), {"main"}));
  main_ended.boot();
  main_ended.exits_alone("main", 3);
  main_ended.exits_alone("b", 6);
  CHECK(main_ended.nothing_left() == "exit 6");
}

TEST_CASE("exit-code-from does not end the container") {
  Story story(plan_of(config_of({service("a"), service("b")}, {.exit_code_from = "b"})));
  story.boot();
  story.exits_alone("b", 0);
  CHECK(story.said<notice::ShutdownBegun>().empty());
}

TEST_CASE("exit-code-from a service that was not started because of a requirement is not 0") {
  Story story(plan_of(config_of(
      {service("a", {.required = {"b"}}),
       service("b", {.restart = RestartPolicy::Always, .start_limit_burst = 1, .on_failure = EndAction::Ignore}),
       oneshot("c", {.before = {"a"}})},
      {.exit_code_from = "a"})));
  story.boot();
  story.exits_alone("b", 0);
  story.exits("c", 0);
  CHECK(story.nothing_left() == "exit 1");
}

TEST_CASE("the code that cinit's own signal makes of a service that never got ready is 1") {
  const config::Ready never{.when = config::LogReady{"ready"}};
  const config::Service a =
      service("a", {.ready = never, .start_timeout = 1s, .restart = RestartPolicy::No, .stop_timeout = 1s});
  Story asked(plan_of(config_of({a})));
  asked.boot();
  CHECK(asked.after(1s) == "SIGTERM a, SIGCONT group of a");
  asked.dies("a", SIGTERM);
  asked.group_empties("a");
  CHECK(asked.nothing_left() == "exit 1");

  Story killed(plan_of(config_of({a})));
  killed.boot();
  killed.after(1s);
  CHECK(killed.after(1s) == "SIGKILL group of a");
  killed.dies("a", SIGKILL);
  killed.group_empties("a");
  CHECK(killed.nothing_left() == "exit 1");
}

TEST_CASE("the code that a service that never got ready says itself is told") {
  const config::Ready never{.when = config::LogReady{"ready"}};
  Story exited(plan_of(config_of({service("a", {.ready = never, .start_timeout = 1s, .restart = RestartPolicy::No})})));
  exited.boot();
  exited.after(1s);
  exited.exits_alone("a", 7);
  CHECK(exited.nothing_left() == "exit 7");

  Story crashed(
      plan_of(config_of({service("a", {.ready = never, .start_timeout = 1s, .restart = RestartPolicy::No})})));
  crashed.boot();
  crashed.after(1s);
  crashed.dies("a", SIGSEGV);
  crashed.group_empties("a");
  CHECK(crashed.nothing_left() == "exit 139");
}

TEST_CASE("exit-code-from a service whose start has taken too long is 1") {
  config::Service a =
      service("a", {.start_timeout = 1s, .restart = RestartPolicy::No, .on_failure = EndAction::Ignore});
  a.pre_start = {{"prepare"}};
  Story story(plan_of(config_of({a, service("b")}, {.exit_code_from = "a"})));
  story.boot();
  story.after(1s);
  story.command_exits("a", 0);
  REQUIRE(story.is<state::Failed>("a"));
  story.signal(SIGTERM);
  CHECK(finish(story, {"b"}) == "exit 1");
}
