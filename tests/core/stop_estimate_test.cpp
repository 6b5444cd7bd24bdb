#include "core/stop_estimate.hpp"

#include <doctest/doctest.h>

#include "plans.hpp"

using namespace cinit;
using namespace cinit::core;
using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("services without a stop timeout always fit") {
  CHECK(find_stop_problems(plan_of(config_of({service("a", {.after = {"b"}}), service("b")}))).empty());
}

TEST_CASE("services of one tier stop side by side") {
  const auto plan = plan_of(config_of({service("a", {.stop_timeout = 7s}), service("b", {.stop_timeout = 7s})}));
  CHECK(find_stop_problems(plan).empty());
}

TEST_CASE("tiers stop one after the other, and the sweep's part of the budget is not theirs") {
  const auto worst = [](Duration of_b) {
    return find_stop_problems(
        plan_of(config_of({service("a", {.after = {"b"}, .stop_timeout = 3s}), service("b", {.stop_timeout = of_b})})));
  };
  CHECK(worst(4s).empty());
  const auto problems = worst(5s);
  REQUIRE(problems.size() == 1);
  CHECK(contains(problems[0].message, "one tier after the other"));
}

TEST_CASE("a stop timeout that is longer than the budget is named with its place") {
  auto a = service("a", {.stop_timeout = 20s});
  a.where = {"/etc/cinit.toml", 12, 1};
  const auto problems = find_stop_problems(plan_of(config_of({a, service("b")})));
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].where.line == 12);
  CHECK(contains(problems[0].message, "[service.a]"));
}

TEST_CASE("hooks before the stop take their part of the budget") {
  const auto worst = [](Duration of_a) {
    return find_stop_problems(
        plan_of(with_hooks(config_of({service("a", {.stop_timeout = of_a})}), {.pre_stop = commands({"hook"})})));
  };
  CHECK(worst(5s).empty());
  CHECK(worst(6s).size() == 1);
}
