// Configuration files, on their whole way to a plan. A line "# next file" begins another file.
#include "config/load.hpp"
#include "config/show.hpp"
#include "core/plan.hpp"
#include "core/stop_estimate.hpp"
#include "problems.hpp"
#include "target.hpp"
#include "text.hpp"

namespace cinit::fuzz {
namespace {

using config::Loaded;
using config::SourceText;
using config::Undefined;

std::vector<SourceText> read_sources(std::string_view input) {
  constexpr std::size_t kMostFiles = 3;
  std::vector<SourceText> sources;
  for (const std::string_view text : split(input, "# next file\n", kMostFiles)) {
    sources.push_back({std::to_string(sources.size()) + ".toml", std::string(text)});
  }
  return sources;
}

std::optional<std::string> nothing_is_set(std::string_view) { return std::nullopt; }

// What is shown holds no references, and means the same.
void check_show(const config::Config& config) {
  const std::string shown = to_toml(config);
  const std::vector<SourceText> sources{{"shown.toml", shown}};
  const Loaded again = load(sources, nothing_is_set, Undefined::Error);
  require(!has_errors(again.problems), "what is shown can be loaded", shown);
  require(to_toml(again.config) == shown, "what is shown means the same", shown);
}

void check_plan(const core::Plan& plan) {
  for (const core::PlannedService& service : plan.services) {
    require(service.stop_tier < plan.tiers, "a stop tier is one of the plan's", service.spec.name);
    require(!service.spec.command.empty(), "a service has a command", service.spec.name);
    for (const core::ServiceId earlier : service.waits_for) {
      require(index_of(earlier) < plan.services.size(), "what is waited for is in the plan", service.spec.name);
      require(plan[earlier].stop_tier > service.stop_tier, "a service is stopped before what it waits for",
              service.spec.name);
    }
  }
}

void check_stop(const core::Plan& plan) {
  for (const core::StopProblem& problem : find_stop_problems(plan)) {
    require(is_harmless(problem.message), "a problem is one line", problem.message);
  }
}

void check_order(const config::Config& config) {
  const auto made = core::make_plan(config, {{"/bin/main"}, {{"/etc/rc.local"}}});
  if (const auto* const cycle = std::get_if<core::DependencyCycle>(&made)) {
    require(cycle->names.size() > 1 && cycle->names.front() == cycle->names.back(), "a cycle is closed");
    require(is_harmless(cycle->to_problem().message), "a problem is one line", cycle->to_problem().message);
    return;
  }
  check_plan(std::get<core::Plan>(made));
  check_stop(std::get<core::Plan>(made));
}

}  // namespace

void take_toml(std::string_view input) {
  const std::vector<SourceText> sources = read_sources(input);
  check_problems(load(sources, nothing_is_set, Undefined::Warning).problems, Place::Line);
  const Loaded loaded = load(sources, look_up, Undefined::Error);
  check_problems(loaded.problems, Place::Line);
  if (has_errors(loaded.problems)) return;
  check_show(loaded.config);
  check_order(loaded.config);
}

}  // namespace cinit::fuzz
