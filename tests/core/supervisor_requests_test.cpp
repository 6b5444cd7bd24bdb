#include <doctest/doctest.h>

#include <csignal>

#include "story.hpp"

using namespace cinit;
using namespace cinit::core;
using namespace std::chrono_literals;
using config::EndAction;
using config::RestartPolicy;

namespace {

constexpr auto kStart = Requested::What::Start;
constexpr auto kStop = Requested::What::Stop;
constexpr auto kRestart = Requested::What::Restart;

const StartFailure kNoProcessSlot{StartStage::Fork, EAGAIN, "", true};
const config::Ready kByNotify{.when = config::NotifyReady{}};

// "a" beside "b", which keeps the container.
Plan plan_with(config::Service spec) { return plan_of(config_of({service("a", std::move(spec)), service("b")})); }

}  // namespace

// ---- Stop

TEST_CASE("a stop on request is that of one service, which stays down whatever its restart policy") {
  Story story(plan_with({.restart = RestartPolicy::Always}));
  story.boot();
  CHECK(story.requests(kStop, "a") == "SIGTERM a, SIGCONT group of a");
  story.exits_alone("a", 1);
  CHECK(story.is<state::Stopped>("a"));
  CHECK(story.said<notice::Requested>().size() == 1);
  CHECK(story.next_deadline() == Duration::max());
  CHECK(story.is<state::Running>("b"));
}

TEST_CASE("a stop on request is followed by SIGKILL at the service's time") {
  Story story(plan_with({.stop_timeout = 2s}));
  story.boot();
  story.requests(kStop, "a");
  CHECK(story.requests(kStop, "a") == "-");
  CHECK(story.after(2s) == "SIGKILL group of a");
  story.dies("a", SIGKILL);
  story.group_empties("a");
  CHECK(story.is<state::Stopped>("a"));
}

TEST_CASE("the container does not end for want of services while one is held") {
  Story story(plan_of(config_of({service("a"), oneshot("b")})));
  story.boot();
  story.requests(kStop, "a");
  story.exits_alone("a", 0);
  CHECK(story.exits("b", 0) == "-");
  CHECK_FALSE(story.said<notice::ShutdownBegun>().size() == 1);
  CHECK(story.requests(kStart, "a") == "spawn a");
  CHECK(story.exits_alone("a", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a held service is stopped with everything else, and cinit leaves") {
  Story story(plan_of(config_of({service("a")})));
  story.boot();
  story.requests(kStop, "a");
  story.exits_alone("a", 0);
  CHECK(story.signal(SIGTERM) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("one that crashes while what it requires is stopped on request waits for that") {
  Story story(plan_of(config_of({service("a"), service("b", {.required = {"a"}})})));
  story.boot();
  story.requests(kStop, "a");
  story.exits_alone("a", 0);
  story.exits_alone("b", 1);
  CHECK(story.at_next_deadline() == "-");
  CHECK(story.is<state::Waiting>("b"));
  CHECK(story.next_deadline() == Duration::max());
  CHECK(story.requests(kStart, "a") == "spawn a, spawn b");
}

TEST_CASE("one that crashes while it is stopped on request is held all the same") {
  Story story(plan_of(config_of({service("a")})));
  story.boot();
  story.requests(kStop, "a");
  story.dies("a", SIGSEGV);
  CHECK(story.group_empties("a") == "-");
  CHECK(story.is<state::Stopped>("a"));
  CHECK(story.said<notice::ShutdownBegun>().empty());
}

TEST_CASE("a stop between a crash and the restart makes an end of the restarts") {
  Story story(plan_of(config_of({service("a", {.post_stop = commands({"x"})})})));
  story.boot();
  SUBCASE("while its group is cleared") {
    story.exits("a", 1);
    CHECK(story.requests(kStop, "a") == "-");
    story.group_empties("a");
    CHECK(story.command_exits("a", 0) == "-");
  }
  SUBCASE("while its post-stop command runs") {
    story.exits_alone("a", 1);
    CHECK(story.requests(kStop, "a") == "-");
    CHECK(story.command_exits("a", 0) == "-");
  }
  SUBCASE("while it waits for its restart") {
    story.exits_alone("a", 1);
    story.command_exits("a", 0);
    CHECK(story.requests(kStop, "a") == "-");
  }
  CHECK(story.is<state::Stopped>("a"));
  CHECK(story.next_deadline() == Duration::max());
  CHECK(story.said<notice::ShutdownBegun>().empty());
}

TEST_CASE("to stop what does not run is nothing") {
  Story story(plan_of(config_of({service("a", {.autostart = false}), service("b")})));
  story.boot();
  CHECK(story.requests(kStop, "a") == "-");
  CHECK(story.is<state::Idle>("a"));
  CHECK(story.exits_alone("b", 0) == "sweep");
}

TEST_CASE("one that waits for others is not started any more when it is stopped, and who waits for it goes on") {
  Story story(plan_of(
      config_of({service("c", {.after = {"a"}}), service("a", {.after = {"b"}}), service("b", {.ready = kByNotify})})));
  story.boot();
  CHECK(story.requests(kStop, "a") == "spawn c");
  CHECK(story.tells_ready("b") == "-");
  CHECK(story.is<state::Stopped>("a"));
}

TEST_CASE("a service that is stopped on request while its start is not answered is stopped when it runs") {
  const Plan plan = plan_of(config_of({service("a", {.pre_stop = commands({"x"})})}));
  Supervisor supervisor(plan, 1);
  supervisor.boot(Time(1h));
  CHECK(supervisor.handle(Requested{ServiceId{0}, kStop}, Time(1h)).size() == 1);
  supervisor.handle(Spawned{ServiceId{0}}, Time(1h));
  CHECK(std::holds_alternative<state::Stopping>(supervisor.state(ServiceId{0})));
}

// ---- Start

TEST_CASE("a start on request starts what was not wanted, with what it requires and in that order") {
  Story story(plan_of(config_of({service("a", {.autostart = false, .required = {"db"}}),
                                 service("db", {.autostart = false, .required = {"disk"}, .ready = kByNotify}),
                                 oneshot("disk", {.autostart = false}), service("x")})));
  // What is required by nothing that is wanted is not wanted.
  CHECK(story.boot() == "spawn x");
  CHECK(story.requests(kStart, "a") == "spawn disk");
  CHECK(story.exits("disk", 0) == "spawn db");
  CHECK(story.tells_ready("db") == "spawn a");
}

TEST_CASE("a oneshot that is done is not run again for those who require it, and runs again when it is asked for") {
  Story story(plan_of(config_of({service("a", {.required = {"o"}}), oneshot("o")})));
  story.boot();
  CHECK(story.exits("o", 0) == "spawn a");
  story.requests(kStop, "a");
  story.exits_alone("a", 0);
  CHECK(story.requests(kStart, "a") == "spawn a");
  CHECK(story.requests(kStart, "o") == "spawn o");
}

TEST_CASE("to start what is up or on its way is nothing") {
  Story story(plan_of(config_of({service("a"), service("b", {.ready = kByNotify}), service("c", {.after = {"b"}})})));
  story.boot();
  for (const char* name : {"a", "b", "c"}) CHECK(story.requests(kStart, name) == "-");
}

TEST_CASE("a start does not wait for the delay of a restart, and forgets delays and limits") {
  Story story(plan_with({.start_limit_burst = 2, .on_failure = EndAction::Ignore}));
  story.boot();
  story.exits_alone("a", 1);
  CHECK(story.is<state::Backoff>("a"));
  CHECK(story.requests(kStart, "a") == "spawn a");
  story.exits_alone("a", 1);
  CHECK(story.next_deadline() <= 220ms);
  CHECK(story.at_next_deadline() == "spawn a");
  story.exits_alone("a", 1);
  CHECK(story.is<state::Failed>("a"));
  CHECK(story.requests(kStart, "a") == "spawn a");
  CHECK(story.is<state::Running>("a"));
}

TEST_CASE("a start while the rest of a crashed service is cleared does not wait for the delay either") {
  Story story(plan_with({.restart_delay = 10s, .restart_max_delay = 10s}));
  story.boot();
  story.exits("a", 1);
  CHECK(story.requests(kStart, "a") == "-");
  CHECK(story.group_empties("a") == "spawn a");
}

TEST_CASE("a failure that somebody has started again is not that of the container") {
  Story story(plan_of(
      config_of({service("a", {.restart = RestartPolicy::No, .on_failure = EndAction::Ignore}), service("b")})));
  story.boot();
  story.exits_alone("a", 3);
  story.requests(kStart, "a");
  story.exits_alone("a", 0);
  story.exits_alone("b", 0);
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a start while a service stops starts it again after its end") {
  const char* const kWays[] = {"pre-stop", "stopping", "killing", "clearing", "post-stop"};
  for (int way = 0; way < 5; ++way) {
    CAPTURE(kWays[way]);
    Story story(plan_with({.stop_timeout = 2s, .pre_stop = commands({"p"}), .post_stop = commands({"z"})}));
    story.boot();
    const auto ask = [&](int now) {
      if (now == way) CHECK(story.requests(kStart, "a") == "-");
    };
    story.requests(kStop, "a");
    ask(0);
    story.command_exits("a", 0);
    ask(1);
    story.after(2s);
    ask(2);
    story.dies("a", SIGKILL);
    ask(3);
    CHECK(story.group_empties("a") == "post-stop 0 of a");
    ask(4);
    CHECK(story.command_exits("a", 0) == "spawn a");
    CHECK(story.is<state::Running>("a"));
    CHECK(story.said<notice::Exited>()[0].restart.has_value() == false);
  }
}

TEST_CASE("a start while the pre-start command of a stopped service ends begins with the first one again") {
  Story story(plan_with({.pre_start = commands({"x", "y"})}));
  story.boot();
  story.requests(kStop, "a");
  CHECK(story.requests(kStart, "a") == "-");
  CHECK(story.command_exits("a", 0) == "pre-start 0 of a");
}

TEST_CASE("a start and then a stop while a service stops leaves it stopped") {
  Story story(plan_with({}));
  story.boot();
  story.requests(kStop, "a");
  story.requests(kStart, "a");
  story.requests(kStop, "a");
  CHECK(story.exits_alone("a", 0) == "-");
  CHECK(story.is<state::Stopped>("a"));
  story.exits_alone("b", 0);
  CHECK(story.said<notice::ShutdownBegun>().empty());
}

TEST_CASE("a start asks for services only, not for hooks or the main command") {
  Story story(plan_of(with_hooks(config_of({service("a")}), {.post_stop = commands({"x"})}), {"main"}));
  story.boot();
  CHECK(story.requests(kStart, "post-stop x") == "-");
  CHECK(story.requests(kRestart, "main") == "-");
  CHECK(story.requests(kStop, "main") == "-");
  CHECK(story.said<notice::Requested>().empty());
}

// ---- Who waits for whom

TEST_CASE("who waits already does not go on because of one that it did not wait for") {
  Story story(plan_of(config_of({service("a", {.after = {"late", "slow"}}), service("late", {.autostart = false}),
                                 service("slow", {.ready = kByNotify})})));
  CHECK(story.boot() == "spawn slow");
  CHECK(story.requests(kStart, "late") == "spawn late");
  CHECK(story.tells_ready("slow") == "spawn a");
}

TEST_CASE("who waits already waits for one that is started meanwhile, too") {
  Story story(plan_of(
      config_of({service("a", {.after = {"late", "slow"}}), service("late", {.autostart = false, .ready = kByNotify}),
                 service("slow", {.ready = kByNotify})})));
  story.boot();
  story.requests(kStart, "late");
  CHECK(story.tells_ready("slow") == "-");
  CHECK(story.tells_ready("late") == "spawn a");
}

TEST_CASE("who waits already waits once more for one that is restarted on request") {
  Story story(plan_of(config_of({service("a", {.after = {"db", "slow"}}), service("db", {.ready = kByNotify}),
                                 service("slow", {.ready = kByNotify})})));
  story.boot();
  story.tells_ready("db");
  CHECK(story.requests(kRestart, "db") == "SIGTERM db, SIGCONT group of db");
  CHECK(story.tells_ready("slow") == "-");
  CHECK(story.exits_alone("db", 0) == "spawn db");
  CHECK(story.tells_ready("db") == "spawn a");
}

TEST_CASE("who is started waits for a requirement that still stops and is to come back") {
  Story story(
      plan_of(config_of({service("a", {.autostart = false, .required = {"db"}}), service("db"), service("x")})));
  story.boot();
  story.requests(kStop, "db");
  CHECK(story.requests(kStart, "a") == "-");
  CHECK(story.is<state::Waiting>("a"));
  CHECK(story.exits_alone("db", 0) == "spawn db, spawn a");
}

TEST_CASE("a restart brings back what the service requires, and waits for it") {
  Story story(plan_of(config_of({service("a", {.required = {"db"}}), service("db", {.ready = kByNotify})})));
  story.boot();
  story.tells_ready("db");
  story.requests(kStop, "db");
  story.exits_alone("db", 0);
  CHECK(story.requests(kRestart, "a") == "SIGTERM a, SIGCONT group of a, spawn db");
  CHECK(story.exits_alone("a", 0) == "-");
  CHECK(story.tells_ready("db") == "spawn a");
}

// ---- Restart

TEST_CASE("a restart on request stops and starts at once, and is no failure") {
  Story story(plan_with({.restart = RestartPolicy::No, .start_limit_burst = 1, .on_failure = EndAction::Shutdown}));
  story.boot();
  for (int i = 0; i < 3; ++i) {
    CHECK(story.requests(kRestart, "a") == "SIGTERM a, SIGCONT group of a");
    CHECK(story.exits_alone("a", 9) == "spawn a");
  }
  CHECK(story.is<state::Running>("a"));
  CHECK(story.said<notice::ShutdownBegun>().empty());
}

TEST_CASE("a crash after a restart on request is a crash") {
  Story story(plan_with({}));
  story.boot();
  story.requests(kRestart, "a");
  story.exits_alone("a", 0);
  story.exits_alone("a", 1);
  CHECK(story.is<state::Backoff>("a"));
  CHECK(story.next_deadline() >= 200ms);
}

TEST_CASE("a restart goes the whole way of a stop and a start") {
  Story story(plan_with({.stop_command = config::Command{"stop"},
                         .pre_start = commands({"1"}),
                         .pre_stop = commands({"3"}),
                         .post_stop = commands({"4"})}));
  story.boot();
  story.command_exits("a", 0);
  CHECK(story.requests(kRestart, "a") == "pre-stop 0 of a");
  CHECK(story.command_exits("a", 0) == "SIGCONT group of a, stop-command 0 of a");
  story.command_exits("a", 0);
  CHECK(story.exits_alone("a", 0) == "post-stop 0 of a");
  CHECK(story.command_exits("a", 0) == "pre-start 0 of a");
  CHECK(story.command_exits("a", 0) == "spawn a");
}

TEST_CASE("a restart does not begin in the answer to the end of the process before, which is not reaped yet") {
  Story story(plan_with({.kill_mode = config::KillMode::Process}));
  story.boot();
  story.requests(kRestart, "a");
  CHECK(story.exits("a", 0) == "-");
  CHECK(story.next_deadline() == 0s);
  CHECK(story.at_next_deadline() == "spawn a");
}

TEST_CASE("a restart before a service is ready begins a new start") {
  Story story(plan_with({.ready = kByNotify}));
  story.boot();
  CHECK(story.requests(kRestart, "a") == "SIGTERM a, SIGCONT group of a");
  CHECK(story.exits_alone("a", 0) == "spawn a");
}

TEST_CASE("a restart of what does not run is a start") {
  Story story(plan_of(config_of({service("a", {.autostart = false}), service("b")})));
  story.boot();
  CHECK(story.requests(kRestart, "a") == "spawn a");
  story.exits_alone("a", 1);
  CHECK(story.requests(kRestart, "a") == "spawn a");
}

TEST_CASE("a restart of one that is being stopped starts it again, also when it is stopped for its health") {
  Story story(plan_with({.health = config::Health{.check = config::Watchdog{5s}}, .start_limit_burst = 1}));
  story.boot();
  CHECK(story.after(5s) == "SIGTERM a, SIGCONT group of a");
  CHECK(story.requests(kRestart, "a") == "-");
  CHECK(story.exits_alone("a", 0) == "spawn a");
}

TEST_CASE("a restart that lacks a process slot is tried again") {
  Story story(plan_with({}));
  story.boot();
  story.refuse("a", kNoProcessSlot);
  story.requests(kRestart, "a");
  CHECK(story.exits_alone("a", 0) == "spawn a");
  CHECK(story.is<state::Backoff>("a"));
  story.allow("a");
  CHECK(story.at_next_deadline() == "spawn a");
}

// ---- During the stop of everything

TEST_CASE("while everything is stopped, only the stop of a service may be asked for") {
  Story story(plan_of(config_of({service("a"), service("c", {.autostart = false}), service("b", {.after = {"a"}})})));
  story.boot();
  story.signal(SIGTERM);
  for (const auto what : {kStart, kRestart, Requested::What::Once}) {
    for (const char* name : {"a", "b", "c"}) CHECK(story.requests(what, name) == "-");
  }
  CHECK(story.said<notice::Requested>().empty());
  for (const char* name : {"b", "c"}) CHECK(story.requests(kStop, name) == "-");
  SUBCASE("of none") { CHECK(story.exits_alone("b", 0) == "SIGTERM a, SIGCONT group of a"); }
  SUBCASE("of one whose turn is still to come") {
    CHECK(story.requests(kStop, "a") == "SIGTERM a, SIGCONT group of a");
    CHECK(story.exits_alone("b", 0) == "-");
  }
  CHECK(story.exits_alone("a", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("before the first service is stopped, the hooks of the stop may ask for everything") {
  config::Config config = config_of({service("a"), service("b", {.autostart = false})});
  config.hooks.pre_stop = {{"hook"}};
  Story story(plan_of(config));
  story.boot();
  CHECK(story.signal(SIGTERM) == "spawn pre-stop hook");
  CHECK(story.requests(kStop, "a") == "SIGTERM a, SIGCONT group of a");
  CHECK(story.exits_alone("a", 0) == "-");
  CHECK(story.is<state::Stopped>("a"));
  CHECK(story.requests(kStart, "a") == "spawn a");
  CHECK(story.requests(kStart, "b") == "spawn b");
  SUBCASE("and what they have stopped stays down") {
    CHECK(story.requests(kStop, "a") == "SIGTERM a, SIGCONT group of a");
    CHECK(story.exits_alone("a", 0) == "-");
    CHECK(story.exits("pre-stop hook", 0) == "SIGTERM b, SIGCONT group of b");
  }
  SUBCASE("and what they have started is stopped with the others") {
    CHECK(story.exits("pre-stop hook", 0) == "SIGTERM a, SIGCONT group of a, SIGTERM b, SIGCONT group of b");
    CHECK(story.exits_alone("a", 0) == "-");
  }
  CHECK(story.exits_alone("b", 0) == "sweep");
}

TEST_CASE("a service that was to be started again is not when the stop of everything comes first") {
  Story story(plan_of(config_of({service("a")})));
  story.boot();
  story.requests(kRestart, "a");
  story.signal(SIGTERM);
  CHECK(story.exits_alone("a", 0) == "sweep");
  CHECK(story.is<state::Stopped>("a"));
}

TEST_CASE("what a service requires is not started again when it is about to be done") {
  Story story(plan_of(config_of({service("app", {.required = {"db"}}), service("db")})));
  story.boot();
  story.requests(Requested::What::Stop, "app");
  story.exits_alone("app", 0);
  CHECK(story.exits("db", 0) == "SIGTERM group of db, SIGCONT group of db, watch db");
  CHECK(story.requests(Requested::What::Start, "app") == "spawn app");
  CHECK(story.group_empties("db") == "-");
  CHECK(story.is<state::Done>("db"));
}
