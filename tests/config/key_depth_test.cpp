#include "config/key_depth.hpp"

#include <doctest/doctest.h>

#include "cases.hpp"
#include "config/load.hpp"

using namespace cinit::config;
using cinit::test::lookup_in;
using cinit::test::to_text;

namespace {

std::string key_of(std::size_t parts, const std::string& part = "a") {
  std::string key = part;
  for (std::size_t i = 1; i < parts; ++i) key += '.' + part;
  return key;
}

std::string problems_of(const std::string& text) {
  const std::vector<SourceText> sources{{"t.toml", text}};
  return to_text(load(sources, lookup_in({}), Undefined::Error).problems);
}

}  // namespace

TEST_CASE("a key with too many parts is refused with its line, before the parser sees it") {
  CHECK(problems_of("[env]\n# a comment\n" + key_of(500'000) + " = 1\n") ==
        "t.toml:3:1: error: a key has more than 64 parts\n");
  CHECK(problems_of("[" + key_of(500'000) + "]\n") == "t.toml:1:1: error: a key has more than 64 parts\n");
}

TEST_CASE("parts of keys are counted wherever a key can be, quoted or not") {
  const std::string deep = key_of(65);
  CHECK(find_deep_key(key_of(64) + " = 1\n") == 0);
  CHECK(find_deep_key(deep + " = 1\n") == 1);
  CHECK(find_deep_key(key_of(65, "\"a b\"") + " = 1\n") == 1);
  CHECK(find_deep_key(key_of(65, " 'a' ") + " = 1\n") == 1);
  CHECK(find_deep_key("[[" + deep + "]]\n") == 1);
  CHECK(find_deep_key("x = { " + deep + " = 1 }\n") == 1);
  CHECK(find_deep_key("x = [\n{ " + key_of(64) + " = 1, " + deep + " = 1 } ]\n") == 2);
  CHECK(find_deep_key("x = \"\"\"\n\\\"\"\"\n\"\"\"\"\"\n" + deep + " = 1\n") == 4);
  CHECK(find_deep_key("x = '''\n\\''''\n" + deep + " = 1\n") == 3);
  CHECK(find_deep_key("x = \"\\\"\" # \"\n" + deep + " = 1\n") == 2);
  CHECK(find_deep_key("x = '\\'\n" + deep + " = 1\n") == 2);
}

TEST_CASE("dots in strings and comments are no parts of keys") {
  const std::string dots = key_of(100);
  for (const std::string& text :
       {"x = \"" + dots + "\"\n", "x = '" + dots + "'\n", "# " + dots + "\n", "x = \"\"\"\n" + dots + "\n\"\"\"\n",
        "x = '''" + dots + "'''\n", "\"" + dots + "\" = 1"}) {
    CAPTURE(text);
    CHECK(find_deep_key(text) == 0);
  }
}

TEST_CASE("text that ends too early has no deep key") {
  for (const char* text : {"", "\"", "'", "\"\"\"", "'''", "\"\\", "\"\"\"\\", "#", "."}) {
    CAPTURE(text);
    CHECK(find_deep_key(text) == 0);
  }
}

TEST_CASE("the deepest tables that are not refused do not use up the stack") {
  std::string text = "[" + key_of(64) + "]\n" + key_of(64) + " = ";
  std::string end;
  for (int i = 0; i < 200; ++i) {
    text += "{ " + key_of(64) + " = ";
    end += " }";
  }
  CHECK(problems_of(text + "1" + end) == "t.toml:1:2: error: unknown table or key \"a\"\n");
}
