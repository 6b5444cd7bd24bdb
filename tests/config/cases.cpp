#include "cases.hpp"

#include <doctest/doctest.h>

#include "config/env_file.hpp"
#include "files.hpp"

namespace cinit::test {
namespace {

const std::string kCases = CINIT_SOURCE_DIR "/tests/config/cases";

config::Variables read_environment(const std::string& path) {
  const Result<config::Variables> environment = config::parse_env_file("env", read_file(path).value_or(""));
  REQUIRE(environment);
  return *environment;
}

std::vector<config::SourceText> read_sources(const std::string& directory) {
  std::vector<config::SourceText> sources;
  for (const std::string& name : names_in(directory)) {
    if (!name.ends_with(".toml") || name == "expected.toml") continue;
    sources.push_back({name, read_file(directory + '/' + name).value()});
  }
  return sources;
}

Case read_case(const std::string& name) {
  const std::string directory = kCases + '/' + name;
  Case example{name, read_sources(directory), read_environment(directory + "/env")};
  const std::string undefined = read_file(directory + "/undefined").value_or("");
  if (undefined.starts_with("warning")) example.undefined = config::Undefined::Warning;
  example.expected_errors = read_file(directory + "/expected.errors");
  example.expected_toml = read_file(directory + "/expected.toml");
  return example;
}

}  // namespace

std::vector<Case> read_cases() {
  std::vector<Case> cases;
  for (const std::string& name : names_in(kCases)) {
    CAPTURE(name);
    cases.push_back(read_case(name));
    CHECK_FALSE(cases.back().sources.empty());
    CHECK((cases.back().expected_errors || cases.back().expected_toml));
  }
  REQUIRE_FALSE(cases.empty());
  return cases;
}

config::Lookup lookup_in(const config::Variables& environment) {
  return [&environment](std::string_view name) -> std::optional<std::string> {
    const auto found = environment.find(std::string(name));
    if (found == environment.end()) return std::nullopt;
    return found->second;
  };
}

config::Loaded load(const Case& example) {
  return config::load(example.sources, lookup_in(example.environment), example.undefined);
}

std::string to_text(const std::vector<config::Problem>& problems) {
  std::string text;
  for (const config::Problem& problem : problems) text += to_string(problem) + '\n';
  return text;
}

}  // namespace cinit::test
