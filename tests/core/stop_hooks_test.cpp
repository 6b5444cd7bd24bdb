// What runs once, before the services are stopped and when nothing is left, when the container ends.
#include <doctest/doctest.h>

#include <csignal>

#include "story.hpp"

using namespace cinit;
using namespace cinit::core;
using namespace std::chrono_literals;
using config::RestartPolicy;

namespace {

const StartFailure kNoSuchProgram{StartStage::Exec, ENOENT, "/bin/a", false};
const StartFailure kNoProcessSlot{StartStage::Fork, EAGAIN, "", true};

config::Config db_with(config::Hooks hooks, config::Container container = {}, config::Service db = {}) {
  return with_hooks(config_of({service("db", std::move(db))}, std::move(container)), std::move(hooks));
}

config::Hooks pre_stop(const std::vector<std::string>& words) { return {.pre_stop = commands(words)}; }
config::Hooks post_stop(const std::vector<std::string>& words) { return {.post_stop = commands(words)}; }

}  // namespace

// ---- Before the stop

TEST_CASE("pre-stop hooks run one after the other before the first service is stopped") {
  Story story(plan_of(db_with(pre_stop({"a", "b"}))));
  CHECK(story.boot() == "spawn db");
  CHECK(story.signal(SIGTERM) == "spawn pre-stop a");
  CHECK(story.exits("pre-stop a", 0) == "spawn pre-stop b");
  CHECK(story.is<state::Running>("db"));
  CHECK(story.exits("pre-stop b", 0) == "SIGTERM db, SIGCONT group of db");
  CHECK(story.exits_alone("db", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("pre-stop hooks run whatever the stop is for") {
  Story failed(plan_of(db_with(pre_stop({"a"}), {}, {.restart = RestartPolicy::No}), {"main"}));
  failed.boot();
  CHECK(failed.exits_alone("db", 3) == "-");
  CHECK(failed.is<state::Starting>("pre-stop a"));
  CHECK(failed.exits("pre-stop a", 0) == "SIGTERM main");
  failed.exits("main", 0);
  CHECK(failed.nothing_left() == "exit 3");

  Story main_ended(plan_of(db_with(pre_stop({"a"})), {"main"}));
  main_ended.boot();
  CHECK(main_ended.exits("main", 4) == "spawn pre-stop a");
  CHECK(main_ended.exits("pre-stop a", 0) == "SIGTERM db, SIGCONT group of db");

  Story all_ended(plan_of(db_with(pre_stop({"a"}))));
  all_ended.boot();
  CHECK(all_ended.exits_alone("db", 0) == "spawn pre-stop a");
  CHECK(all_ended.exits("pre-stop a", 0) == "sweep");
}

TEST_CASE("a pre-stop hook that fails prevents nothing, and is not the exit code") {
  Story story(plan_of(db_with(pre_stop({"a", "b", "c"}))));
  story.boot();
  story.refuse("pre-stop b", kNoSuchProgram);
  story.signal(SIGTERM);
  CHECK(story.exits("pre-stop a", 3) == "spawn pre-stop b, spawn pre-stop c");
  CHECK(story.said<notice::Failed>().size() == 1);
  CHECK(story.said<notice::StartFailed>().size() == 1);
  CHECK(story.dies("pre-stop c", SIGSEGV) == "SIGTERM db, SIGCONT group of db");
  story.exits_alone("db", 0);
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE(
    "pre-stop hooks have R in all: then the one that runs is stopped with the services, and the rest never starts") {
  Story story(plan_of(db_with(pre_stop({"a", "b", "c"}))));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.after(1500ms) == "-");
  CHECK(story.exits("pre-stop a", 0) == "spawn pre-stop b");
  CHECK(story.after(500ms) == "SIGTERM db, SIGCONT group of db, SIGTERM pre-stop b, SIGCONT group of pre-stop b");
  CHECK(story.exits("pre-stop b", 0) == "-");
  CHECK(story.exits_alone("db", 0) == "sweep");
  CHECK(story.is<state::Idle>("pre-stop c"));
  CHECK(story.elapsed() == 2s);
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("no pre-stop hook is started at the instant at which their time is over") {
  Story story(plan_of(db_with(pre_stop({"a", "b"}))));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.after(2s) == "SIGTERM db, SIGCONT group of db, SIGTERM pre-stop a, SIGCONT group of pre-stop a");

  Story no_time(plan_of(db_with(pre_stop({"a"}), {.stop_timeout = 0s})));
  no_time.boot();
  CHECK(no_time.signal(SIGTERM) == "SIGTERM db, SIGCONT group of db, sweep");
}

TEST_CASE(
    "a pre-stop hook that ignores its SIGTERM is killed at the end of the budget, which is not the service's fault") {
  Story story(plan_of(db_with(pre_stop({"a"}))));
  story.boot();
  story.signal(SIGTERM);
  story.after(2s);
  story.exits_alone("db", 0);
  CHECK(story.after(5s) == "sweep");
  CHECK(story.after(2s) == "SIGKILL group of pre-stop a, kill everything");
  CHECK(story.dies("pre-stop a", SIGKILL) == "-");
  CHECK(story.nothing_left() == "exit 0");
  CHECK(story.elapsed() == 9s);
}

TEST_CASE("what pre-stop hooks leave is swept") {
  Story story(plan_of(db_with(pre_stop({"a"}))));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.exits("pre-stop a", 0) == "SIGTERM db, SIGCONT group of db");
  CHECK(story.exits_alone("db", 0) == "sweep");
  CHECK(story.after(9s) == "kill everything");
}

TEST_CASE("a pre-stop hook that is not done in the time of hooks is stopped, and the next one runs") {
  config::Hooks hooks = pre_stop({"a", "b"});
  hooks.timeout = 1s;
  Story story(plan_of(db_with(hooks)));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.after(1s) == "SIGTERM pre-stop a, SIGCONT group of pre-stop a");
  CHECK(story.dies("pre-stop a", SIGTERM) == "spawn pre-stop b");
  CHECK(story.said<notice::TimedOut>().size() == 1);
  CHECK(story.exits("pre-stop b", 0) == "SIGTERM db, SIGCONT group of db");
}

TEST_CASE("a pre-stop hook for which there is no process slot is tried again until the time is over") {
  Story story(plan_of(db_with(pre_stop({"a", "b"}))));
  story.boot();
  story.refuse("pre-stop a", kNoProcessSlot);
  CHECK(story.signal(SIGTERM) == "spawn pre-stop a");
  for (int i = 0; i < 3; ++i) CHECK(story.at_next_deadline() == "spawn pre-stop a");
  CHECK(story.at_next_deadline() == "SIGTERM db, SIGCONT group of db");
  CHECK(story.elapsed() == 2s);
  CHECK(story.exits_alone("db", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a second stop signal ends the pre-stop hooks, and is for everything") {
  Story story(plan_of(db_with(pre_stop({"a", "b"}))));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.signal(SIGTERM) ==
        "SIGTERM group of db, SIGCONT group of db, SIGTERM group of pre-stop a, SIGCONT group "
        "of pre-stop a, sweep again");
  CHECK(story.exits("pre-stop a", 0) == "-");
  CHECK(story.exits_alone("db", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a third stop signal kills pre-stop hooks as everything else") {
  Story story(plan_of(db_with(pre_stop({"a"}))));
  story.boot();
  story.signal(SIGTERM);
  story.signal(SIGTERM);
  CHECK(story.signal(SIGTERM) == "SIGKILL group of db, SIGKILL group of pre-stop a, kill everything");
}

TEST_CASE("a service that ends while pre-stop hooks run is not started again") {
  Story story(plan_of(db_with(pre_stop({"a"}))));
  story.boot();
  story.signal(SIGTERM);
  CHECK(story.exits("db", 1) == "SIGTERM group of db, SIGCONT group of db, watch db");
  CHECK(story.group_empties("db") == "-");
  CHECK(story.is<state::Stopped>("db"));
  CHECK(story.exits("pre-stop a", 0) == "sweep");
}

TEST_CASE("the first stop signal waits for the pre-stop hooks of a stop that began for another reason") {
  Story story(plan_of(db_with(pre_stop({"a"}), {}, {.restart = RestartPolicy::No}), {"main"}));
  story.boot();
  story.exits_alone("db", 3);
  CHECK(story.signal(SIGTERM) == "-");
  CHECK(story.signal(SIGINT) == "SIGINT main");
  CHECK(story.exits("pre-stop a", 0) == "SIGTERM main");
}

TEST_CASE("a lone main command gets its SIGTERM after the pre-stop hooks, and ends with its code") {
  config::Hooks hooks = pre_stop({"a"});
  hooks.post_stop = commands({"b"});
  Story story(plan_of(with_hooks(config_of({}), hooks), {"main"}));
  story.boot();
  CHECK(story.signal(SIGTERM) == "spawn pre-stop a");
  CHECK(story.exits("pre-stop a", 0) == "SIGTERM main");
  CHECK(story.exits("main", 5) == "sweep");
  CHECK(story.nothing_left() == "spawn post-stop b");
  CHECK(story.exits("post-stop b", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 5");
}

TEST_CASE("a lone main command that outlives the budget leaves no time for post-stop hooks") {
  Story story(plan_of(with_hooks(config_of({}), post_stop({"a"})), {"main"}));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM main");
  CHECK(story.after(7s) == "sweep");
  CHECK(story.after(2s) == "kill all but main");
  CHECK(story.exits("main", 5) == "kill everything");
  CHECK(story.nothing_left() == "exit 5");
}

// ---- After the stop

TEST_CASE("post-stop hooks run one after the other when nothing is left, and what they leave is swept") {
  Story story(plan_of(db_with(post_stop({"a", "b"}))));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM db, SIGCONT group of db");
  CHECK(story.exits_alone("db", 0) == "sweep");
  CHECK(story.after(1s) == "-");
  CHECK(story.nothing_left() == "spawn post-stop a");
  CHECK(story.nothing_left() == "-");
  CHECK(story.exits("post-stop a", 0) == "spawn post-stop b");
  CHECK(story.exits("post-stop b", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a post-stop hook that fails prevents nothing, and is not the exit code") {
  Story story(plan_of(db_with(post_stop({"a", "b", "c"}))));
  story.boot();
  story.refuse("post-stop a", kNoSuchProgram);
  story.signal(SIGTERM);
  story.exits_alone("db", 0);
  CHECK(story.nothing_left() == "spawn post-stop a, spawn post-stop b");
  CHECK(story.exits("post-stop b", 3) == "spawn post-stop c");
  CHECK(story.dies("post-stop c", SIGSEGV) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("post-stop hooks have what is left of the budget, and then SIGKILL") {
  Story story(plan_of(db_with(post_stop({"a", "b"}))));
  story.boot();
  story.signal(SIGTERM);
  story.after(6s);
  story.exits_alone("db", 0);
  story.nothing_left();
  CHECK(story.next_deadline() == 3s);
  CHECK(story.after(3s) == "kill everything");
  CHECK(story.said<notice::BudgetSpent>().size() == 1);
  CHECK(story.dies("post-stop a", SIGKILL) == "-");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a post-stop hook that not even SIGKILL ends is left behind, and has no time of its own any more") {
  config::Hooks hooks = post_stop({"a"});
  hooks.timeout = 9200ms;
  Story story(plan_of(db_with(hooks)));
  story.boot();
  story.signal(SIGTERM);
  story.exits_alone("db", 0);
  story.nothing_left();
  CHECK(story.after(9s) == "kill everything");
  CHECK(story.after(500ms) == "abandon 0");
  CHECK(story.said<notice::TimedOut>().empty());
}

TEST_CASE("a post-stop hook that is not done in the time of hooks is stopped, and the next one runs") {
  config::Hooks hooks = post_stop({"a", "b"});
  hooks.timeout = 1s;
  Story story(plan_of(db_with(hooks)));
  story.boot();
  story.signal(SIGTERM);
  story.exits_alone("db", 0);
  story.nothing_left();
  CHECK(story.after(1s) == "SIGTERM post-stop a, SIGCONT group of post-stop a");
  CHECK(story.dies("post-stop a", SIGTERM) == "spawn post-stop b");
  CHECK(story.after(1s) == "SIGTERM post-stop b, SIGCONT group of post-stop b");
  CHECK(story.next_deadline() == 7s);
  CHECK(story.after(7s) == "SIGKILL group of post-stop b, kill everything");
}

TEST_CASE(
    "a post-stop hook for which there is no process slot is tried again until the budget is over, and not after it") {
  Story story(plan_of(db_with(post_stop({"a", "b"}), {.stop_timeout = 1s})));
  story.boot();
  story.refuse("post-stop a", kNoProcessSlot);
  story.signal(SIGTERM);
  story.exits_alone("db", 0);
  CHECK(story.nothing_left() == "spawn post-stop a");
  CHECK(story.at_next_deadline() == "spawn post-stop a");
  CHECK(story.at_next_deadline() == "spawn post-stop a");
  CHECK(story.at_next_deadline() == "kill everything");
  CHECK(story.elapsed() == 1s);
  CHECK(story.next_deadline() == 500ms);
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("post-stop hooks do not run after the end of the budget") {
  Story story(plan_of(db_with(post_stop({"a"}))));
  story.boot();
  story.signal(SIGTERM);
  story.after(7s);
  story.after(2s);
  story.dies("db", SIGKILL);
  story.group_empties("db");
  CHECK(story.nothing_left() == "exit 137");
}

TEST_CASE("post-stop hooks do not run in a stop that was urged") {
  Story story(plan_of(db_with(post_stop({"a"}))));
  story.boot();
  story.signal(SIGTERM);
  story.signal(SIGTERM);
  story.exits_alone("db", 0);
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a second stop signal while post-stop hooks run stops the one that runs, and starts no other") {
  Story story(plan_of(db_with(post_stop({"a", "b"}))));
  story.boot();
  story.signal(SIGTERM);
  story.exits_alone("db", 0);
  story.nothing_left();
  CHECK(story.signal(SIGTERM) == "SIGTERM group of post-stop a, SIGCONT group of post-stop a, sweep again");
  CHECK(story.exits("post-stop a", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a third stop signal while post-stop hooks run kills") {
  Story story(plan_of(db_with(post_stop({"a", "b"}))));
  story.boot();
  story.signal(SIGTERM);
  story.exits_alone("db", 0);
  story.nothing_left();
  story.signal(SIGTERM);
  CHECK(story.signal(SIGTERM) == "SIGKILL group of post-stop a, kill everything");
  story.dies("post-stop a", SIGKILL);
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("leftovers of a main command that ended by itself are killed at R, and post-stop hooks run after that") {
  Story story(plan_of(with_hooks(config_of({}), post_stop({"a"})), {"main"}));
  story.boot();
  CHECK(story.exits("main", 3) == "sweep");
  CHECK(story.after(2s) == "kill everything");
  CHECK(story.nothing_left() == "spawn post-stop a");
  CHECK(story.next_deadline() == 7s);
  CHECK(story.exits("post-stop a", 0) == "sweep");
  CHECK(story.next_deadline() == 2s);
  CHECK(story.nothing_left() == "exit 3");
}

// ---- When

TEST_CASE("stop hooks do not run when a boot hook failed or did not end before the stop") {
  config::Hooks hooks{.pre_start = commands({"a"}), .pre_stop = commands({"b"}), .post_stop = commands({"c"})};
  Story failed(plan_of(db_with(hooks)));
  failed.boot();
  CHECK(failed.exits("pre-start a", 1) == "sweep");
  CHECK(failed.nothing_left() == "exit 1");

  Story stopped(plan_of(db_with(hooks)));
  stopped.boot();
  CHECK(stopped.signal(SIGTERM) == "SIGTERM pre-start a, SIGCONT group of pre-start a");
  CHECK(stopped.exits("pre-start a", 0) == "sweep");
  CHECK(stopped.nothing_left() == "exit 0");
}

TEST_CASE("stop hooks run when a post-start hook failed: the services were there") {
  config::Hooks hooks{.post_start = commands({"a"}), .pre_stop = commands({"b"}), .post_stop = commands({"c"})};
  Story story(plan_of(db_with(hooks)));
  story.boot();
  CHECK(story.exits("post-start a", 1) == "spawn pre-stop b");
  CHECK(story.exits("pre-stop b", 0) == "SIGTERM db, SIGCONT group of db");
  story.exits_alone("db", 0);
  CHECK(story.nothing_left() == "spawn post-stop c");
  story.exits("post-stop c", 0);
  CHECK(story.nothing_left() == "exit 1");
}

TEST_CASE("with hooks and nothing else those of the stop run too") {
  Story story(plan_of(with_hooks(
      config_of({}), {.pre_start = commands({"a"}), .pre_stop = commands({"b"}), .post_stop = commands({"c"})})));
  CHECK(story.boot() == "spawn pre-start a");
  CHECK(story.exits("pre-start a", 0) == "spawn pre-stop b");
  CHECK(story.exits("pre-stop b", 0) == "sweep");
  CHECK(story.nothing_left() == "spawn post-stop c");
  CHECK(story.exits("post-stop c", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}
