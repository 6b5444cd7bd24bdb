// Services of service directories: how they are kept, and how they come and go.
#include <doctest/doctest.h>

#include <csignal>
#include <functional>

#include "core/retirement.hpp"
#include "story.hpp"

using namespace cinit;
using namespace cinit::core;
using namespace std::chrono_literals;

namespace {

using Suite = config::ServiceDirectory::Suite;

const StartFailure kNotThere{StartStage::Exec, 2, "./run: it does not exist", false};

// As servicedir/ makes them. `inode` tells a directory from another one of the same name.
config::Service directory(std::string name, Suite suite = Suite::Runit, std::uint64_t inode = 1) {
  config::Service service;
  service.name = std::move(name);
  service.command = {"./run"};
  service.start_timeout = 0s;
  service.restart = config::RestartPolicy::Always;
  service.start_limit_burst = 0;
  service.on_failure = config::EndAction::Ignore;
  service.kill_mode = config::KillMode::Process;
  service.post_stop = {{"./finish"}};
  service.directory = config::ServiceDirectory{.suite = suite,
                                               .path = "/etc/service/" + service.name,
                                               .device = std::hash<std::string>()(service.name),
                                               .inode = inode};
  return service;
}

config::Service down(config::Service service) {
  service.autostart = false;
  return service;
}

// A service and its logger, which has no ./finish.
std::vector<config::Service> logged(const std::string& name) {
  config::Service producer = directory(name);
  producer.pipes_into = name + "/log";
  config::Service logger = directory(name + "/log");
  logger.post_stop.clear();
  return {producer, logger};
}

// Ends the main process, and the ./finish that follows.
std::string ends(Story& story, const std::string& name, int code) {
  story.exits(name, code);
  return story.command_exits(name, 0);
}

}  // namespace

// ---- How one is kept

TEST_CASE("a service directory's service is started again for ever, at most once a second") {
  Story story(plan_of(config_of({directory("a")})));
  CHECK(story.boot() == "spawn a");
  for (int i = 0; i < 50; ++i) {
    CHECK(story.exits("a", 3) == "post-stop 0 of a");
    CHECK(story.command_exits("a", 0) == "-");
    CHECK(story.next_deadline() == 1s);
    CHECK(story.at_next_deadline() == "spawn a");
  }
}

TEST_CASE("one that ran for a second is started again at once, also when it ended successfully") {
  Story story(plan_of(config_of({directory("a")})));
  story.boot();
  story.after(1s);
  story.exits("a", 0);
  CHECK(story.command_exits("a", 0) == "-");
  CHECK(story.next_deadline() == 0s);
  CHECK(story.at_next_deadline() == "spawn a");
}

TEST_CASE("a restart waits for ./finish, whose exit code means nothing") {
  Story story(plan_of(config_of({directory("a")})));
  story.boot();
  story.after(2s);
  story.exits("a", 0);
  story.after(5s);
  CHECK(story.command_exits("a", 1) == "-");
  CHECK(story.at_next_deadline() == "spawn a");
  CHECK(story.said<notice::TaskFailed>().empty());
}

TEST_CASE("a program that is not there is looked for each second, is told of once, and nobody waits for it") {
  Story story(plan_of(config_of({directory("a")}), {"/bin/main"}));
  story.refuse("a", kNotThere);
  CHECK(story.boot() == "spawn a, post-stop 0 of a, spawn main");
  CHECK(story.command_exits("a", 0) == "-");
  for (int i = 0; i < 5; ++i) {
    CHECK(story.next_deadline() == 1s);
    CHECK(story.at_next_deadline() == "spawn a, post-stop 0 of a");
    story.command_exits("a", 0);
  }
  CHECK(story.said<notice::StartFailed>().size() == 1);
  story.allow("a");
  CHECK(story.at_next_deadline() == "spawn a");
  CHECK(story.is<state::Running>("a"));
}

TEST_CASE("one that was started once is not started again when it ends, until somebody asks") {
  Story story(plan_of(config_of({directory("a"), directory("b")})));
  story.boot();
  CHECK(story.requests(Requested::What::Once, "a") == "-");
  ends(story, "a", 0);
  CHECK(story.is<state::Stopped>("a"));
  CHECK(story.requests(Requested::What::Once, "a") == "spawn a");
  ends(story, "a", 0);
  CHECK(story.requests(Requested::What::Start, "a") == "spawn a");
  story.exits("a", 0);
  story.command_exits("a", 0);
  CHECK(story.is<state::Backoff>("a"));
}

TEST_CASE("once: a start that was asked for since holds") {
  Story story(plan_of(config_of({directory("a"), directory("b")})));
  story.boot();
  story.requests(Requested::What::Once, "a");
  story.requests(Requested::What::Start, "a");
  ends(story, "a", 0);
  CHECK(story.is<state::Backoff>("a"));
}

TEST_CASE("stopped on request it gets no SIGKILL, however long it takes") {
  Story story(plan_of(config_of({directory("a"), directory("b")})));
  story.boot();
  CHECK(story.requests(Requested::What::Stop, "a") == "SIGTERM a");
  CHECK(story.next_deadline() == Duration::max());
}

TEST_CASE("in the stop of everything SIGKILL comes at the end of the budget") {
  Story story(plan_of(config_of({directory("a")}, {.stop_timeout = 4s})));
  story.boot();
  CHECK(story.signal(SIGTERM) == "SIGTERM a");
  CHECK(story.at_next_deadline() == "sweep");
  CHECK(story.at_next_deadline() == "SIGKILL a, kill everything");
  CHECK(story.elapsed() == 4s);
}

TEST_CASE("a container does not end because all services of directories have") {
  Story story(plan_of(config_of({down(directory("a"))})));
  CHECK(story.boot() == "-");
  CHECK(story.requests(Requested::What::Once, "a") == "spawn a");
  CHECK(ends(story, "a", 0) == "-");
  CHECK(story.signal(SIGTERM) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

// ---- s6

TEST_CASE("s6: a ./finish that exits with 125 says that its service is not to be started again") {
  Story story(plan_of(config_of({directory("a", Suite::S6), directory("b", Suite::S6)})));
  story.boot();
  story.exits("a", 1);
  CHECK(story.command_exits("a", 125) == "-");
  CHECK(story.is<state::Failed>("a"));
  CHECK(story.said<notice::GivenUp>().size() == 1);
  CHECK(story.requests(Requested::What::Start, "a") == "spawn a");
}

TEST_CASE("s6-rc: a container does not end because its last service is not to be started again") {
  config::Service a = directory("a", Suite::S6);
  a.directory->is_scanned = false;
  Story story(plan_of(config_of({a})));
  story.boot();
  story.exits("a", 1);
  CHECK(story.command_exits("a", 125) == "-");
  CHECK(story.is<state::Failed>("a"));
}

TEST_CASE("s6: 125 changes nothing about one that was to stop, or to start once more") {
  Story story(plan_of(config_of({directory("a", Suite::S6), directory("b", Suite::S6)})));
  story.boot();
  SUBCASE("to stop") {
    story.requests(Requested::What::Stop, "a");
    story.exits("a", 0);
    story.command_exits("a", 125);
    CHECK(story.is<state::Stopped>("a"));
  }
  SUBCASE("to start once more") {
    story.requests(Requested::What::Restart, "a");
    story.exits("a", 0);
    CHECK(story.command_exits("a", 125) == "spawn a");
  }
  CHECK(story.said<notice::GivenUp>().empty());
}

TEST_CASE("runit knows no 125") {
  Story story(plan_of(config_of({directory("a")})));
  story.boot();
  story.exits("a", 1);
  story.command_exits("a", 125);
  CHECK(story.is<state::Backoff>("a"));
}

TEST_CASE("s6: a ./finish is killed at the end of its time, and the service goes on") {
  config::Service a = directory("a", Suite::S6);
  a.directory->finish_timeout = 5s;
  Story story(plan_of(config_of({a})));
  story.boot();
  story.exits("a", 1);
  CHECK(story.next_deadline() == 5s);
  CHECK(story.at_next_deadline() == "end command of a, spawn a");
}

TEST_CASE("s6: with its own stop timeout one that is stopped on request gets SIGKILL") {
  config::Service a = directory("a", Suite::S6);
  a.stop_timeout = 2s;
  Story story(plan_of(config_of({a, directory("b", Suite::S6)})));
  story.boot();
  story.requests(Requested::What::Stop, "a");
  CHECK(story.next_deadline() == 2s);
  CHECK(story.at_next_deadline() == "SIGKILL a");
}

// ---- Loggers

TEST_CASE("a logger is started before its service, and stopped after it, by the end of its input") {
  Story story(plan_of(config_of(logged("a"))));
  CHECK(story.boot() == "spawn a/log, spawn a");
  CHECK(story.signal(SIGTERM) == "SIGTERM a");
  CHECK(story.exits("a", 0) == "post-stop 0 of a");
  CHECK(story.command_exits("a", 0) == "close input of a/log");
  CHECK(story.exits("a/log", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a logger that does not end with its input gets its signal when half of the time is over") {
  Story story(plan_of(config_of(logged("a"), {.stop_timeout = 8s})));
  story.boot();
  story.signal(SIGTERM);
  ends(story, "a", 0);
  CHECK(story.next_deadline() == 3s);
  CHECK(story.at_next_deadline() == "SIGTERM a/log");
}

TEST_CASE("a logger that is stopped on request gets its signal at once, and its pipe stays") {
  Story story(plan_of(config_of(logged("a"))));
  story.boot();
  CHECK(story.requests(Requested::What::Stop, "a/log") == "SIGTERM a/log");
}

TEST_CASE("whoever urges does not wait for what a logger reads") {
  Story story(plan_of(config_of(logged("a"))));
  story.boot();
  story.signal(SIGTERM);
  ends(story, "a", 0);
  CHECK(story.signal(SIGTERM) == "SIGTERM group of a/log, SIGCONT group of a/log, sweep again");
}

// ---- Directories that come and go

TEST_CASE("a directory that comes is started, with its logger") {
  Story story(plan_of(config_of({directory("a")})));
  story.boot();
  std::vector<config::Service> found = logged("b");
  found.push_back(directory("a"));
  CHECK(story.finds(found) == "spawn b/log, spawn b");
  CHECK(story.finds(found) == "-");
}

TEST_CASE("one that comes with a file down is not started, until somebody asks") {
  Story story(plan_of(config_of({directory("a")})));
  story.boot();
  CHECK(story.finds({directory("a"), down(directory("b"))}) == "-");
  CHECK(story.requests(Requested::What::Start, "b") == "spawn b");
}

TEST_CASE("a directory that goes is stopped for good, and then its logger") {
  std::vector<config::Service> services = logged("a");
  services.push_back(directory("b"));
  Story story(plan_of(config_of(services)));
  story.boot();
  CHECK(story.finds({directory("b")}) == "SIGTERM a");
  CHECK(story.exits("a", 0) == "post-stop 0 of a");
  CHECK(story.command_exits("a", 0) == "close input of a/log");
  CHECK(story.exits("a/log", 0) == "-");
  CHECK(story.is<state::Stopped>("a"));
  CHECK(story.is<state::Stopped>("a/log"));
  CHECK(story.next_deadline() == Duration::max());
}

TEST_CASE("one that goes while it waits for its restart does not come back") {
  Story story(plan_of(config_of({directory("a"), directory("b")})));
  story.boot();
  ends(story, "a", 1);
  REQUIRE(story.is<state::Backoff>("a"));
  CHECK(story.finds({directory("b")}) == "-");
  CHECK(story.is<state::Stopped>("a"));
}

TEST_CASE("services that come and go under ever new names share the places of those that are gone") {
  Story story(plan_of(config_of({service("stays")})));
  story.boot();
  for (int i = 0; i < 100; ++i) {
    const std::string name = "s" + std::to_string(i);
    CAPTURE(name);
    CHECK(story.finds(logged(name)) == "spawn " + name + "/log, spawn " + name);
    story.finds({});
    ends(story, name, 0);
    story.exits(name + "/log", 0);
  }
  CHECK(story.plan().services.size() <= 1 + 2 * 2);
}

TEST_CASE("one that comes back when it has ended takes its old place, and starts anew") {
  Story story(plan_of(config_of({directory("a"), directory("b")})));
  story.boot();
  story.finds({directory("b")});
  const ServiceId before = story.id_of("a");
  CHECK(story.finds({directory("a", Suite::Runit, 2), directory("b")}) == "-");  // it is still in the way
  ends(story, "a", 0);
  CHECK(story.finds({directory("a", Suite::Runit, 2), directory("b")}) == "spawn a");
  CHECK(story.id_of("a") == before);
}

TEST_CASE("another directory of the same name takes the place of the first when that has ended") {
  Story story(plan_of(config_of({directory("a"), directory("b")})));
  story.boot();
  const std::vector<config::Service> found{directory("a", Suite::Runit, 7), directory("b")};
  CHECK(story.finds(found) == "SIGTERM a");
  CHECK(story.finds(found) == "-");
  ends(story, "a", 0);
  CHECK(story.finds(found) == "spawn a");
}

TEST_CASE("a directory that gets another name is the same service, which goes on under that name") {
  config::Service a = directory("a");
  Story story(plan_of(config_of({a, directory("b")})));
  story.boot();
  a.name = "z";
  CHECK(story.finds({directory("b"), a}) == "-");
  CHECK(story.is<state::Running>("z"));
}

TEST_CASE("what has been started keeps what it was started with: a logger that comes later is not its") {
  Story story(plan_of(config_of({directory("a")})));
  story.boot();
  CHECK(story.finds(logged("a")) == "-");
}

TEST_CASE("a logger whose directory goes stays as long as its service does") {
  Story story(plan_of(config_of(logged("a"))));
  story.boot();
  CHECK(story.finds({directory("a")}) == "-");
}

TEST_CASE("a service that is down keeps the logger that runs, whatever else comes and goes") {
  std::vector<config::Service> found = logged("a");
  found.front().autostart = false;
  Story story(plan_of(config_of(found)));
  CHECK(story.boot() == "spawn a/log");
  SUBCASE("another directory comes and goes") {
    CHECK(story.finds({found.front(), found.back(), directory("b")}) == "spawn b");
    CHECK(story.finds(found) == "SIGTERM b");
    ends(story, "b", 0);
  }
  SUBCASE("the directory of the logger goes") { CHECK(story.finds({down(directory("a"))}) == "-"); }
  CHECK(story.requests(Requested::What::Start, "a") == "spawn a");
  CHECK(story.signal(SIGTERM) == "SIGTERM a");
  story.exits("a", 0);
  CHECK(story.command_exits("a", 0) == "close input of a/log");
}

TEST_CASE("a service that is down goes with its logger, which sees the end of its input") {
  std::vector<config::Service> services = logged("a");
  services.front().autostart = false;
  Story story(plan_of(config_of(services)));
  story.boot();
  CHECK(story.finds({directory("b")}) == "close input of a/log, spawn b");
}

TEST_CASE("a service and its logger that were not started yet can be other directories of those names") {
  std::vector<config::Service> found = logged("a");
  Story story(plan_of(config_of(found), {}, {"/etc/hook"}));
  story.boot();
  found.back().directory->inode = 2;
  SUBCASE("the logger") {}
  SUBCASE("both") { found.front().directory->inode = 2; }
  CHECK(story.finds(found) == "-");
  CHECK(story.exits("/etc/hook", 0) == "spawn a/log, spawn a");
  CHECK(story.signal(SIGTERM) == "SIGTERM a");
}

TEST_CASE("a start that was asked for while the boot hooks ran is no less asked for when directories are read anew") {
  const config::Service a = down(directory("a"));
  Story story(plan_of(config_of({a}), {}, {"/etc/hook"}));
  story.boot();
  SUBCASE("start") {
    CHECK(story.requests(Requested::What::Start, "a") == "-");
    CHECK(story.finds({a}) == "-");
    CHECK(story.exits("/etc/hook", 0) == "spawn a");
    ends(story, "a", 0);
    CHECK(story.is<state::Backoff>("a"));
  }
  SUBCASE("once") {
    CHECK(story.requests(Requested::What::Once, "a") == "-");
    CHECK(story.finds({a}) == "-");
    CHECK(story.exits("/etc/hook", 0) == "spawn a");
    ends(story, "a", 0);
    CHECK(story.is<state::Stopped>("a"));
  }
}

TEST_CASE("a logger that goes while it does not run needs its pipe no more, once nobody writes into it") {
  Story story(plan_of(config_of(logged("a"))));
  SUBCASE("it waits for its restart") {
    story.boot();
    story.exits("a/log", 1);
    REQUIRE(story.is<state::Backoff>("a/log"));
  }
  SUBCASE("it cannot be started") {
    story.refuse("a/log", kNotThere);
    story.boot();
    REQUIRE(story.is<state::Backoff>("a/log"));
  }
  SUBCASE("it was stopped on request") {
    story.boot();
    story.requests(Requested::What::Stop, "a/log");
    story.exits("a/log", 0);
    REQUIRE(story.is<state::Stopped>("a/log"));
  }
  CHECK(story.finds({directory("b")}) == "SIGTERM a, spawn b");
  CHECK(story.exits("a", 0) == "post-stop 0 of a");
  CHECK(story.command_exits("a", 0) == "close input of a/log");
}

TEST_CASE("a logger that goes with its service while neither runs needs its pipe no more") {
  Story story(plan_of(config_of(logged("a"))));
  story.boot();
  story.exits("a/log", 1);
  ends(story, "a", 1);
  CHECK(story.finds({directory("b")}) == "close input of a/log, spawn b");
}

TEST_CASE("a logger that is to end before it is up needs its pipe no more when it has ended") {
  std::vector<config::Service> services = logged("a");
  services.back().ready = config::Ready{config::FdReady{3}};
  services.front().autostart = false;
  Story story(plan_of(config_of(services)));
  story.boot();
  CHECK(story.finds({directory("b")}) == "SIGTERM a/log, spawn b");
  CHECK(story.exits("a/log", 0) == "close input of a/log");
}

// ---- Names

TEST_CASE("a directory that gets the name of a service of the configuration goes on under its old name") {
  config::Service a = directory("a");
  Story story(plan_of(config_of({a, service("db")})));
  story.boot();
  a.name = "db";
  a.working_dir = "/etc/service/db";
  CHECK(story.finds({a}) == "-");
  CHECK(story.finds({a}) == "-");
  CHECK(story.is<state::Running>("a"));
  const auto told = story.said<notice::NameTaken>();
  REQUIRE(told.size() == 2);
  CHECK(told.front().service == story.id_of("db"));
  CHECK(told.front().goes_on == story.id_of("a"));
  // It is restarted where it is now.
  CHECK(story.plan()[story.id_of("a")].spec.working_dir == "/etc/service/db");
  a.name = "c";
  CHECK(story.finds({a}) == "-");
  CHECK(story.is<state::Running>("c"));
}

TEST_CASE("a service keeps its name when its logger cannot have its new one") {
  std::vector<config::Service> found = logged("a");
  Story story(plan_of(config_of({found.front(), found.back(), service("b/log")})));
  story.boot();
  found.front().name = "b";
  found.front().pipes_into = "b/log";
  found.back().name = "b/log";
  CHECK(story.finds(found) == "-");
  CHECK(story.is<state::Running>("a"));
  CHECK(story.is<state::Running>("a/log"));
}

TEST_CASE("two directories can exchange their names") {
  config::Service a = directory("a");
  config::Service b = directory("b");
  Story story(plan_of(config_of({a, b})));
  story.boot();
  const ServiceId first = story.id_of("a");
  std::swap(a.name, b.name);
  CHECK(story.finds({b, a}) == "-");
  CHECK(story.id_of("b") == first);
}

TEST_CASE("two services that have loggers in the same directory come and go apart") {
  std::vector<config::Service> found = logged("a");
  for (config::Service& each : logged("b")) found.push_back(each);
  found[1].directory->device = found[3].directory->device = 7;
  Story story(plan_of(config_of(found)));
  story.boot();
  const ServiceId second = story.id_of("b");
  found.erase(found.begin(), found.begin() + 2);
  found[0].name = "c";
  found[0].pipes_into = "c/log";
  found[1].name = "c/log";
  CHECK(story.finds(found) == "SIGTERM a");
  CHECK(ends(story, "a", 0) == "close input of a/log");
  CHECK(story.id_of("c") == second);
  CHECK(story.is<state::Running>("c/log"));
}

TEST_CASE("a directory gets the name of one that goes when that has ended") {
  config::Service a = directory("a");
  Story story(plan_of(config_of({a, directory("b")})));
  story.boot();
  const ServiceId first = story.id_of("a");
  a.name = "b";
  CHECK(story.finds({a}) == "SIGTERM b");
  CHECK(story.id_of("a") == first);
  CHECK(ends(story, "b", 0) == "-");
  CHECK(story.finds({a}) == "-");
  CHECK(story.id_of("b") == first);
  CHECK(story.said<notice::NameTaken>().empty());
}

TEST_CASE("a directory under two names is one service") {
  config::Service a = directory("a");
  Story story(plan_of(config_of({a})));
  story.boot();
  config::Service b = a;
  b.name = "b";
  CHECK(story.finds({b, a}) == "-");
  CHECK(story.finds({b, a}) == "-");
  CHECK(story.is<state::Running>("a"));
}

TEST_CASE("a directory can have the name of the main command or of a hook") {
  const std::vector<config::Service> found{directory("/etc/hook"), directory("main")};
  Story story(plan_of(config_of(found), {"/bin/main"}, {"/etc/hook"}));
  story.boot();
  story.happens(Exited{story.last_id_of("/etc/hook"), WaitStatus::exited(0)});
  REQUIRE(story.is<state::Running>("/etc/hook"));
  REQUIRE(story.is<state::Running>("main"));
  CHECK(story.finds({}) == "SIGTERM /etc/hook, SIGTERM main");
  ends(story, "/etc/hook", 0);
  ends(story, "main", 0);
  CHECK(story.finds(found) == "spawn /etc/hook, spawn main");
}

TEST_CASE("a directory that has the name of a service of the configuration is not started, and that is said") {
  Story story(plan_of(config_of({service("db")})));
  story.boot();
  CHECK(story.finds({directory("db")}) == "-");
  const auto told = story.said<notice::NameTaken>();
  REQUIRE(told.size() == 1);
  CHECK(told.front().service == story.id_of("db"));
  CHECK(!told.front().goes_on);
}

TEST_CASE("before the first service is started, directories are read anew: down and loggers come and go") {
  Plan plan = plan_of(config_of({directory("a"), down(directory("b"))}), {"/bin/main"}, {"/etc/hook"});
  Story story(std::move(plan));
  CHECK(story.boot() == "spawn /etc/hook");
  std::vector<config::Service> found = logged("b");
  found.push_back(down(directory("a")));
  found.push_back(directory("c"));
  CHECK(story.finds(found) == "-");
  CHECK(story.exits("/etc/hook", 0) == "spawn b/log, spawn c, spawn b, spawn main");
  CHECK(story.is<state::Idle>("a"));
}

TEST_CASE("the main command waits for services that came before it was started, and is stopped before them") {
  Story story(plan_of(config_of({directory("a")}), {"/bin/main"}, {"/etc/hook"}));
  story.boot();
  story.refuse("c", StartFailure{StartStage::Fork, EAGAIN, "", true});
  story.finds({directory("a"), directory("c")});
  CHECK(story.exits("/etc/hook", 0) == "spawn a, spawn c");
  story.allow("c");
  CHECK(story.at_next_deadline() == "spawn c, spawn main");
  CHECK(story.signal(SIGTERM) == "SIGTERM main");
  CHECK(story.exits("main", 0) == "SIGTERM a, SIGTERM c");
}

TEST_CASE("what another service says of its order with a directory's holds when directories are read anew") {
  const config::Service early = oneshot("early", {.before = {"a"}});
  const config::Service late = oneshot("late", {.after = {"a"}});
  Story story(plan_of(config_of({directory("a"), early, late}), {}, {"/etc/hook"}));
  CHECK(story.boot() == "spawn /etc/hook");
  SUBCASE("at the start") {
    story.finds({directory("a"), directory("b")});
    CHECK(story.exits("/etc/hook", 0) == "spawn early, spawn b");
    CHECK(story.exits("early", 0) == "spawn a, spawn late");
  }
  SUBCASE("when it has gone meanwhile") {
    story.finds({directory("b")});
    CHECK(story.exits("/etc/hook", 0) == "spawn early, spawn late, spawn b");
  }
}

TEST_CASE("services come and go a thousand times, and the plan does not grow") {
  Story story(plan_of(config_of({directory("a")})));
  story.boot();
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(story.finds({directory("a"), directory("b")}) == "spawn b");
    story.finds({directory("a")});
    ends(story, "b", 0);
  }
  CHECK(index_of(story.id_of("b")) == 1);
  CHECK(story.signal(SIGTERM) == "SIGTERM a");
}

TEST_CASE("services that come later belong to the stop: all of them, in the order of their tiers") {
  Story story(plan_of(config_of({directory("a")})));
  story.boot();
  std::vector<config::Service> found = logged("b");
  found.push_back(directory("a"));
  story.finds(found);
  CHECK(story.signal(SIGTERM) == "SIGTERM a, SIGTERM b");
  ends(story, "a", 0);
  story.exits("b", 0);
  CHECK(story.command_exits("b", 0) == "close input of b/log");
  CHECK(story.exits("b/log", 0) == "sweep");
}

TEST_CASE("the boot is finished when what was there at its end is up, and what comes later does not finish it again") {
  Story story(plan_of(config_of({directory("a")}), {}, {"/etc/hook"}));
  story.boot();
  story.finds({directory("a"), directory("b")});
  story.exits("/etc/hook", 0);
  CHECK(story.said<notice::BootFinished>().size() == 1);
  story.finds({directory("a"), directory("b"), directory("c")});
  CHECK(story.is<state::Running>("c"));
  CHECK(story.said<notice::BootFinished>().size() == 1);
}

// ---- Oneshots that are undone

TEST_CASE("what a oneshot has done is undone in its turn of the stop") {
  config::Service mount = oneshot("mount", {.undo = config::Command{"umount"}});
  Story story(plan_of(config_of({mount, service("app", {.required = {"mount"}})})));
  story.boot();
  CHECK(story.exits_alone("mount", 0) == "spawn app");
  CHECK(story.signal(SIGTERM) == "SIGTERM app, SIGCONT group of app");
  story.exits("app", 0);
  CHECK(story.group_empties("app") == "undo 0 of mount");
  CHECK(story.command_exits("mount", 1) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("nothing is undone that was not done, nor when somebody urges") {
  config::Service mount = oneshot("mount", {.undo = config::Command{"umount"}});
  Story story(plan_of(config_of({mount, service("app")})));
  story.boot();
  SUBCASE("not done") {
    CHECK(story.signal(SIGTERM) == "SIGTERM mount, SIGCONT group of mount, SIGTERM app, SIGCONT group of app");
    story.exits_alone("mount", 1);
  }
  SUBCASE("urged") {
    story.exits("mount", 0);
    CHECK(story.signal(SIGTERM) == "undo 0 of mount, SIGTERM app, SIGCONT group of app");
    CHECK(story.signal(SIGTERM) ==
          "SIGTERM command of mount, SIGCONT command of mount, SIGTERM group of app, sweep again");
    story.command_exits("mount", 0);
  }
  story.exits("app", 0);
  CHECK(story.group_empties("app") == "sweep");
}

TEST_CASE("a stop counts services by the tiers that they have when it begins, whatever has come since the boot") {
  Story story(plan_of(config_of({directory("a")})));
  story.boot();
  std::vector<config::Service> all = logged("b");
  all.push_back(directory("a"));
  CHECK(story.finds(all) == "spawn b/log, spawn b");
  CHECK(story.signal(SIGTERM) == "SIGTERM a, SIGTERM b");
  CHECK(ends(story, "b", 0) == "-");
  // The logger's tier is asked when the last service of the one before has ended, and not a moment later.
  CHECK(ends(story, "a", 0) == "close input of b/log");
  CHECK(story.exits("b/log", 0) == "sweep");
  CHECK(story.nothing_left() == "exit 0");
}

TEST_CASE("a service that is removed in a revision that moves it to another tier is counted where it is") {
  config::Service first = directory("a");
  Story story(plan_of(config_of({first})));
  story.boot();
  // "a" goes, while what comes has two tiers.
  CHECK(story.finds(logged("b")) == "SIGTERM a, spawn b/log, spawn b");
  CHECK(story.signal(SIGTERM) == "SIGTERM b");
  CHECK(ends(story, "b", 0) == "-");
  CHECK(ends(story, "a", 0) == "close input of b/log");
  CHECK(story.exits("b/log", 0) == "sweep");
}

// ---- What exits on request

TEST_CASE("a service that exits goes with its logger, which cannot exit by itself") {
  Plan plan = std::get<Plan>(make_plan({.services = logged("web")}, {}));
  Supervisor supervisor(plan, 1);
  supervisor.boot(Time{});
  Retirement retirement(plan, supervisor);
  CHECK(!retirement.exit(*plan.services[0].consumer));
  plan.services[0].spec.directory->is_scanned = true;
  const auto event = retirement.exit(ServiceId{0});
  REQUIRE(event);
  const auto* revised = std::get_if<PlanRevised>(&*event);
  REQUIRE(revised);
  CHECK(revised->removed.size() == 2);
  CHECK(plan.services[0].retired);
  CHECK(!retirement.exit(ServiceId{0}));
}

TEST_CASE("s6: one that is to exit when it is down goes on until then, or until it is started anew") {
  Plan plan = std::get<Plan>(make_plan({.services = {directory("web", Suite::S6)}}, {}));
  Supervisor supervisor(plan, 1);
  supervisor.boot(Time{});
  Retirement retirement(plan, supervisor);
  CHECK(!retirement.exit_when_down(ServiceId{0}));  // it does not run yet
  supervisor.handle(Spawned{ServiceId{0}}, Time{});
  CHECK(retirement.exit_when_down(ServiceId{0}));
  CHECK(retirement.exits_when_down(ServiceId{0}));
  CHECK(!retirement.exits_when_down(ServiceId{0}));
  CHECK(retirement.exit_when_down(ServiceId{0}));
  retirement.starting(ServiceId{0});
  CHECK(!retirement.exits_when_down(ServiceId{0}));
}
