// The directories below cases/: input.conf, and in `expected` what becomes of it. First the settings, one a line: the place,
// `-` when failure is ignored, the path and the value between bars, or `not` and the path of an exclusion. Then the problems.
#include <doctest/doctest.h>

#include <string>

#include "sysctl/parse.hpp"
#include "tree.hpp"

using namespace cinit;

namespace {

const std::string kCases = CINIT_SOURCE_DIR "/tests/sysctl/cases";

std::string to_text(const sysctl::Setting& setting) {
  if (setting.exclusion) return setting.where + ": not " + setting.path;
  return setting.where + ": " + (setting.ignore_failure ? "-" : "") + setting.path + " |" + setting.value + '|';
}

std::string to_text(const sysctl::Parsed& parsed) {
  std::string text;
  for (const sysctl::Setting& setting : parsed.settings) text += to_text(setting) + '\n';
  for (const sysctl::Problem& problem : parsed.problems) text += problem.where + ": " + problem.message + '\n';
  return text;
}

}  // namespace

TEST_CASE("every case directory gives exactly the settings and the problems that it expects") {
  const std::vector<std::string> names = test::names_in(kCases);
  REQUIRE_FALSE(names.empty());
  for (const std::string& name : names) {
    CAPTURE(name);
    const std::string directory = kCases + '/' + name;
    const std::string expected = test::read_text(directory + "/expected");
    CHECK(to_text(sysctl::parse("sysctl.conf", test::read_text(directory + "/input.conf"))) == expected);
  }
}
