// What runs once, before the services and after them, when the container starts.
#include <doctest/doctest.h>

#include <csignal>

#include "story.hpp"

using namespace cinit;
using namespace cinit::core;
using namespace std::chrono_literals;

namespace {

const StartFailure kNoSuchProgram{StartStage::Exec, ENOENT, "/bin/a", false};
const StartFailure kNoProcessSlot{StartStage::Fork, EAGAIN, "", true};

// Two hooks and two services, app after db.
config::Config boot_with_hooks(config::Hooks hooks = {}, config::Container container = {}) {
  hooks.pre_start = commands({"a", "b"});
  return with_hooks(config_of({service("app", {.after = {"db"}}), service("db")}, std::move(container)),
                    std::move(hooks));
}

}  // namespace

// ---- Before the services

TEST_CASE("boot hooks run one after the other, and then everything else starts") {
  Story story(plan_of(boot_with_hooks(), {"main"}));
  CHECK(story.boot() == "spawn pre-start a");
  CHECK(story.exits("pre-start a", 0) == "spawn pre-start b");
  CHECK(story.is<state::Waiting>("db"));
  CHECK(story.exits("pre-start b", 0) == "spawn db, spawn app, spawn main");
  CHECK(story.is<state::Done>("pre-start a"));
  CHECK(story.next_deadline() == Duration::max());
}

TEST_CASE("startup files run before pre-start") {
  Story story(plan_of(with_hooks(config_of({}), {.pre_start = commands({"a"})}), {"main"}, {"/etc/my_init.d/10"}));
  CHECK(story.boot() == "spawn /etc/my_init.d/10");
  CHECK(story.exits("/etc/my_init.d/10", 0) == "spawn pre-start a");
  CHECK(story.exits("pre-start a", 0) == "spawn main");
}

TEST_CASE("what a hook leaves in the background stays, also when it failed, and gets the sweep") {
  Story story(plan_of(boot_with_hooks()));
  story.boot();
  CHECK(story.exits("pre-start a", 0) == "spawn pre-start b");
  CHECK(story.exits("pre-start b", 1) == "sweep");
  CHECK(story.nothing_left() == "exit 1");
}

TEST_CASE("a boot hook that fails starts nothing further and ends the container with 1") {
  Story exited(plan_of(boot_with_hooks()));
  exited.boot();
  CHECK(exited.exits("pre-start a", 3) == "sweep");
  CHECK(exited.is<state::Failed>("pre-start a"));
  CHECK(exited.is<state::Stopped>("pre-start b"));
  CHECK(exited.is<state::Stopped>("db"));
  REQUIRE(exited.said<notice::ShutdownBegun>().size() == 1);
  CHECK(exited.said<notice::ShutdownBegun>()[0].cause == notice::StopCause::HookFailed);
  CHECK(exited.said<notice::ShutdownBegun>()[0].service == exited.id_of("pre-start a"));
  CHECK(exited.nothing_left() == "exit 1");

  Story killed(plan_of(boot_with_hooks()));
  killed.boot();
  CHECK(killed.dies("pre-start a", SIGSEGV) == "sweep");
  CHECK(killed.nothing_left() == "exit 1");
}

TEST_CASE("a boot hook that cannot be executed ends the container with 1, not with 127") {
  Story story(plan_of(boot_with_hooks()));
  story.refuse("pre-start b", kNoSuchProgram);
  story.boot();
  CHECK(story.exits("pre-start a", 0) == "spawn pre-start b, sweep");
  CHECK(story.said<notice::StartFailed>().size() == 1);
  CHECK(story.nothing_left() == "exit 1");
}

TEST_CASE("a failed boot hook is 1 whatever else would say the exit code") {
  Story with_main(plan_of(boot_with_hooks(), {"main"}));
  with_main.boot();
  CHECK(with_main.exits("pre-start a", 3) == "sweep");
  CHECK(with_main.nothing_left() == "exit 1");

  // The code of a service that had ended is there, and the failure is that of a hook after the services.
  Story with_code_from(plan_of(boot_with_hooks({.post_start = commands({"c"})}, {.exit_code_from = "db"})));
  with_code_from.boot();
  with_code_from.exits("pre-start a", 0);
  with_code_from.exits("pre-start b", 0);
  with_code_from.exits_alone("db", 0);
  with_code_from.exits("post-start c", 3);
  with_code_from.exits_alone("app", 0);
  CHECK(with_code_from.nothing_left() == "exit 1");
}

TEST_CASE("a hook for which there is no process slot is tried again, and holds the others back meanwhile") {
  Story story(plan_of(boot_with_hooks()));
  story.refuse("pre-start a", kNoProcessSlot);
  CHECK(story.boot() == "spawn pre-start a");
  CHECK(story.next_deadline() >= 200ms);
  CHECK(story.at_next_deadline() == "spawn pre-start a");
  story.allow("pre-start a");
  CHECK(story.at_next_deadline() == "spawn pre-start a");
  CHECK(story.is<state::Waiting>("pre-start b"));
  CHECK(story.exits("pre-start a", 0) == "spawn pre-start b");
}

TEST_CASE("with hooks and nothing else the container ends with 0 after them") {
  Story story(plan_of(with_hooks(config_of({}), {.pre_start = commands({"a"}), .post_start = commands({"b"})})));
  CHECK(story.boot() == "spawn pre-start a");
  CHECK(story.exits("pre-start a", 0) == "spawn post-start b");
  CHECK(story.exits("post-start b", 0) == "sweep");
  REQUIRE(story.said<notice::ShutdownBegun>().size() == 1);
  CHECK(story.said<notice::ShutdownBegun>()[0].cause == notice::StopCause::AllEnded);
  CHECK(story.nothing_left() == "exit 0");
}

// ---- The timeout

TEST_CASE("without a timeout a hook may run for ever") {
  Story story(plan_of(boot_with_hooks()));
  story.boot();
  CHECK(story.next_deadline() == Duration::max());
}

TEST_CASE("a hook that is not done in its time gets SIGTERM, and has failed however it ends") {
  Story story(plan_of(boot_with_hooks({.timeout = 5s})));
  story.boot();
  CHECK(story.after(5s) == "SIGTERM pre-start a, SIGCONT group of pre-start a");
  REQUIRE(story.said<notice::TimedOut>().size() == 1);
  CHECK(story.said<notice::TimedOut>()[0].waited == 5s);
  CHECK(story.exits("pre-start a", 0) == "sweep");
  CHECK(story.is<state::Failed>("pre-start a"));
  CHECK(story.is<state::Stopped>("pre-start b"));
  CHECK(story.nothing_left() == "exit 1");
}

TEST_CASE("a hook that ignores the SIGTERM of its timeout gets SIGKILL when the time of a stop is over") {
  Story story(plan_of(boot_with_hooks({.timeout = 5s}, {.stop_timeout = 4s})));
  story.boot();
  story.after(5s);
  CHECK(story.after(4s) == "SIGKILL group of pre-start a");
  CHECK(story.dies("pre-start a", SIGKILL) == "sweep");
  CHECK(story.nothing_left() == "exit 1");
}

TEST_CASE("each hook has its own time") {
  Story story(plan_of(boot_with_hooks({.timeout = 5s})));
  story.boot();
  CHECK(story.after(4s) == "-");
  story.exits("pre-start a", 0);
  CHECK(story.next_deadline() == 5s);
  story.exits("pre-start b", 0);
  CHECK(story.next_deadline() == Duration::max());
}

TEST_CASE("the time of a hook does not run while it cannot be started") {
  Story story(plan_of(boot_with_hooks({.timeout = 1s})));
  story.refuse("pre-start a", kNoProcessSlot);
  story.boot();
  story.at_next_deadline();
  story.allow("pre-start a");
  CHECK(story.at_next_deadline() == "spawn pre-start a");
  CHECK(story.next_deadline() == 1s);
}

// ---- A stop while a hook runs

TEST_CASE(
    "a stop signal while a hook runs: SIGTERM, then SIGKILL at the end of the budget, and nothing further starts") {
  Story story(plan_of(boot_with_hooks()));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM pre-start a, SIGCONT group of pre-start a");
  CHECK(story.after(7s) == "sweep");
  CHECK(story.after(2s) == "SIGKILL group of pre-start a, kill everything");
  CHECK(story.dies("pre-start a", SIGKILL) == "-");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a hook that succeeds after the stop began starts nothing") {
  Story story(plan_of(boot_with_hooks(), {"main"}));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.exits("pre-start a", 0) == "sweep");
  CHECK(story.is<state::Stopped>("pre-start a"));
  CHECK(story.nothing_left() == "exit 143");
}

TEST_CASE("a stop signal ends a hook that waits for a process slot") {
  Story story(plan_of(boot_with_hooks()));
  story.refuse("pre-start a", kNoProcessSlot);
  story.boot();
  CHECK(story.signal(SIGTERM) == "sweep");
  CHECK(story.next_deadline() == 9s);
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a stop signal after the timeout of a hook changes nothing of its SIGKILL") {
  Story story(plan_of(boot_with_hooks({.timeout = 5s}, {.stop_timeout = 4s})));
  story.boot();
  story.after(5s);
  story.after(1s);
  CHECK(story.signal(SIGTERM) == "-");
  CHECK(story.after(3s) == "SIGKILL group of pre-start a, sweep");
  CHECK(story.dies("pre-start a", SIGKILL) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("what a main command is sent while hooks run waits for it") {
  Story story(plan_of(boot_with_hooks(), {"main"}));
  story.boot();
  CHECK(story.signal(SIGINT) == "-");
  story.exits("pre-start a", 0);
  CHECK(story.exits("pre-start b", 0) == "spawn db, spawn app, spawn main, SIGINT main");
}

TEST_CASE("a hook is killed at the end of the budget also before a lone main command that never is") {
  Story story(plan_of(with_hooks(config_of({}), {.pre_start = commands({"a"})}), {"main"}));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM pre-start a, SIGCONT group of pre-start a");
  CHECK(story.after(7s) == "sweep");
  CHECK(story.after(2s) == "SIGKILL group of pre-start a, kill everything");
  CHECK(story.dies("pre-start a", SIGKILL) == "-");
  CHECK(story.nothing_left() == "exit 143");
}

// ---- After the services

TEST_CASE("post-start hooks run when the services are ready, and the main command after them") {
  Story story(plan_of(with_hooks(config_of({service("db"), oneshot("migrate")}), {.post_start = commands({"a", "b"})}),
                      {"main"}));
  CHECK(story.boot() == "spawn db, spawn migrate");
  CHECK(story.exits("migrate", 0) == "spawn post-start a");
  CHECK(story.exits("post-start a", 0) == "spawn post-start b");
  CHECK(story.exits("post-start b", 0) == "spawn main");
}

TEST_CASE("a post-start hook that fails stops the services, with 1 in the end") {
  Story story(plan_of(with_hooks(config_of({service("db")}), {.post_start = commands({"a"})}), {"main"}));
  CHECK(story.boot() == "spawn db, spawn post-start a");
  CHECK(story.exits("post-start a", 3) == "SIGTERM db, SIGCONT group of db");
  CHECK(story.is<state::Stopped>("main"));
  CHECK(story.exits_alone("db", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 1");
}

TEST_CASE("a post-start hook that still runs is stopped before the services") {
  Story story(plan_of(with_hooks(config_of({service("db")}), {.post_start = commands({"a"})})));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM post-start a, SIGCONT group of post-start a");
  CHECK(story.exits("post-start a", 1) == "SIGTERM db, SIGCONT group of db");
}

TEST_CASE("services that have all ended do not end the container while a post-start hook runs") {
  Story story(plan_of(with_hooks(config_of({oneshot("migrate")}), {.post_start = commands({"a"})})));
  story.boot();
  story.exits("migrate", 0);
  CHECK(story.said<notice::ShutdownBegun>().empty());
  CHECK(story.exits("post-start a", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

// ---- What a failure prevents later, and a boot that takes too long

TEST_CASE("a boot hook whose failure counts later lets its like run, and then ends the boot") {
  std::vector<Program> hooks{{"/a"}, {"/b"}, {"/c"}};
  for (Program& hook : hooks) hook.on_failure = HookFailure::EndsBootLater;
  hooks.push_back({"/d"});
  Commands commands;
  commands.startup = hooks;
  auto planned = make_plan(config_of({service("db")}), commands);
  Story story(std::get<Plan>(planned));
  CHECK(story.boot() == "spawn /a");
  CHECK(story.exits("/a", 3) == "spawn /b");
  CHECK(story.exits("/b", 4) == "spawn /c");
  CHECK(story.exits("/c", 0) == "sweep");
  CHECK(story.is<state::Stopped>("/d"));
  REQUIRE(story.said<notice::ShutdownBegun>().size() == 1);
  CHECK(story.said<notice::ShutdownBegun>()[0].service == ServiceId{1});
  CHECK(story.nothing_left() == "exit 1");
}

TEST_CASE("the main command waits for the boot no longer than it may") {
  Plan plan = plan_of(
      config_of({service("db", {.ready = config::Ready{config::NotifyReady{}}}), service("web", {.after = {"db"}})}),
      {"main"});
  plan.rules.boot_time = 5s;
  Story story(plan);
  CHECK(story.boot() == "spawn db");
  CHECK(story.next_deadline() == 5s);
  CHECK(story.after(5s) == "spawn main");
  CHECK(story.is<state::Waiting>("web"));
  REQUIRE(story.said<notice::WaitedTooLong>().size() == 1);
}

TEST_CASE("a boot that takes longer than the main command waits may have failed") {
  Plan plan = plan_of(config_of({service("db", {.ready = config::Ready{config::NotifyReady{}}})}), {"main"});
  plan.rules.boot_time = 5s;
  plan.rules.slow_boot_fails = true;
  Story story(plan);
  CHECK(story.boot() == "spawn db");
  CHECK(story.after(5s) == "SIGTERM db, SIGCONT group of db");
  CHECK(story.exits_alone("db", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 1");
}

TEST_CASE("a boot that is over in time changes nothing when that time comes") {
  Plan plan = plan_of(config_of({service("db")}), {"main"});
  plan.rules.boot_time = 5s;
  plan.rules.slow_boot_fails = true;
  Story story(plan);
  CHECK(story.boot() == "spawn db, spawn main");
  CHECK(story.after(5s) == "-");
  CHECK(story.is<state::Running>("main"));
}
