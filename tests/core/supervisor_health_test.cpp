#include <doctest/doctest.h>

#include <csignal>

#include "story.hpp"

using namespace cinit;
using namespace cinit::core;
using namespace std::chrono_literals;
using config::EndAction;
using config::HealthAction;
using config::RestartPolicy;

namespace {

config::Health by_probe(config::Health health = {}) {
  health.check = config::Probe{config::FileProbe{"/healthy"}};
  return health;
}

config::Health by_watchdog(Duration within, config::Health health = {}) {
  health.check = config::Watchdog{within};
  return health;
}

Plan plan_with(config::Health health, config::Service spec = {}) {
  spec.health = std::move(health);
  return plan_of(config_of({service("a", std::move(spec)), service("b")}));
}

// Checks it once and lets it fail.
std::string fails_next_check(Story& story) {
  story.at_next_deadline();
  return story.probe_fails("a");
}

std::string says(Story& story, Notified what) {
  what.service = story.id_of("a");
  return story.happens(what);
}

}  // namespace

TEST_CASE("health is checked an interval after the start, and an interval after each check") {
  Story story(plan_with(by_probe()));
  CHECK(story.boot() == "spawn a, spawn b");
  CHECK(story.after(10s) == "probe health of a");
  CHECK(story.after(2s) == "-");
  CHECK(story.probe_passes("a") == "-");
  CHECK(story.next_deadline() == 10s);
  CHECK(story.at_next_deadline() == "probe health of a");
}

TEST_CASE("a service that fails as many checks in a row as it may is stopped and started again after its delay") {
  Story story(plan_with(by_probe(), {.stop_signal = Signal{SIGQUIT}}));
  story.boot();
  CHECK(fails_next_check(story) == "-");
  CHECK(fails_next_check(story) == "-");
  CHECK(fails_next_check(story) == "SIGQUIT a, SIGCONT group of a");
  CHECK(story.said<notice::HealthCheckFailed>().size() == 3);
  CHECK(story.said<notice::HealthCheckFailed>()[2].failures == 3);
  CHECK(story.said<notice::Unhealthy>().size() == 1);
  story.exits_alone("a", 0);
  CHECK(story.is<state::Backoff>("a"));
  CHECK(story.next_deadline() >= 200ms);
  CHECK(story.at_next_deadline() == "spawn a");
  CHECK(story.next_deadline() == 10s);
}

TEST_CASE("with retries 1 the first failure is one too many") {
  Story story(plan_with(by_probe({.retries = 1})));
  story.boot();
  CHECK(fails_next_check(story) == "SIGTERM a, SIGCONT group of a");
}

TEST_CASE("a check that passes makes an end of the failures before") {
  Story story(plan_with(by_probe({.retries = 2})));
  story.boot();
  fails_next_check(story);
  story.at_next_deadline();
  story.probe_passes("a");
  CHECK(fails_next_check(story) == "-");
  CHECK(fails_next_check(story) == "SIGTERM a, SIGCONT group of a");
}

TEST_CASE("failures are counted anew after a restart") {
  Story story(plan_with(by_probe({.retries = 2})));
  story.boot();
  fails_next_check(story);
  story.exits_alone("a", 1);
  story.at_next_deadline();
  CHECK(fails_next_check(story) == "-");
}

TEST_CASE("a check that hangs is ended at its timeout and has failed") {
  Story story(plan_with(by_probe({.interval = 5s, .timeout = 2s, .retries = 1})));
  story.boot();
  story.after(5s);
  CHECK(story.after(2s) == "end probe of a, SIGTERM a, SIGCONT group of a");
  REQUIRE(story.said<notice::HealthCheckFailed>().size() == 1);
  CHECK(story.said<notice::HealthCheckFailed>()[0].detail == "no answer within 2 s");
  CHECK(story.probe_passes("a") == "-");
}

TEST_CASE("a check that hangs has failed for what it has not come to, as far as that is known") {
  Story story(plan_with(by_probe({.interval = 5s, .timeout = 2s, .retries = 3})));
  story.boot();
  story.after(5s);
  CHECK(story.after(2s, {{story.id_of("a"), "not connected to 127.0.0.1:80 yet"}}) == "end probe of a");
  REQUIRE(story.said<notice::HealthCheckFailed>().size() == 1);
  CHECK(story.said<notice::HealthCheckFailed>()[0].detail == "not connected to 127.0.0.1:80 yet after 2 s");
}

TEST_CASE("failures within the start period do not count") {
  Story story(plan_with(by_probe({.interval = 1s, .start_period = 2500ms, .retries = 1})));
  story.boot();
  CHECK(fails_next_check(story) == "-");
  CHECK(fails_next_check(story) == "-");
  REQUIRE(story.said<notice::HealthCheckFailed>().size() == 2);
  CHECK(story.said<notice::HealthCheckFailed>()[1].failures == 0);
  CHECK(fails_next_check(story) == "SIGTERM a, SIGCONT group of a");
}

TEST_CASE("the start period begins when the service is ready") {
  Story story(plan_with(by_probe({.interval = 1s, .start_period = 1500ms, .retries = 1}),
                        {.ready = config::Ready{.when = config::NotifyReady{}}}));
  story.boot();
  story.after(10s);
  story.tells_ready("a");
  CHECK(fails_next_check(story) == "-");
  CHECK(fails_next_check(story) == "SIGTERM a, SIGCONT group of a");
}

TEST_CASE("the action shutdown stops everything, and the container's code is that of a failed service") {
  Story story(plan_with(by_probe({.retries = 1, .action = HealthAction::Shutdown})));
  story.boot();
  CHECK(fails_next_check(story) == "SIGTERM a, SIGCONT group of a, SIGTERM b, SIGCONT group of b");
  CHECK(story.said<notice::ShutdownBegun>()[0].cause == notice::StopCause::ServiceUnhealthy);
  story.exits_alone("a", 0);
  story.exits_alone("b", 0);
  CHECK(story.nothing_left() == "exit 1");
}

TEST_CASE("the action ignore goes on checking, says once that it is unhealthy, and when it is healthy again") {
  Story story(plan_with(by_probe({.retries = 2, .action = HealthAction::Ignore})));
  story.boot();
  for (int i = 0; i < 4; ++i) CHECK(fails_next_check(story) == "-");
  CHECK(story.said<notice::Unhealthy>().size() == 1);
  CHECK(story.is<state::Running>("a"));
  story.at_next_deadline();
  story.probe_passes("a");
  CHECK(story.said<notice::Healthy>().size() == 1);
  for (int i = 0; i < 2; ++i) fails_next_check(story);
  CHECK(story.said<notice::Unhealthy>().size() == 2);
}

TEST_CASE("an unhealthy service with restart no has failed for good, even when it ends with success") {
  Story story(plan_with(by_probe({.retries = 1}), {.restart = RestartPolicy::No, .on_failure = EndAction::Ignore}));
  story.boot();
  fails_next_check(story);
  story.exits_alone("a", 0);
  CHECK(story.is<state::Failed>("a"));
}

TEST_CASE("restarts for bad health use up the start limit") {
  Story story(plan_with(by_probe({.retries = 1}), {.start_limit_burst = 1, .on_failure = EndAction::Ignore}));
  story.boot();
  fails_next_check(story);
  story.exits_alone("a", 0);
  CHECK(story.is<state::Failed>("a"));
  CHECK(story.said<notice::StartLimitHit>().size() == 1);
}

TEST_CASE("a deaf unhealthy service is killed at its stop timeout and started again") {
  Story story(plan_with(by_probe({.retries = 1}), {.stop_timeout = 2s}));
  story.boot();
  fails_next_check(story);
  CHECK(story.after(2s) == "SIGKILL group of a");
  story.dies("a", SIGKILL);
  story.group_empties("a");
  CHECK(story.is<state::Backoff>("a"));
}

TEST_CASE("a probe ends with its service, exactly once") {
  Story story(plan_with(by_probe()));
  story.boot();
  story.after(10s);
  CHECK(story.exits("a", 1) == "SIGTERM group of a, SIGCONT group of a, watch a, end probe of a");
  CHECK(story.probe_fails("a") == "-");
  CHECK(story.group_empties("a") == "-");
}

TEST_CASE("a probe ends with the stop of its service, at every stop signal only once") {
  Story story(plan_with(by_probe()));
  story.boot();
  story.after(10s);
  CHECK(story.signal(SIGTERM) == "SIGTERM a, SIGCONT group of a, end probe of a, SIGTERM b, SIGCONT group of b");
  CHECK(story.probe_fails("a") == "-");
  CHECK(story.signal(SIGTERM) == "SIGTERM group of a, SIGTERM group of b, sweep again");
}

TEST_CASE("a service that waits for its turn to be stopped is not stopped for its health") {
  Story story(plan_of(config_of({service("app", {.after = {"a"}}), service("a", {.health = by_probe({.retries = 1})})},
                                {.stop_timeout = 60s})));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM app, SIGCONT group of app");
  CHECK(story.after(10s) == "probe health of a");
  CHECK(story.probe_fails("a") == "-");
  CHECK(story.is<state::Running>("a"));
  CHECK(story.exits_alone("app", 0) == "SIGTERM a, SIGCONT group of a");
}

TEST_CASE("a standstill is no failed check, and no time of the start period") {
  Story story(plan_with(by_probe({.interval = 1s, .timeout = 3s, .start_period = 2500ms, .retries = 1})));
  story.boot();
  CHECK(story.after(1s) == "probe health of a");
  CHECK(story.stands_still(60s) == "-");
  CHECK(story.next_deadline() == 3s);
  CHECK(story.probe_fails("a") == "-");
  CHECK(fails_next_check(story) == "-");
  CHECK(fails_next_check(story) == "SIGTERM a, SIGCONT group of a");
}

TEST_CASE("a watchdog that is not fed in time makes the service unhealthy") {
  Story story(plan_with(by_watchdog(5s)));
  story.boot();
  story.after(4s);
  CHECK(says(story, {.watchdog = true}) == "-");
  CHECK(story.next_deadline() == 5s);
  CHECK(story.after(5s) == "SIGTERM a, SIGCONT group of a");
  REQUIRE(story.said<notice::WatchdogExpired>().size() == 1);
  CHECK(story.said<notice::WatchdogExpired>()[0].within == 5s);
  CHECK(says(story, {.watchdog = true}) == "-");
  story.exits_alone("a", 0);
  CHECK(story.at_next_deadline() == "spawn a");
  CHECK(story.next_deadline() == 5s);
}

TEST_CASE("a watchdog has the start period for its first time") {
  Story story(plan_with(by_watchdog(5s, {.start_period = 20s})));
  story.boot();
  CHECK(story.next_deadline() == 20s);
}

TEST_CASE("a service may trigger its own watchdog, and change its time") {
  Story story(plan_with(by_watchdog(5s)));
  story.boot();
  says(story, {.watchdog_within = 30s});
  CHECK(story.next_deadline() == 30s);
  CHECK(says(story, {.watchdog_trigger = true}) == "SIGTERM a, SIGCONT group of a");
  CHECK_FALSE(story.said<notice::WatchdogExpired>()[0].within);
}

TEST_CASE("a watchdog that is ignored is watched again when it is fed") {
  Story story(plan_with(by_watchdog(5s, {.action = HealthAction::Ignore})));
  story.boot();
  CHECK(story.after(5s) == "-");
  CHECK(story.next_deadline() == Duration::max());
  says(story, {.watchdog = true});
  CHECK(story.said<notice::Healthy>().size() == 1);
  CHECK(story.next_deadline() == 5s);
}

TEST_CASE("a standstill does not let a watchdog bark") {
  Story story(plan_with(by_watchdog(5s)));
  story.boot();
  story.stands_still(60s);
  CHECK(story.next_deadline() == 5s);
}

TEST_CASE("to feed a watchdog that nobody has is no news") {
  Story story(plan_with(by_probe()));
  story.boot();
  CHECK(says(story, {.watchdog = true, .watchdog_trigger = true, .watchdog_within = 1s}) == "-");
  CHECK(story.next_deadline() == 10s);
}
