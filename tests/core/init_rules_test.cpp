// The rules of another init in whose place cinit is.
#include <doctest/doctest.h>

#include <csignal>

#include "story.hpp"

using namespace cinit;
using namespace cinit::core;
using namespace std::chrono_literals;

namespace {

// "a" beside a main command, a boot hook, and hooks before and after the stop, with all that my_init does in another way.
Plan plan_of_my_init() {
  config::Config config = config_of({service("a", {.kill_mode = config::KillMode::Process})}, {.stop_timeout = 100s});
  Plan plan = std::get<Plan>(make_plan(config, {.main_command = {"/bin/main"},
                                                .startup = {std::string("/boot")},
                                                .pre_stop = {std::string("/pre")},
                                                .post_stop = {std::string("/post")}}));
  plan.services[index_of(*plan.main_command)].spec.stop_timeout = 30s;
  plan.rules.forwards_signals = false;
  plan.rules.takes_more_stop_signals = false;
  plan.rules.ends_main_first = true;
  plan.rules.runs_hooks_before_sweep = true;
  plan.rules.pre_stop_time = 30s;
  plan.rules.sweep_time = 20s;
  plan.rules.stop_signal_code = [](Signal) { return 2; };
  plan.rules.failed_stop_hook_code = 1;
  return plan;
}

void boot(Story& story) {
  story.boot();
  story.exits("/boot", 0);
}

}  // namespace

TEST_CASE("main first, then the hooks before the stop, the services, the hooks after it, and everything else") {
  Story story(plan_of_my_init());
  boot(story);
  CHECK(story.signal(SIGTERM) == "SIGTERM main");
  CHECK(story.exits("main", 9) == "spawn /pre");
  CHECK(story.exits("/pre", 0) == "SIGTERM a, SIGCONT group of a");
  CHECK(story.exits("a", 0) == "spawn /post");
  CHECK(story.exits("/post", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 2");
}

TEST_CASE("the same order when the main command has ended by itself, and its code") {
  Story story(plan_of_my_init());
  boot(story);
  CHECK(story.exits("main", 9) == "spawn /pre");
  story.exits("/pre", 0);
  CHECK(story.exits("a", 0) == "spawn /post");
  CHECK(story.exits("/post", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 9");
}

TEST_CASE("a deaf main command gets SIGKILL at the end of its own time, and everybody else waits for that") {
  Story story(plan_of_my_init());
  boot(story);
  story.signal(SIGTERM);
  CHECK(story.next_deadline() == 30s);
  CHECK(story.at_next_deadline() == "SIGKILL group of main");
  CHECK(story.dies("main", SIGKILL) == "spawn /pre");
}

TEST_CASE("one that SIGKILL does not end keeps nobody waiting beyond the whole time") {
  Story story(plan_of_my_init());
  boot(story);
  story.signal(SIGTERM);
  story.at_next_deadline();
  CHECK(story.next_deadline() == kAbandonTime);
  CHECK(story.at_next_deadline() == "-");
  CHECK(story.next_deadline() == 70s - kAbandonTime);
  CHECK(story.at_next_deadline() == "SIGTERM a, SIGCONT group of a, sweep");
  CHECK(story.at_next_deadline() == "SIGKILL a, kill everything");
}

TEST_CASE("another stop signal changes nothing") {
  Story story(plan_of_my_init());
  boot(story);
  story.signal(SIGTERM);
  for (int i = 0; i < 3; ++i) CHECK(story.signal(SIGTERM) == "-");
  CHECK(story.exits("main", 0) == "spawn /pre");
  CHECK(story.signal(SIGTERM) == "-");
}

TEST_CASE("one that comes in a stop which the main command has begun by its end changes nothing either") {
  Story story(plan_of_my_init());
  boot(story);
  story.exits("main", 9);
  CHECK(story.signal(SIGTERM) == "-");
  CHECK(story.exits("/pre", 0) == "SIGTERM a, SIGCONT group of a");
  story.exits("a", 0);
  story.exits("/post", 0);
  CHECK(story.nothing_left() == "exit 9");
}

TEST_CASE("no signal is forwarded, and SIGHUP asks for nothing") {
  Story story(plan_of_my_init());
  boot(story);
  for (const int signal : {SIGHUP, SIGUSR1, SIGWINCH}) CHECK(story.signal(signal) == "-");
  CHECK(story.said<notice::ReloadRefused>().empty());
  CHECK(story.signal(SIGHUP, SignalOrigin::Terminal) == "-");
}

TEST_CASE("a hook of the stop that fails prevents nothing, and shows in the exit code") {
  Story story(plan_of_my_init());
  boot(story);
  story.signal(SIGTERM);
  story.exits("main", 0);
  CHECK(story.exits("/pre", 3) == "SIGTERM a, SIGCONT group of a");
  CHECK(story.exits("a", 0) == "spawn /post");
  CHECK(story.exits("/post", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 1");
}

TEST_CASE("a stop signal in the boot: no hooks of the stop, and the code of a stop signal") {
  Story story(plan_of_my_init());
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM /boot, SIGCONT group of /boot");
  CHECK(story.dies("/boot", SIGTERM) == "sweep");
  CHECK(story.nothing_left() == "exit 2");
}

TEST_CASE("a stop signal while the main command is being started ends it as soon as it runs") {
  Story story(plan_of_my_init());
  story.refuse("main", StartFailure{StartStage::Fork, EAGAIN, "", true});
  boot(story);
  story.allow("main");
  CHECK(story.signal(SIGTERM) == "spawn /pre");
}

TEST_CASE("the sweep has a time of its own") {
  Story story(plan_of_my_init());
  boot(story);
  story.signal(SIGTERM);
  story.exits("main", 0);
  story.exits("/pre", 0);
  story.exits("a", 0);
  CHECK(story.exits("/post", 0) == "sweep");
  CHECK(story.next_deadline() == 20s);
  CHECK(story.at_next_deadline() == "kill everything");
  CHECK(story.said<notice::SweepOver>().size() == 1);
}

TEST_CASE("without a sweep it leaves at once, and what is there is none of its business") {
  Plan plan = plan_of_my_init();
  plan.rules.sweeps = false;
  Story story(std::move(plan));
  boot(story);
  story.signal(SIGTERM);
  story.exits("main", 0);
  story.exits("/pre", 0);
  story.exits("a", 0);
  CHECK(story.exits("/post", 0) == "exit 2");
}

TEST_CASE("services of directories have their own time in the stop, and none before") {
  config::Service a = service("a", {.kill_mode = config::KillMode::Process});
  a.directory.emplace();
  Plan plan = plan_of(config_of({a}, {.stop_timeout = 100s}));
  plan.rules.service_stop_timeout = 30s;
  Story story(std::move(plan));
  story.boot();
  SUBCASE("on request") {
    story.requests(Requested::What::Stop, "a");
    CHECK(story.next_deadline() == Duration::max());
  }
  SUBCASE("in the stop") {
    story.signal(SIGTERM);
    CHECK(story.next_deadline() == 30s);
    CHECK(story.at_next_deadline() == "SIGKILL a");
  }
}
