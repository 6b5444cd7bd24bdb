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

config::Ready by_notify() { return {.when = config::NotifyReady{}}; }
config::Ready by_delay(Duration delay) { return {.when = config::DelayReady{delay}}; }
config::Ready by_probe() { return {.when = config::Probe{config::FileProbe{"/ready"}}, .interval = 1s, .timeout = 3s}; }

// "app" comes after "db", which becomes ready in this way.
Plan app_after_db(config::Service db) {
  return plan_of(config_of({service("app", {.after = {"db"}}), service("db", std::move(db))}));
}

}  // namespace

TEST_CASE("without a condition a service is ready when its program runs, and nothing is said about it") {
  Story story(app_after_db({}));
  CHECK(story.boot() == "spawn db, spawn app");
  CHECK(story.said<notice::Ready>().empty());
}

TEST_CASE("who comes after a service waits until it tells that it is ready") {
  for (const config::Ready& ready : {by_notify(), {.when = config::FdReady{4}}, {.when = config::LogReady{"up"}}}) {
    Story story(app_after_db({.ready = ready}));
    CHECK(story.boot() == "spawn db");
    CHECK(story.is<state::Starting>("db"));
    CHECK(story.after(2s) == "-");
    CHECK(story.tells_ready("db") == "spawn app");
    REQUIRE(story.said<notice::Ready>().size() == 1);
    CHECK(story.said<notice::Ready>()[0].after == 2s);
  }
}

TEST_CASE("to tell twice that one is ready, or unasked, or after the end, changes nothing") {
  Story story(plan_of(config_of({service("a", {.ready = by_notify()}), service("b"),
                                 service("c", {.ready = by_probe()}), service("d", {.ready = by_delay(1s)})})));
  story.boot();
  story.tells_ready("a");
  for (const char* name : {"a", "b", "c", "d"}) CHECK(story.tells_ready(name) == "-");
  CHECK(story.is<state::Running>("a"));
  CHECK(story.is<state::Starting>("c"));
  CHECK(story.is<state::Starting>("d"));
  story.exits("a", 1);
  CHECK(story.tells_ready("a") == "-");
  story.group_empties("a");
  CHECK(story.tells_ready("a") == "-");
}

TEST_CASE("with a delay a service is ready when it has run for so long") {
  Story story(app_after_db({.ready = by_delay(2s)}));
  CHECK(story.boot() == "spawn db");
  CHECK(story.after(2s) == "spawn app");
}

TEST_CASE("readiness is probed at once, and then ever more rarely, at least once in an interval") {
  Story story(app_after_db({.ready = by_probe()}));
  CHECK(story.boot() == "spawn db, probe readiness of db");
  for (const Duration pause : {5ms, 5ms, 10ms, 20ms, 40ms, 80ms, 160ms, 320ms, 640ms, 1000ms, 1000ms}) {
    CHECK(story.probe_fails("db") == "-");
    CHECK(story.next_deadline() == pause);
    CHECK(story.at_next_deadline() == "probe readiness of db");
  }
  CHECK(story.probe_passes("db") == "spawn app");
  CHECK(story.next_deadline() == Duration::max());
}

TEST_CASE("a probe that hangs is ended at its timeout, counts as failed, and is followed by the next") {
  Story story(app_after_db({.ready = by_probe()}));
  story.boot();
  CHECK(story.after(3s) == "end probe of db");
  CHECK(story.is<state::Starting>("db"));
  CHECK(story.after(1s) == "probe readiness of db");
}

TEST_CASE("what a probe says that was ended before is passed over") {
  Story story(app_after_db({.ready = by_probe()}));
  story.boot();
  story.after(3s);
  CHECK(story.probe_passes("db") == "-");
  CHECK(story.is<state::Starting>("db"));
  story.after(1s);
  CHECK(story.late_probe_fails("db") == "-");
  CHECK(story.next_deadline() == 3s);
  CHECK(story.probe_passes("db") == "spawn app");
}

TEST_CASE("a service that is not ready in time is stopped, has failed however it ends, and is started again") {
  Story story(app_after_db({.ready = by_notify(), .start_timeout = 5s}));
  story.boot();
  CHECK(story.after(5s) == "SIGTERM db, SIGCONT group of db");
  REQUIRE(story.said<notice::TimedOut>().size() == 1);
  CHECK(story.said<notice::TimedOut>()[0].waited == 5s);
  story.exits_alone("db", 0);
  CHECK(story.is<state::Backoff>("db"));
  CHECK(story.at_next_deadline() == "spawn db");
  CHECK(story.is<state::Waiting>("app"));
  CHECK(story.tells_ready("db") == "spawn app");
}

TEST_CASE("one that is stopped for not getting ready is killed at its stop timeout") {
  Story story(app_after_db({.ready = by_notify(), .start_timeout = 5s, .stop_timeout = 2s}));
  story.boot();
  story.after(5s);
  CHECK(story.after(2s) == "SIGKILL group of db");
}

TEST_CASE("the notice of a start that took too long says what the last probe said, and the probe is ended") {
  Story story(app_after_db({.ready = by_probe(), .start_timeout = 2s}));
  story.boot();
  story.after(500ms);
  story.probe_fails("db");
  CHECK(story.after(500ms) == "probe readiness of db");
  CHECK(story.after(1s) == "SIGTERM db, SIGCONT group of db, end probe of db");
  REQUIRE(story.said<notice::TimedOut>().size() == 1);
  CHECK(story.said<notice::TimedOut>()[0].detail == "refused");
  CHECK(story.probe_passes("db") == "-");
}

TEST_CASE(
    "with restart no a service that does not get ready has failed for good, and what requires it is not started") {
  Story story(plan_of(config_of(
      {service("app", {.required = {"db"}, .on_failure = EndAction::Ignore}),
       service(
           "db",
           {.ready = by_notify(), .start_timeout = 5s, .restart = RestartPolicy::No, .on_failure = EndAction::Ignore}),
       service("other")})));
  story.boot();
  story.after(5s);
  CHECK(story.exits("db", 0) == "SIGTERM group of db, SIGCONT group of db, watch db");
  CHECK(story.is<state::Failed>("app"));
  story.group_empties("db");
  CHECK(story.is<state::Failed>("db"));
}

TEST_CASE("starts that time out use up the start limit") {
  Story story(plan_of(config_of({service("a", {.ready = by_notify(), .start_timeout = 1s, .start_limit_burst = 2})})));
  story.boot();
  story.after(1s);
  story.exits_alone("a", 0);
  story.at_next_deadline();
  story.after(1s);
  story.exits("a", 0);
  CHECK(story.said<notice::StartLimitHit>().size() == 1);
  story.group_empties("a");
  CHECK(story.nothing_left() == "exit 1");
}

TEST_CASE("a start-timeout of 0 is for ever") {
  Story story(app_after_db({.ready = by_notify(), .start_timeout = 0s}));
  story.boot();
  CHECK(story.next_deadline() == Duration::max());
  CHECK(story.after(2400h) == "-");
  CHECK(story.tells_ready("db") == "spawn app");
}

TEST_CASE("a oneshot that does not finish in time is stopped and started again") {
  Story story(plan_of(config_of({oneshot("a", {.start_timeout = 3s})})));
  story.boot();
  CHECK(story.after(3s) == "SIGTERM a, SIGCONT group of a");
  story.exits_alone("a", 0);
  CHECK(story.is<state::Backoff>("a"));
}

TEST_CASE("a service that asks for more time for its start gets it, but never less than it has") {
  Story story(plan_of(config_of({service("a", {.ready = by_notify(), .start_timeout = 5s})})));
  story.boot();
  story.happens(Notified{.service = story.id_of("a"), .extend_timeout = 1s});
  CHECK(story.next_deadline() == 5s);
  story.after(4s);
  story.happens(Notified{.service = story.id_of("a"), .extend_timeout = 10s});
  CHECK(story.next_deadline() == 10s);
  CHECK(story.at_next_deadline() == "SIGTERM a, SIGCONT group of a");
}

TEST_CASE("more time for its start is more time for its post-start commands, too") {
  Story story(
      plan_of(config_of({service("a", {.ready = by_notify(), .start_timeout = 5s, .post_start = commands({"x"})})})));
  story.boot();
  story.happens(Notified{.service = story.id_of("a"), .extend_timeout = 10s});
  story.after(7s);
  CHECK(story.tells_ready("a") == "post-start 0 of a");
  CHECK(story.next_deadline() == 3s);
}

TEST_CASE("a service that asks for more time for its stop gets it, up to the end of the budget") {
  Story story(plan_of(config_of({service("a", {.stop_timeout = 2s})}, {.stop_timeout = 8s})));
  story.boot();
  story.signal(SIGTERM);
  story.happens(Notified{.service = story.id_of("a"), .extend_timeout = 1h});
  CHECK(story.at_next_deadline() == "sweep");
  CHECK(story.elapsed() == 6s);
  CHECK(story.at_next_deadline() == "SIGKILL group of a, kill everything");
  CHECK(story.elapsed() == 8s);
}

TEST_CASE("one that dies before it is ready has failed to start, and its probe is ended") {
  Story story(app_after_db({.ready = by_probe()}));
  story.boot();
  CHECK(story.exits("db", 3) == "SIGTERM group of db, SIGCONT group of db, watch db, end probe of db");
  CHECK(story.probe_passes("db") == "-");
  CHECK(story.group_empties("db") == "-");
  CHECK(story.at_next_deadline() == "spawn db, probe readiness of db");
  CHECK(story.is<state::Waiting>("app"));
}

TEST_CASE("a stop before it is ready sends the stop signal at once and ends the probe") {
  Story story(app_after_db({.ready = by_probe(), .stop_signal = Signal{SIGQUIT}, .pre_stop = commands({"x"})}));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGQUIT db, SIGCONT group of db, end probe of db");
  CHECK(story.probe_fails("db") == "-");
  CHECK(story.exits_alone("db", 0) == "sweep");
  CHECK(story.is<state::Stopped>("app"));
}

TEST_CASE("one that crashes when it was ready is not waited for again") {
  Story story(plan_of(config_of({service("app", {.after = {"db", "slow"}}), service("db", {.ready = by_notify()}),
                                 service("slow", {.ready = by_notify()})})));
  story.boot();
  story.tells_ready("db");
  story.exits_alone("db", 1);
  CHECK(story.tells_ready("slow") == "spawn app");
}

TEST_CASE("a main command waits until the services are ready") {
  Story story(
      plan_of(config_of({service("a", {.ready = by_notify()}), service("b", {.ready = by_probe()})}), {"main"}));
  story.boot();
  CHECK(story.tells_ready("a") == "-");
  CHECK(story.probe_passes("b") == "spawn main");
}

TEST_CASE("the boot is finished when everything that was wanted is ready or done, and that is said once") {
  Story story(
      plan_of(config_of({service("a", {.ready = by_notify()}), oneshot("b"), service("c", {.autostart = false})})));
  story.boot();
  story.after(1s);
  story.tells_ready("a");
  CHECK(story.said<notice::BootFinished>().empty());
  story.after(1s);
  story.exits("b", 0);
  REQUIRE(story.said<notice::BootFinished>().size() == 1);
  CHECK(story.said<notice::BootFinished>()[0].after == 2s);
  story.exits_alone("a", 1);
  story.at_next_deadline();
  story.tells_ready("a");
  CHECK(story.said<notice::BootFinished>().size() == 1);
}

TEST_CASE("a standstill moves the time of a start, of its probes and of its commands") {
  Story story(
      plan_of(config_of({service("a", {.ready = by_notify(), .start_timeout = 5s, .post_start = commands({"x"})}),
                         service("p", {.ready = by_probe(), .start_timeout = 0s}), service("s", {.stop_timeout = 90s})},
                        {.stop_timeout = 400s})));
  story.boot();
  story.after(2s);
  CHECK(story.stands_still(60s) == "-");
  CHECK(story.next_deadline() == 1s);
  CHECK(story.at_next_deadline() == "end probe of p");
  story.probe_passes("p");
  CHECK(story.tells_ready("a") == "post-start 0 of a");
  story.stands_still(60s);
  CHECK(story.next_deadline() == 1s);
  CHECK(story.at_next_deadline() == "probe readiness of p");
  story.probe_passes("p");
  CHECK(story.next_deadline() == 1s);
  CHECK(story.at_next_deadline() == "end command of a, SIGTERM a, SIGCONT group of a");
}

TEST_CASE("a standstill does not move the SIGKILL of a stop") {
  Story story(plan_of(config_of({service("s", {.stop_timeout = 90s})}, {.stop_timeout = 400s})));
  story.boot();
  story.signal(SIGTERM);
  story.stands_still(60s);
  CHECK(story.next_deadline() == 30s);
}

TEST_CASE("a program that cannot be run does not get ready, and fails for good") {
  Story story(app_after_db({.ready = by_probe(), .on_failure = EndAction::Ignore}));
  story.refuse("db", kNoSuchProgram);
  CHECK(story.boot() == "spawn db, spawn app");
  CHECK(story.is<state::Failed>("db"));
}
