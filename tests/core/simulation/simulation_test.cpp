#include "simulation/simulation.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

using namespace cinit::core;

namespace {

std::optional<std::uint64_t> number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (!text) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

constexpr std::uint64_t kDefaultRuns = 8000;

}  // namespace

TEST_CASE("whatever processes do, services are started, stopped and killed only when they may be") {
  const auto only_seed = number_from_environment("CINIT_SEED");
  const std::uint64_t first = only_seed.value_or(1);
  const std::uint64_t runs = only_seed ? 1 : number_from_environment("CINIT_SIM_RUNS").value_or(kDefaultRuns);
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    const std::string complaint = simulation::complaint(seed);
    if (complaint.empty()) continue;
    FAIL(complaint, "\nCINIT_SEED=", seed, " runs this one alone.");
  }
}

TEST_CASE(
    "whatever commands, probes and requests do, services are started, checked and stopped only when they may be") {
  const auto only_seed = number_from_environment("CINIT_SEED");
  const std::uint64_t first = only_seed.value_or(1);
  const std::uint64_t runs = only_seed ? 1 : number_from_environment("CINIT_SIM_RUNS").value_or(kDefaultRuns);
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    const std::string complaint = simulation::complaint(seed, simulation::Depth::Deep);
    if (complaint.empty()) continue;
    FAIL(complaint, "\nCINIT_SEED=", seed, " runs this one alone.");
  }
}

TEST_CASE("the same seed gives the same life") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const simulation::Life one = simulation::live(seed);
    const simulation::Life other = simulation::live(seed);
    CHECK(to_text(one.record, one.plan, one.start) == to_text(other.record, other.plan, other.start));
  }
}

TEST_CASE("every change of a state is told, once and in order") {
  std::size_t changes = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    CAPTURE(seed);
    const simulation::Life life = simulation::live(seed, simulation::Depth::Deep);
    std::map<ServiceId, notice::Entered> last;
    for (const simulation::Entry& entry : life.record) {
      const auto* said = std::get_if<simulation::entry::Said>(&entry.what);
      const auto* entered = said ? std::get_if<notice::Entered>(&said->notice) : nullptr;
      if (!entered) continue;
      const auto before = last.find(entered->service);
      const bool follows = entered->from == (before == last.end() ? StateKind::Idle : before->second.to) &&
                           entered->from != entered->to && entered->at == entry.at;
      REQUIRE(follows);
      last.insert_or_assign(entered->service, *entered);
      ++changes;
    }
  }
  CHECK(changes > 10000);
}

TEST_CASE("lives differ: stops for every reason, kills, leftovers and restarts all occur") {
  constexpr const char* kSights[] = {
      "STOP BEGINS: a stop signal",
      "STOP BEGINS: the main command ended",
      "STOP BEGINS: a hook failed",
      "STOP BEGINS: a service ended",
      "STOP BEGINS: all ended",
      "restarts in",
      "is tried again",
      "is not started",
      "start limit",
      "SWEEP AGAIN",
      "KILL EVERYTHING",
      "KILL ALL BUT MAIN",
      "something is left",
      "is killed",
      "the main command is suspended",
      "budget is spent",
      "is not ready after",
      "is a main process of pre-stop b",
      "is a main process of post-stop b",
      "background child of post-stop",
      "pre-stop a is stopped",
      "post-stop a is stopped",
      "escalation: SIGKILL",
      "by the sweep",
      "HAS LEFT it (9), for good",
  };
  std::map<std::string, int> seen;
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    const simulation::Life life = simulation::live(seed);
    const std::string text = to_text(life.record, life.plan, life.start);
    for (const char* sight : kSights) seen[sight] += text.find(sight) == std::string::npos ? 0 : 1;
  }
  for (const std::string sight : kSights) {
    CAPTURE(sight);
    CHECK(seen[sight] >= 3);
  }
}
