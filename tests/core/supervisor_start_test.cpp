#include <doctest/doctest.h>

#include <csignal>

#include "story.hpp"

using namespace cinit;
using namespace cinit::core;
using namespace std::chrono_literals;
using config::EndAction;
using config::RestartPolicy;

namespace {

const StartFailure kNoSuchProgram{StartStage::Exec, ENOENT, "/bin/a", false};
const StartFailure kNoProcessSlot{StartStage::Fork, EAGAIN, "", true};

}  // namespace

TEST_CASE("services without an order are started at once") {
  Story story(plan_of(config_of({service("a"), service("b"), service("c")})));
  CHECK(story.boot() == "spawn a, spawn b, spawn c");
  CHECK(story.is<state::Running>("a"));
  CHECK(story.next_deadline() == Duration::max());
}

TEST_CASE("a service is started when what it comes after is ready") {
  Story story(plan_of(config_of({service("app", {.after = {"db"}}), service("db")})));
  CHECK(story.boot() == "spawn db, spawn app");
}

TEST_CASE("a oneshot holds its dependents back until it is done") {
  Story story(plan_of(config_of({service("app", {.after = {"migrate"}}), oneshot("migrate")})));
  CHECK(story.boot() == "spawn migrate");
  CHECK(story.exits("migrate", 0) == "spawn app");
  CHECK(story.is<state::Done>("migrate"));
  CHECK(story.said<notice::Done>().size() == 1);
}

TEST_CASE("what a finished oneshot leaves in the background is left alone") {
  Story story(plan_of(config_of({service("app"), oneshot("setup")})));
  story.boot();
  CHECK(story.exits("setup", 0) == "-");
  CHECK(story.is<state::Done>("setup"));
}

TEST_CASE("a oneshot that failed and is tried again still holds its dependents back") {
  Story story(plan_of(config_of({service("app", {.after = {"migrate"}}), oneshot("migrate")})));
  story.boot();
  CHECK(story.exits("migrate", 1) == "SIGTERM group of migrate, SIGCONT group of migrate, watch migrate");
  CHECK(story.group_empties("migrate") == "-");
  CHECK(story.at_next_deadline() == "spawn migrate");
  CHECK(story.exits("migrate", 0) == "spawn app");
}

TEST_CASE("after waits for an end as well: a failure settles") {
  Story story(
      plan_of(config_of({service("app", {.after = {"migrate"}}),
                         oneshot("migrate", {.restart = RestartPolicy::No, .on_failure = EndAction::Ignore})})));
  story.boot();
  story.exits("migrate", 1);
  CHECK(story.is<state::Running>("app"));
}

TEST_CASE("everything that a service waits for must be settled, in any order") {
  Story story(plan_of(config_of({service("app", {.after = {"a", "b"}}), oneshot("a"), oneshot("b")})));
  CHECK(story.boot() == "spawn a, spawn b");
  CHECK(story.exits("b", 0) == "-");
  CHECK(story.exits("a", 0) == "spawn app");
}

TEST_CASE("an order is no request: what is not wanted is not waited for") {
  Story story(plan_of(config_of({service("app", {.after = {"debug"}}), service("debug", {.autostart = false})})));
  CHECK(story.boot() == "spawn app");
  CHECK(story.is<state::Idle>("debug"));
}

TEST_CASE("a service is not started when one that it requires has failed for good") {
  Story story(plan_of(config_of({service("app", {.required = {"migrate"}, .on_failure = EndAction::Ignore}),
                                 oneshot("migrate", {.restart = RestartPolicy::No, .on_failure = EndAction::Ignore}),
                                 service("other")})));
  CHECK(story.boot() == "spawn migrate, spawn other");
  CHECK(story.exits("migrate", 3) == "SIGTERM group of migrate, SIGCONT group of migrate, watch migrate");
  CHECK(story.is<state::Failed>("app"));
  REQUIRE(story.said<notice::RequirementFailed>().size() == 1);
  CHECK(story.said<notice::RequirementFailed>()[0].required == story.id_of("migrate"));
}

TEST_CASE("a failed requirement passes through those that require it") {
  Story story(plan_of(config_of({service("a", {.required = {"b"}, .on_failure = EndAction::Ignore}),
                                 service("b", {.required = {"c"}, .on_failure = EndAction::Ignore}),
                                 service("c", {.on_failure = EndAction::Ignore}), service("other")})));
  story.refuse("c", kNoSuchProgram);
  CHECK(story.boot() == "spawn c, spawn other");
  CHECK(story.is<state::Failed>("a"));
  CHECK(story.is<state::Failed>("b"));
}

TEST_CASE("a requirement that fails while another dependency still starts is found when that one is ready") {
  Story story(
      plan_of(config_of({service("app", {.after = {"slow"}, .required = {"c"}, .on_failure = EndAction::Ignore}),
                         service("c", {.on_failure = EndAction::Ignore}), oneshot("slow"), service("other")})));
  story.refuse("c", kNoSuchProgram);
  CHECK(story.boot() == "spawn c, spawn slow, spawn other");
  CHECK(story.is<state::Waiting>("app"));
  CHECK(story.exits("slow", 0) == "-");
  CHECK(story.is<state::Failed>("app"));
}

TEST_CASE("a requirement that has ended successfully has not failed") {
  Story story(
      plan_of(config_of({service("app", {.after = {"slow"}, .required = {"c"}}), service("c"), oneshot("slow")})));
  story.boot();
  story.exits_alone("c", 0);
  CHECK(story.is<state::Done>("c"));
  CHECK(story.exits("slow", 0) == "spawn app");
}

TEST_CASE("a program that cannot be executed has failed for good") {
  Story story(plan_of(config_of({service("a", {.on_failure = EndAction::Ignore}), service("b")})));
  story.refuse("a", kNoSuchProgram);
  CHECK(story.boot() == "spawn a, spawn b");
  CHECK(story.is<state::Failed>("a"));
  CHECK(story.said<notice::StartFailed>().size() == 1);
  CHECK(story.next_deadline() == Duration::max());
}

TEST_CASE("a start that fails for want of a process slot is tried again with longer and longer delays") {
  Story story(plan_of(config_of({service("a")})));
  story.refuse("a", kNoProcessSlot);
  story.boot();
  for (const Duration nominal : {200ms, 400ms, 800ms}) {
    CHECK(story.next_deadline() >= nominal);
    CHECK(story.next_deadline() <= nominal * 11 / 10);
    CHECK(story.at_next_deadline() == "spawn a");
  }
  story.allow("a");
  CHECK(story.at_next_deadline() == "spawn a");
  CHECK(story.is<state::Running>("a"));
}

TEST_CASE("starts that failed for want of a process slot are outside the start limit") {
  Story story(plan_of(config_of({service("a", {.start_limit_burst = 1})})));
  story.refuse("a", kNoProcessSlot);
  story.boot();
  for (int i = 0; i < 5; ++i) story.at_next_deadline();
  CHECK_FALSE(story.is<state::Failed>("a"));
  story.allow("a");
  story.at_next_deadline();
  CHECK(story.is<state::Running>("a"));
}

TEST_CASE("without a restart delay a missing process slot is still waited for, not polled") {
  Story story(plan_of(config_of({service("a", {.restart_delay = 0s})})));
  story.refuse("a", kNoProcessSlot);
  story.boot();
  CHECK(story.next_deadline() >= 10ms);
}

TEST_CASE("the main command is started when all services are ready") {
  Story story(plan_of(config_of({oneshot("migrate"), service("web", {.after = {"migrate"}})}), {"main"}));
  CHECK(story.boot() == "spawn migrate");
  CHECK(story.exits("migrate", 0) == "spawn web, spawn main");
}

TEST_CASE("the main command is started even when a service has failed that may") {
  Story story(plan_of(config_of({service("a", {.on_failure = EndAction::Ignore})}), {"main"}));
  story.refuse("a", kNoSuchProgram);
  CHECK(story.boot() == "spawn a, spawn main");
}

TEST_CASE("signals that come before the main command runs wait for it, in their order") {
  Story story(plan_of(config_of({oneshot("migrate")}), {"main"}));
  story.boot();
  CHECK(story.signal(SIGUSR1) == "-");
  CHECK(story.signal(SIGHUP) == "-");
  CHECK(story.exits("migrate", 0) == "spawn main, SIGUSR1 main, SIGHUP main");
  CHECK(story.signal(SIGUSR2) == "SIGUSR2 main");
}

TEST_CASE("signals also wait for a main command that waits for a process slot") {
  Story story(plan_of(config_of({}), {"main"}));
  story.refuse("main", kNoProcessSlot);
  story.boot();
  CHECK(story.signal(SIGUSR1) == "-");
  story.allow("main");
  CHECK(story.at_next_deadline() == "spawn main, SIGUSR1 main");
}

TEST_CASE("a stop signal before the main command runs stops what runs, and nothing further starts") {
  Story story(plan_of(config_of({oneshot("migrate")}), {"main"}));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM migrate, SIGCONT group of migrate");
  CHECK(story.is<state::Stopped>("main"));
  CHECK(story.exits("migrate", 0) == "SIGTERM group of migrate, SIGCONT group of migrate, watch migrate");
  CHECK(story.group_empties("migrate") == "sweep");
}

TEST_CASE("a job control stop of the main command is left alone") {
  Story story(plan_of(config_of({}), {"main"}));
  story.boot();
  CHECK(story.suspends(SIGTSTP) == "-");
  CHECK(story.said<notice::MainSuspended>().size() == 1);
  CHECK(story.next_deadline() == Duration::max());
}

TEST_CASE("a reload or an unknown signal without a main command does nothing but say so") {
  Story story(plan_of(config_of({service("a")})));
  story.boot();
  CHECK(story.signal(SIGUSR1) == "-");
  CHECK(story.said<notice::SignalIgnored>().size() == 1);
}
