// The directories below cases/, each of them a configuration and what becomes of it:
//
//   *.toml           the files, in the order of their names, apart from expected.toml
//   env              NAME=VALUE lines: the environment of the container
//   undefined        with the word "warning": load() is called with Undefined::Warning
//   expected.errors  every problem as to_string() has it, one a line; without it there must be none
//   expected.toml    the configuration, without the lines that are defaults; there is none where there are errors
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/load.hpp"

namespace cinit::test {

struct Case {
  std::string name;
  std::vector<config::SourceText> sources;
  config::Variables environment;
  config::Undefined undefined = config::Undefined::Error;
  std::optional<std::string> expected_errors;
  std::optional<std::string> expected_toml;
};

// All cases, by name. A directory that says nothing of what is expected fails the test.
std::vector<Case> read_cases();

// Looks names up in `environment`, which must outlive it.
config::Lookup lookup_in(const config::Variables& environment);

config::Loaded load(const Case& example);

// Problems as they are printed, one a line.
std::string to_text(const std::vector<config::Problem>& problems);

}  // namespace cinit::test
