#include "control/select.hpp"

#include <doctest/doctest.h>

#include "fake_host.hpp"

using namespace cinit;
using namespace cinit::control;

namespace {

// The names that are selected, or the error.
std::string selected(const std::vector<std::string>& patterns, Among among = Among::All) {
  const core::Plan plan = some_plan();
  const auto services = select(plan, patterns, among);
  if (!services) return services.error().message;
  std::string text;
  for (const core::ServiceId id : *services) text += (text.empty() ? "" : " ") + plan[id].spec.name;
  return text;
}

}  // namespace

TEST_CASE("without a name it is all services and the main command, without hooks") {
  CHECK(selected({}) == "db web app");
  CHECK(selected({}, Among::Controllable) == "db web");
}

TEST_CASE("names and globs select, each service once and in the order of the plan") {
  CHECK(selected({"web"}) == "web");
  CHECK(selected({"web", "db", "w*"}) == "db web");
  CHECK(selected({"*"}) == "db web app");
  CHECK(selected({"*"}, Among::Controllable) == "db web");
  CHECK(selected({"[dw]?*"}) == "db web");
}

TEST_CASE("a name that no service has is an error with the nearest one") {
  CHECK(selected({"db", "wbe"}) == "there is no service \"wbe\"; did you mean web?");
  CHECK(selected({"postgres"}) == "there is no service \"postgres\"");
  CHECK(selected({"x*"}) == "there is no service \"x*\"");
}

TEST_CASE("the main command and hooks cannot be controlled by themselves") {
  CHECK(selected({"app"}, Among::Controllable) ==
        "app is the main command, which cannot be started or stopped by itself: the container ends with it");
  CHECK(selected({"pre-start prepare"}, Among::Controllable) ==
        "pre-start prepare is a hook, which runs in the boot or the stop only");
  CHECK(selected({"pre-start prepare"}) == "pre-start prepare is a hook, which runs in the boot or the stop only");
}
