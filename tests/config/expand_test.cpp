#include "config/expand.hpp"

#include <doctest/doctest.h>

#include "cases.hpp"

using namespace cinit::config;
using cinit::test::lookup_in;

namespace {

const Variables kEnvironment{{"A", "1"}, {"EMPTY", ""}, {"REF", "${A}"}, {"_x9", "under"}};

Expansion expand(std::string_view text) { return cinit::config::expand(text, lookup_in(kEnvironment)); }

std::string expanded(std::string_view text) {
  const Expansion expansion = expand(text);
  CHECK(expansion.failures.empty());
  return expansion.text;
}

std::string failure(std::string_view text, ExpandFailure::Kind kind) {
  const Expansion expansion = expand(text);
  REQUIRE(expansion.failures.size() == 1);
  CHECK(expansion.failures[0].kind == kind);
  CHECK(expansion.text == text);
  return expansion.failures[0].message;
}

}  // namespace

TEST_CASE("a variable is replaced by its value, wherever it stands") {
  CHECK(expanded("${A}") == "1");
  CHECK(expanded("x${A}y${A}z") == "x1y1z");
  CHECK(expanded("${_x9}") == "under");
  CHECK(expanded("[${EMPTY}]") == "[]");
  CHECK(expanded("") == "");
}

TEST_CASE("a default stands in for a variable that is not set or empty") {
  CHECK(expanded("${A:-2}") == "1");
  CHECK(expanded("${B:-2}") == "2");
  CHECK(expanded("${EMPTY:-2}") == "2");
  CHECK(expanded("${B:-}") == "");
  CHECK(expanded("${B:-a b\"c'}") == "a b\"c'");
}

TEST_CASE("a default may hold references of its own") {
  CHECK(expanded("${B:-${A}}") == "1");
  CHECK(expanded("${B:-<${C:-${A}}>}!") == "<1>!");
  CHECK(expanded("${B:-$${A}}") == "${A}");
  CHECK(expanded("${A:-${UNKNOWN}}") == "1");
}

TEST_CASE("a bare dollar, and a reference that is escaped, stay") {
  CHECK(expanded("$A $ $$ $1 $(a) {A}") == "$A $ $$ $1 $(a) {A}");
  CHECK(expanded("$${A}") == "${A}");
  CHECK(expanded("$$${A}") == "$${A}");
  CHECK(expanded("$${A") == "${A");
}

TEST_CASE("a value is not expanded again") { CHECK(expanded("${REF}") == "${A}"); }

TEST_CASE("a variable without value and default is a failure that names it, and the text stays") {
  CHECK(failure("x${B}", ExpandFailure::Kind::Undefined) ==
        "B is not set in the container's environment, [env] or env (environment files are read later), and has no "
        "default; ${B:-default} would give one");
}

TEST_CASE("a required variable fails with the message that is written") {
  CHECK(expanded("${A:?needed}") == "1");
  CHECK(failure("${B:?ask the operator}", ExpandFailure::Kind::Undefined) == "B must be set: ask the operator");
  CHECK(failure("${EMPTY:?}", ExpandFailure::Kind::Undefined) == "EMPTY must be set");
}

TEST_CASE("what is no reference is a failure whatever the environment holds") {
  for (const char* text :
       {"${", "${A", "${}", "${A-b}", "${A:+b}", "${A:b}", "${1}", "${A b}", "${B:-x", "${B:-${A}", "${-x}", "${A:"}) {
    CAPTURE(text);
    CHECK(failure(text, ExpandFailure::Kind::Syntax)
              .starts_with("expected ${NAME}, ${NAME:-default} or ${NAME:?message} at"));
  }
}

TEST_CASE("every reference without a value is told, not only the first") {
  const Expansion expansion = expand("${B} ${A} ${C:?}");
  CHECK(expansion.failures.size() == 2);
  CHECK(expansion.text == "${B} 1 ${C:?}");
}

TEST_CASE("references that are nested without end are refused") {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "${B:-";
  text += std::string(100'000, '}');
  CHECK_FALSE(expand(text).failures.empty());
}

TEST_CASE("a text that is escaped comes back as it was") {
  for (const char* text : {"${A}", "$${A}", "$$${A}", "$A", "${", "a${b${c}", "", "$"}) {
    CAPTURE(text);
    CHECK(expanded(escape_references(text)) == text);
  }
}
