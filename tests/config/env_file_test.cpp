#include "config/env_file.hpp"

#include <doctest/doctest.h>

using cinit::Result;
using cinit::config::parse_env_file;
using cinit::config::Variables;

namespace {

Variables parse(std::string_view text) {
  const Result<Variables> variables = parse_env_file("/etc/app.env", text);
  REQUIRE(variables);
  return *variables;
}

std::string error_of(std::string_view text) {
  const Result<Variables> variables = parse_env_file("/etc/app.env", text);
  REQUIRE_FALSE(variables);
  return variables.error().message;
}

}  // namespace

TEST_CASE("an environment file has one NAME=VALUE a line, and blank lines and comments between them") {
  CHECK(parse("A=1\n\n# a comment\n  # another\nB=two words\n") == Variables{{"A", "1"}, {"B", "two words"}});
  CHECK(parse("") == Variables{});
  CHECK(parse("A=without a line end") == Variables{{"A", "without a line end"}});
}

TEST_CASE("an environment file that a shell can source is read too") {
  CHECK(parse("export A=1\nexport\tB=2\n") == Variables{{"A", "1"}, {"B", "2"}});
  CHECK(parse("exported=1\nexport=2\n") == Variables{{"exported", "1"}, {"export", "2"}});
}

TEST_CASE("one pair of quotes around a value is taken off, and blanks outside of it") {
  CHECK(parse("A=\"x y \"\nB=' z'\nC=  plain  \nD=\"\"\nE=") ==
        Variables{{"A", "x y "}, {"B", " z"}, {"C", "plain"}, {"D", ""}, {"E", ""}});
  CHECK(parse("A=it's\nB=say \"hi\"") == Variables{{"A", "it's"}, {"B", "say \"hi\""}});
}

TEST_CASE("the rest of a value is data") {
  CHECK(parse("A=${B} $C `d` \\n # e = f") == Variables{{"A", "${B} $C `d` \\n # e = f"}});
}

TEST_CASE("the last assignment of a name wins") { CHECK(parse("A=1\nA=2") == Variables{{"A", "2"}}); }

TEST_CASE("line ends and a byte order mark of Windows do not get into the values") {
  CHECK(parse("\xEF\xBB\xBF"
              "A=1\r\nB=\"2\"\r\n") == Variables{{"A", "1"}, {"B", "2"}});
}

TEST_CASE("a line that is no assignment is an error with its number and without its value") {
  CHECK(error_of("A=1\nsecret\n") == "/etc/app.env:2: expected NAME=VALUE");
  CHECK(error_of("=secret") == "/etc/app.env:1: there is no name in front of the \"=\"");
  CHECK(error_of("A B=secret") == "/etc/app.env:1: the name in front of the \"=\" holds a blank");
  CHECK(error_of("\n\nA=\"secret") == "/etc/app.env:3: the value of A begins with a quote and does not end with it");
  CHECK(error_of("A='") == "/etc/app.env:1: the value of A begins with a quote and does not end with it");
  CHECK(error_of(std::string_view("A=\0x", 4)) == "/etc/app.env:1: the line holds a NUL byte");
}

TEST_CASE("an error about a line is one line, whatever the name in it is") {
  CHECK(error_of("\x1b[2J=\"x") ==
        "/etc/app.env:1: the value of \"\\u001B[2J\" begins with a quote and does not end with it");
}
