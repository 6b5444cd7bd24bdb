// A start takes its time, and may hang between clone and exec.
#include <doctest/doctest.h>

#include <csignal>

#include "story.hpp"

using namespace cinit;
using namespace cinit::core;
using namespace std::chrono_literals;

namespace {

const StartFailure kNoSuchProgram{StartStage::Exec, ENOENT, "/bin/a", false};

}  // namespace

TEST_CASE("a service is up when its program runs, and its dependents start then") {
  Story story(plan_of(config_of({service("app", {.required = {"db"}}), service("db")})));
  story.hold_up("db");
  CHECK(story.boot() == "spawn db");
  CHECK(story.after(5s) == "-");
  CHECK(story.runs("db") == "spawn app");
}

TEST_CASE("a start that fails late fails as one that fails at once") {
  Story story(plan_of(config_of({service("a")})));
  story.hold_up("a");
  story.boot();
  story.after(2s);
  CHECK(story.cannot_start("a", kNoSuchProgram) == "sweep");
  CHECK(story.nothing_left() == "exit 127");
}

TEST_CASE("a start that hangs is cancelled, and tried again with back-off, however often that happens") {
  Story story(plan_of(config_of({service("a", {.start_limit_burst = 2})})));
  story.hold_up("a");
  CHECK(story.boot() == "spawn a");
  for (int i = 0; i < 5; ++i) {
    CHECK(story.next_deadline() == kLaunchTimeout);
    CHECK(story.at_next_deadline() == "cancel a");
    CHECK(story.at_next_deadline() == "spawn a");
  }
  CHECK(story.said<notice::StartPostponed>().size() == 5);
  CHECK(story.runs("a") == "-");
  CHECK(story.is<state::Running>("a"));
}

TEST_CASE("one that is to be stopped before its program runs gets its stop signal when that runs") {
  Story story(plan_of(config_of({service("a"), service("b")})));
  story.hold_up("a");
  story.boot();
  CHECK(story.requests(Requested::What::Stop, "a") == "-");
  CHECK(story.after(500ms) == "-");
  CHECK(story.runs("a") == "SIGTERM a, SIGCONT group of a");
}

TEST_CASE("a start that hangs holds up a stop for a second at most, and leaves no failure") {
  Story story(plan_of(config_of({service("app", {.required = {"db"}}), service("db")})));
  story.hold_up("app");
  story.boot();
  CHECK(story.signal(SIGTERM) == "-");
  CHECK(story.next_deadline() == kLaunchTimeoutOfStop);
  CHECK(story.at_next_deadline() == "cancel app, SIGTERM db, SIGCONT group of db");
  CHECK(story.exits("db", 0) == "SIGTERM group of db, SIGCONT group of db, watch db");
  CHECK(story.group_empties("db") == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("one that has less time for its stop than that is cancelled when it is over") {
  Story story(plan_of(config_of({service("a", {.stop_timeout = 300ms}), service("b")})));
  story.hold_up("a");
  story.boot();
  story.requests(Requested::What::Stop, "a");
  CHECK(story.next_deadline() == 300ms);
  CHECK(story.at_next_deadline() == "cancel a");
  CHECK(story.is<state::Stopped>("a"));
}

TEST_CASE("a second stop signal waits for no program") {
  Story story(plan_of(config_of({service("a")})));
  story.hold_up("a");
  story.boot();
  CHECK(story.signal(SIGTERM) == "-");
  CHECK(story.signal(SIGTERM) == "cancel a, sweep again, sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("the end of the budget cancels what has not begun") {
  Story story(plan_of(config_of({service("a")}, {.stop_timeout = 600ms})));
  story.hold_up("a");
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.at_next_deadline() == "sweep");
  CHECK(story.at_next_deadline() == "cancel a, kill everything");
}

TEST_CASE("signals wait for the program of the main command") {
  Story story(plan_of(config_of({}), {"main"}));
  story.hold_up("main");
  CHECK(story.boot() == "spawn main");
  CHECK(story.signal(SIGUSR1) == "-");
  CHECK(story.signal(SIGUSR2) == "-");
  CHECK(story.runs("main") == "SIGUSR1 main, SIGUSR2 main");
}

TEST_CASE("time that stood still is no time for a start to hang") {
  Story story(plan_of(config_of({service("a")})));
  story.hold_up("a");
  story.boot();
  story.stands_still(20s);
  CHECK(story.next_deadline() == kLaunchTimeout);
  CHECK(story.requests(Requested::What::Stop, "a") == "-");
  CHECK(story.stands_still(10s) == "-");
  CHECK(story.next_deadline() <= kLaunchTimeoutOfStop);
}

TEST_CASE("a start that hangs has failed at its start-timeout, as one that never gets ready") {
  Story story(plan_of(config_of({service("a", {.start_timeout = 2s, .start_limit_burst = 2}), service("b")})));
  story.hold_up("a");
  story.boot();
  CHECK(story.after(2s) == "cancel a");
  REQUIRE(story.said<notice::TimedOut>().size() == 1);
  CHECK(story.said<notice::Restarting>().size() == 1);
  CHECK(story.at_next_deadline() == "spawn a");
  CHECK(story.after(2s) == "cancel a, SIGTERM b, SIGCONT group of b");
  CHECK(story.is<state::Failed>("a"));
  CHECK(story.said<notice::StartLimitHit>().size() == 1);
  story.exits_alone("b", 0);
  CHECK(story.nothing_left() == "exit 1");
}

TEST_CASE("a hook of the boot that hangs before its program begins has no more than its time") {
  Story story(plan_of(with_hooks(config_of({service("a")}), {.pre_start = commands({"h"}), .timeout = 3s})));
  story.hold_up("pre-start h");
  CHECK(story.boot() == "spawn pre-start h");
  CHECK(story.after(3s) == "cancel pre-start h, sweep");
  CHECK(story.nothing_left() == "exit 1");
}

TEST_CASE("a start that is asked for again has all of its time, and not that of a stop") {
  Story story(plan_of(config_of({service("a")})));
  story.hold_up("a");
  story.boot();
  story.requests(Requested::What::Stop, "a");
  CHECK(story.next_deadline() == kLaunchTimeoutOfStop);
  CHECK(story.requests(Requested::What::Start, "a") == "-");
  CHECK(story.next_deadline() == kLaunchTimeout);
}

TEST_CASE("the time that a start takes is no time in which the service ran") {
  Story story(plan_of(config_of({service("a"), service("b")})));
  story.hold_up("a");
  story.boot();
  story.after(20s);
  story.runs("a");
  story.after(3s);
  story.exits("a", 1);
  REQUIRE(story.said<notice::Exited>().size() == 1);
  CHECK(story.said<notice::Exited>()[0].ran == 3s);
}
