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

// app needs db: two tiers.
Plan app_and_db(config::Container container = {}, config::Service app = {}, config::Service db = {}) {
  app.required = {"db"};
  return plan_of(config_of({service("app", std::move(app)), service("db", std::move(db))}, std::move(container)));
}

}  // namespace

// ---- Tiers

TEST_CASE("a stop goes against the order of the start, and ends when nothing is left") {
  Story story(app_and_db());
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM app, SIGCONT group of app");
  CHECK(story.exits("app", 0) == "SIGTERM group of app, SIGCONT group of app, watch app");
  CHECK(story.group_empties("app") == "SIGTERM db, SIGCONT group of db");
  CHECK(story.exits("db", 0) == "SIGTERM group of db, SIGCONT group of db, watch db");
  CHECK(story.group_empties("db") == "sweep");
  CHECK(story.nothing_left() == "exit 0");
  CHECK(story.elapsed() == 0s);
}

TEST_CASE("services of one tier are stopped side by side, each with its own signal") {
  Story story(plan_of(config_of({service("a"), service("b", {.stop_signal = Signal{SIGQUIT}})})));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM a, SIGCONT group of a, SIGQUIT b, SIGCONT group of b");
}

TEST_CASE("with kill-mode group the stop signal goes to the whole group") {
  Story story(plan_of(config_of({service("a", {.kill_mode = KillMode::Group})})));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM group of a, SIGCONT group of a");
}

TEST_CASE("with kill-mode process the rest of the group is left to the sweep") {
  Story story(plan_of(config_of({service("a", {.kill_mode = KillMode::Process})})));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM a, SIGCONT group of a");
  CHECK(story.exits("a", 0) == "sweep");
}

TEST_CASE("what a service with kill-mode process leaves after the sweep has begun is swept as well") {
  Story story(plan_of(config_of({service("a", {.kill_mode = KillMode::Process})})));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.after(7s) == "sweep");
  CHECK(story.exits("a", 0) == "sweep");
}

TEST_CASE("a tier that does not end in its share is followed by the next, and keeps its time") {
  Story story(app_and_db());
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.next_deadline() == 3500ms);  // (9 s - 2 s) / 2
  CHECK(story.at_next_deadline() == "SIGTERM db, SIGCONT group of db");
  CHECK(story.is<state::Stopping>("app"));
  CHECK(story.at_next_deadline() == "sweep");
  CHECK(story.elapsed() == 7s);
  CHECK(story.at_next_deadline() == "SIGKILL group of app, SIGKILL group of db, kill everything");
  CHECK(story.elapsed() == 9s);
}

TEST_CASE("what a tier does not need of its share is there for the others") {
  Story story(plan_of(
      config_of({service("a", {.after = {"b"}}), service("b", {.after = {"c"}}), service("c")}, {.stop_timeout = 8s})));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.next_deadline() == 2s);
  story.after(500ms);
  story.exits_alone("a", 0);
  CHECK(story.is<state::Stopping>("b"));
  CHECK(story.next_deadline() == 2750ms);  // (6 s - 500 ms) / 2
}

TEST_CASE("tiers in which nothing runs take no share") {
  Story story(plan_of(config_of({service("a", {.after = {"b"}}), oneshot("b", {.after = {"c"}}), service("c")})));
  story.boot();
  story.exits("b", 0);
  story.signal(SIGTERM);
  CHECK(story.next_deadline() == 3500ms);
  story.exits("a", 0);
  CHECK(story.group_empties("a") == "SIGTERM c, SIGCONT group of c");
}

TEST_CASE("the sweep waits for the last tier although the share was meant for more of them") {
  Story story(app_and_db());
  story.boot();
  story.signal(SIGTERM);
  story.exits_alone("db", 1);
  CHECK(story.after(3500ms) == "-");
  CHECK(story.after(3500ms) == "sweep");
}

TEST_CASE("a service that crashes while it waits for its tier is not started again") {
  Story story(app_and_db());
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.exits("db", 1) == "SIGTERM group of db, SIGCONT group of db, watch db");
  CHECK(story.group_empties("db") == "-");
  CHECK(story.is<state::Stopped>("db"));
  story.exits("app", 0);
  CHECK(story.group_empties("app") == "sweep");
}

TEST_CASE("a group that is being cleared when the stop begins is not followed by a restart") {
  Story story(plan_of(config_of({service("a")})));
  story.boot();
  story.exits("a", 1);
  CHECK(story.signal(SIGTERM) == "-");
  CHECK(story.group_empties("a") == "sweep");
  CHECK(story.is<state::Stopped>("a"));
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a service that waits for its restart is not there when the stop begins") {
  Story story(plan_of(config_of({service("a")})));
  story.boot();
  story.exits_alone("a", 1);
  CHECK(story.signal(SIGTERM) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a stop in the middle of the boot starts nothing further") {
  Story story(plan_of(config_of({service("app", {.after = {"migrate"}}), oneshot("migrate")})));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM migrate, SIGCONT group of migrate");
  story.exits("migrate", 0);
  CHECK(story.group_empties("migrate") == "sweep");
}

TEST_CASE("a start that is refused while the stop has begun is not tried again") {
  // That "bad" cannot be executed begins the stop before c's start is answered.
  Story story(plan_of(config_of({service("bad"), service("c")})));
  story.refuse("bad", kNoSuchProgram);
  story.refuse("c", kNoProcessSlot);
  CHECK(story.boot() == "spawn bad, spawn c, sweep");
  CHECK(story.is<state::Stopped>("c"));
  CHECK(story.next_deadline() == 9s);
  CHECK(story.nothing_left() == "exit 127");
}

TEST_CASE("a service whose start is answered after the stop began waits for its tier") {
  // Both are started again at the same instant. That "bad" has vanished begins the stop before db's start is answered.
  const config::Service at_once{.restart_delay = 0s};
  Story story(plan_of(config_of({service("app", {.after = {"db"}}), service("bad", at_once), service("db", at_once)})));
  story.boot();
  story.exits_alone("db", 1);
  story.exits_alone("bad", 1);
  story.refuse("bad", kNoSuchProgram);
  CHECK(story.after(0s) == "spawn bad, spawn db, SIGTERM app, SIGCONT group of app");
  CHECK(story.is<state::Running>("db"));
  story.exits("app", 0);
  CHECK(story.group_empties("app") == "SIGTERM db, SIGCONT group of db");
}

// ---- The sweep and the end of the budget

TEST_CASE(
    "the sweep comes at D - R at the latest, SIGKILL at D, and cinit leaves 500 ms later with what it could not end") {
  Story story(plan_of(config_of({service("a")})));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.after(7s) == "sweep");
  CHECK(story.after(2s) == "SIGKILL group of a, kill everything");
  CHECK(story.said<notice::BudgetSpent>().size() == 1);
  CHECK(story.after(500ms) == "abandon 137");
}

TEST_CASE("a sweep that nothing survives ends at once") {
  Story story(plan_of(config_of({service("a", {.kill_mode = KillMode::Process})})));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.exits("a", 0) == "sweep");
  story.after(100ms);
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("leftovers that ignore the sweep get SIGKILL at D and do not count for the exit code") {
  Story story(plan_of(config_of({service("a", {.kill_mode = KillMode::Process})}, {.stop_timeout = 2s})));
  story.boot();
  story.signal(SIGTERM);
  story.exits("a", 0);
  CHECK(story.after(2s) == "kill everything");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a service gets SIGKILL at its own stop timeout, long before the budget ends") {
  Story story(plan_of(config_of({service("a", {.stop_timeout = 2s})})));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.after(2s) == "SIGKILL group of a");
  REQUIRE(story.said<notice::Killing>().size() == 1);
  CHECK(story.said<notice::Killing>()[0].waited == 2s);
  CHECK(story.dies("a", SIGKILL) == "SIGTERM group of a, SIGCONT group of a, watch a");
  CHECK(story.group_empties("a") == "sweep");
  CHECK(story.nothing_left() == "exit 137");
}

TEST_CASE("with kill-mode process SIGKILL goes to the main process alone") {
  Story story(plan_of(config_of({service("a", {.stop_timeout = 2s, .kill_mode = KillMode::Process})})));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.after(2s) == "SIGKILL a");
}

TEST_CASE("the rest of a group has what was left of the service's own stop timeout") {
  Story story(plan_of(config_of({service("a", {.stop_timeout = 2s})})));
  story.boot();
  story.signal(SIGTERM);
  story.after(1500ms);
  story.exits("a", 0);
  CHECK(story.after(500ms) == "SIGKILL group of a");
  CHECK(story.group_empties("a") == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a stop timeout that is longer than the budget ends with the budget") {
  Story story(plan_of(config_of({service("a", {.stop_timeout = 60s})}, {.stop_timeout = 4s})));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.after(3s) == "sweep");
  CHECK(story.after(1s) == "SIGKILL group of a, kill everything");
}

TEST_CASE("a budget of zero asks and kills at once") {
  Story story(app_and_db({.stop_timeout = 0s}));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM app, SIGCONT group of app, SIGTERM db, SIGCONT group of db, sweep");
  CHECK(story.after(0s) == "SIGKILL group of app, SIGKILL group of db, kill everything");
}

TEST_CASE("told too early that nothing is left, cinit does not leave a service behind") {
  Story story(plan_of(config_of({service("a")})));
  story.boot();
  story.signal(SIGTERM);
  story.after(7s);
  CHECK(story.nothing_left() == "-");
  story.exits("a", 0);
  CHECK(story.nothing_left() == "-");
  story.group_empties("a");
  CHECK(story.nothing_left() == "exit 0");
  CHECK(story.nothing_left() == "-");
}

// ---- More stop signals

TEST_CASE("a second stop signal sends SIGTERM at once to everything, and changes no deadline") {
  Story story(app_and_db());
  story.boot();
  story.signal(SIGTERM);
  story.after(1s);
  CHECK(story.signal(SIGINT) == "SIGTERM group of app, SIGTERM group of db, SIGCONT group of db, sweep again");
  CHECK(story.is<state::Stopping>("db"));
  CHECK(story.after(6s) == "sweep");
  CHECK(story.after(2s) == "SIGKILL group of app, SIGKILL group of db, kill everything");
  CHECK(story.elapsed() == 9s);
}

TEST_CASE("a second stop signal reaches what is left of groups as well") {
  Story story(plan_of(config_of({service("a")})));
  story.boot();
  story.signal(SIGTERM);
  story.exits("a", 0);
  CHECK(story.signal(SIGTERM) == "SIGTERM group of a, sweep again");
}

TEST_CASE("after a second stop signal cinit leaves as soon as nothing is left") {
  Story story(app_and_db());
  story.boot();
  story.signal(SIGTERM);
  story.signal(SIGTERM);
  story.exits_alone("app", 0);
  story.exits("db", 0);
  CHECK(story.group_empties("db") == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a third stop signal sends SIGKILL to everything") {
  Story story(app_and_db());
  story.boot();
  story.signal(SIGTERM);
  story.signal(SIGTERM);
  CHECK(story.signal(SIGTERM) == "SIGKILL group of app, SIGKILL group of db, kill everything");
  CHECK(story.said<notice::BudgetSpent>().empty());
  CHECK(story.next_deadline() == 500ms);
  story.dies("app", SIGKILL);
  story.group_empties("app");
  story.dies("db", SIGKILL);
  story.group_empties("db");
  CHECK(story.nothing_left() == "exit 137");
  CHECK(story.signal(SIGTERM) == "-");
}

TEST_CASE("more stop signals while what got SIGKILL is reaped change nothing") {
  Story story(plan_of(config_of({service("a")})));
  story.boot();
  for (int i = 0; i < 3; ++i) story.signal(SIGTERM);
  CHECK(story.signal(SIGTERM) == "-");
  CHECK(story.next_deadline() == 500ms);
}

TEST_CASE("the first stop signal after a stop that began for another reason does not urge") {
  Story story(app_and_db({}, {}, {.restart = RestartPolicy::No}));
  story.boot();
  CHECK(story.exits("db", 1) ==
        "SIGTERM group of db, SIGCONT group of db, watch db, SIGTERM app, SIGCONT group of app");
  CHECK(story.signal(SIGTERM) == "-");
  CHECK(story.signal(SIGTERM) == "SIGTERM group of app, SIGTERM group of db, sweep again");
}

// ---- The main command

TEST_CASE("the main command is the first tier of the stop") {
  Story story(plan_of(config_of({service("db")}), {"main"}));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM main");
  CHECK(story.exits("main", 0) == "SIGTERM db, SIGCONT group of db");
}

TEST_CASE("SIGINT goes to the main command and stops nothing") {
  Story story(plan_of(config_of({service("db")}), {"main"}));
  story.boot();
  CHECK(story.signal(SIGINT) == "SIGINT main");
  CHECK(story.said<notice::ShutdownBegun>().empty());
}

TEST_CASE("a suspended main command is woken for its stop") {
  Story story(plan_of(config_of({service("db")}), {"main"}));
  story.boot();
  story.suspends(SIGTSTP);
  CHECK(story.signal(SIGTERM) == "SIGTERM main, SIGCONT main");
}

TEST_CASE("a main command that is suspended while it stops is woken") {
  Story story(plan_of(config_of({service("db")}), {"main"}));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.suspends(SIGTSTP) == "SIGCONT main");
}

TEST_CASE("a main command that was woken already gets no SIGCONT of cinit's own") {
  Story story(plan_of(config_of({service("db")}), {"main"}));
  story.boot();
  story.suspends(SIGTSTP);
  CHECK(story.signal(SIGCONT) == "SIGCONT main");
  CHECK(story.signal(SIGTERM) == "SIGTERM main");
}

TEST_CASE("signals reach the main command while it stops") {
  Story story(plan_of(config_of({service("db")}), {"main"}));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.signal(SIGUSR1) == "SIGUSR1 main");
  CHECK(story.signal(SIGTERM) == "SIGTERM group of db, SIGCONT group of db, SIGTERM group of main, sweep again");
}

TEST_CASE("when the main command ends the services are stopped") {
  Story story(plan_of(config_of({service("db")}), {"main"}));
  story.boot();
  CHECK(story.exits("main", 3) == "SIGTERM db, SIGCONT group of db");
  story.exits("db", 0);
  CHECK(story.group_empties("db") == "sweep");
  CHECK(story.nothing_left() == "exit 3");
}

TEST_CASE("when the main command ended by itself the sweep, also of its process group, lasts at most R") {
  Story story(plan_of(config_of({}), {"main"}));
  story.boot();
  CHECK(story.exits("main", 0) == "sweep");
  CHECK(story.after(2s) == "kill everything");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("R after the end of the main command is counted from the end of the services, also when the stop is urged") {
  Story story(plan_of(config_of({service("db")}), {"main"}));
  story.boot();
  story.exits_alone("main", 0);
  story.signal(SIGTERM);
  CHECK(story.signal(SIGTERM) == "SIGTERM group of db, sweep again");
  CHECK(story.after(3s) == "-");
  CHECK(story.exits_alone("db", 0) == "sweep");
  CHECK(story.after(2s) == "kill everything");
  CHECK(story.elapsed() == 5s);
}

TEST_CASE("a lone main command without a chosen budget is never killed, whatever it does") {
  Story story(plan_of(config_of({}), {"main"}));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM main");
  CHECK(story.after(7s) == "sweep");
  CHECK(story.after(2s) == "kill all but main");
  CHECK(story.next_deadline() == Duration::max());
  CHECK(story.signal(SIGUSR1) == "SIGUSR1 main");
  CHECK(story.exits("main", 5) == "kill everything");
  CHECK(story.nothing_left() == "exit 5");
}

TEST_CASE("what outlives a main command that outlived the budget is not waited for") {
  Story story(plan_of(config_of({}), {"main"}));
  story.boot();
  story.signal(SIGTERM);
  story.after(7s);
  story.after(2s);
  story.exits("main", 0);
  CHECK(story.after(500ms) == "abandon 0");
}

TEST_CASE("a lone main command gets every stop signal, and SIGKILL not even at the third") {
  Story story(plan_of(config_of({}), {"main"}));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM main");
  CHECK(story.signal(SIGTERM) == "SIGTERM group of main, sweep again");
  CHECK(story.signal(SIGTERM) == "SIGTERM main, kill all but main");
  CHECK(story.signal(SIGTERM) == "SIGTERM main");
  story.exits("main", 0);
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a lone main command with a chosen budget is killed at its end") {
  Story story(plan_of(config_of({}, {.stop_timeout = 4s}), {"main"}));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.after(3s) == "sweep");
  CHECK(story.after(1s) == "SIGKILL group of main, kill everything");
  story.dies("main", SIGKILL);
  CHECK(story.nothing_left() == "exit 137");
}

TEST_CASE("a deaf main command cannot keep the services from their stop") {
  Story story(plan_of(config_of({service("db")}), {"main"}));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.after(3500ms) == "SIGTERM db, SIGCONT group of db");
  story.exits_alone("db", 0);
  CHECK(story.after(3500ms) == "sweep");
  CHECK(story.after(2s) == "SIGKILL group of main, kill everything");
}

// ---- What SIGKILL does not end

TEST_CASE("a process group that SIGKILL does not empty keeps its service from nothing") {
  Story story(plan_of(config_of({service("a", {.restart = RestartPolicy::Always, .stop_timeout = 1s})})));
  story.boot();
  CHECK(story.exits("a", 1) == "SIGTERM group of a, SIGCONT group of a, watch a");
  CHECK(story.after(1s) == "SIGKILL group of a");
  CHECK(story.next_deadline() == kAbandonTime);
  CHECK(story.at_next_deadline() == "forget group of a, spawn a");
  CHECK(story.said<notice::Undying>().size() == 1);
}

TEST_CASE("a main process that SIGKILL does not end is told once, and waited for") {
  Story story(plan_of(config_of({service("a", {.stop_timeout = 1s}), service("b")})));
  story.boot();
  story.requests(Requested::What::Stop, "a");
  CHECK(story.after(1s) == "SIGKILL group of a");
  CHECK(story.at_next_deadline() == "-");
  CHECK(story.said<notice::Undying>().size() == 1);
  CHECK(story.next_deadline() == Duration::max());
  CHECK(story.dies("a", SIGKILL) == "SIGTERM group of a, SIGCONT group of a, watch a");
  CHECK(story.group_empties("a") == "-");
}
