// One service by itself: a value, told what happens to it. What services do together is in the tests of the supervisor.
#include "core/service.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "plans.hpp"

using namespace cinit;
using namespace cinit::core;
using namespace std::chrono_literals;

namespace {

// A service without a plan around it, which says where it has been: "Idle Waiting".
struct Alone {
  explicit Alone(config::Service spec = {}) : planned(plan_alone(service("a", std::move(spec)), {})) {}

  template <class Told>
  News operator()(const Told& told) {
    actions.clear();
    const News news = step(value, told, now, random, actions);
    for (const Action& action : actions) {
      const auto* announced = std::get_if<Announce>(&action);
      const auto* entered = announced ? std::get_if<notice::Entered>(&announced->notice) : nullptr;
      if (entered) facts.push_back(*entered);
    }
    return news;
  }
  std::vector<StateKind> way() const {
    std::vector<StateKind> kinds;
    for (const notice::Entered& fact : facts) kinds.push_back(fact.to);
    return kinds;
  }
  template <class Kind>
  bool does() const {
    return std::any_of(actions.begin(), actions.end(),
                       [](const Action& action) { return std::holds_alternative<Kind>(action); });
  }

  PlannedService planned;
  Random random{1};
  Time now{1h};
  Actions actions;
  std::vector<notice::Entered> facts;
  Service value{planned, ServiceId{0}, {9s, std::nullopt, 9s}};
};

}  // namespace

TEST_CASE("a service goes from its start to its end without a plan, and tells each state") {
  Alone a;
  CHECK(a(told::Start{}).waits);
  a(told::Begin{});
  CHECK(a.does<Spawn>());
  CHECK(a(Spawned{}).settled);
  a.now += 3s;
  a(told::Stop{Wanted::DownOnRequest});
  CHECK(deadline_of(a.value.state) == a.now + 9s);
  a(Exited{ServiceId{0}, WaitStatus::signaled(kTerminate)});
  CHECK(a(GroupEmptied{}).settled);
  using K = StateKind;
  CHECK(a.way() == std::vector{K::Waiting, K::Launching, K::Running, K::Stopping, K::StoppingRest, K::Stopped});
  CHECK(a.facts[3].from == K::Running);
  CHECK(a.facts[3].why == notice::Cause::StopWanted);
  CHECK(a.facts[3].at == a.now);
  CHECK(a.value.wanted == Wanted::DownOnRequest);
}

TEST_CASE("what cannot be is told to the container, and changes nothing") {
  Alone a;
  CHECK(a(Spawned{}).broken != nullptr);
  CHECK(a(Exited{ServiceId{0}, WaitStatus::exited(0)}).broken != nullptr);
  CHECK(a(GroupEmptied{}).broken != nullptr);
  CHECK(a(told::Due{}).broken != nullptr);
  CHECK(a.facts.empty());
  a(told::Start{});
  a(told::Begin{});
  CHECK(a(told::Begin{}).broken != nullptr);
}

TEST_CASE("a service that is told to end in turn begins nothing more, and one that is hurried runs no command") {
  Alone a({.pre_start = {{"x"}}, .post_stop = {{"y"}}});
  a(told::Start{});
  a(told::Begin{});
  CHECK(a.does<RunTask>());
  a(told::EndBegun{});
  CHECK(a.facts.back().to == StateKind::PreStart);
  SUBCASE("in turn") {
    a(TaskEnded{ServiceId{0}, WaitStatus::exited(0), 1});
    CHECK(a.facts.back().to == StateKind::PostStop);
  }
  SUBCASE("hurried") {
    a(told::Urged{});
    a(TaskEnded{ServiceId{0}, WaitStatus::exited(0), 1});
    CHECK(a.facts.back().to == StateKind::Stopped);
  }
}

TEST_CASE("a copy of a service goes its own way") {
  Alone a;
  a(told::Start{});
  a(told::Begin{});
  const Service before = a.value;
  a(Spawned{});
  CHECK(kind_of(before.state) == StateKind::Launching);
  a.value = before;
  a(SpawnFailed{ServiceId{0}, {StartStage::Exec, 2, "x"}});
  CHECK(kind_of(a.value.state) == StateKind::Failed);
}
