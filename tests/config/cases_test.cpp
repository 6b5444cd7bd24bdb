#include "cases.hpp"

#include <doctest/doctest.h>

#include <set>
#include <utility>

#include "config/show.hpp"
#include "files.hpp"

using namespace cinit::test;
using cinit::config::Loaded;
using cinit::config::Undefined;

namespace {

// A configuration as text, without the lines that say no more than the defaults do, and without tables that are empty then.
std::string without_defaults(const std::string& toml) {
  const std::vector<std::string> defaults = lines_of(cinit::config::defaults_toml());
  const std::set<std::string> known(defaults.begin(), defaults.end());
  std::string text;
  std::string header;
  for (const std::string& line : lines_of(toml)) {
    if (line.starts_with('[')) {
      // A service without keys of its own is one all the same.
      const bool always = line.starts_with("[service.") || line == "[env]";
      header = always ? "" : line + '\n';
      if (always) text += line + '\n';
    } else if (!line.empty() && !known.contains(line)) {
      text += std::exchange(header, "") + line + '\n';
    }
  }
  return text;
}

// The text without blank lines.
std::string compact(const std::string& toml) {
  std::string text;
  for (const std::string& line : lines_of(toml)) {
    if (!line.empty()) text += line + '\n';
  }
  return text;
}

Loaded reload(const std::string& toml) {
  const std::vector<cinit::config::SourceText> sources{{"shown.toml", toml}};
  return cinit::config::load(sources, lookup_in({}), Undefined::Error);
}

}  // namespace

TEST_CASE("every case directory gives exactly the configuration or the problems that it expects") {
  for (const Case& example : read_cases()) {
    CAPTURE(example.name);
    const Loaded loaded = load(example);
    CHECK(to_text(loaded.problems) == example.expected_errors.value_or(""));
    CHECK(has_errors(loaded.problems) == !example.expected_toml);
    if (example.expected_toml) CHECK(without_defaults(to_toml(loaded.config)) == compact(*example.expected_toml));
  }
}

TEST_CASE("what is shown of a configuration loads to the same configuration") {
  for (const Case& example : read_cases()) {
    CAPTURE(example.name);
    if (!example.expected_toml) continue;
    const std::string shown = to_toml(load(example).config);
    const Loaded again = reload(shown);
    CHECK(to_text(again.problems) == "");
    CHECK(to_toml(again.config) == shown);
  }
}
