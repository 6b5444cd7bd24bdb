#include "config/words.hpp"

#include <doctest/doctest.h>

#include "cases.hpp"

using namespace cinit::config;
using cinit::test::lookup_in;
using List = std::vector<std::string>;

namespace {

const Variables kEnvironment{{"A", "one"},        {"TWO", "one two"},      {"EMPTY", ""},
                             {"PADDED", " a b "}, {"QUOTES", "'x' \"y\""}, {"OPS", "a|b;c"},
                             {"REF", "${A} \\n"}, {"BLANK", "  "}};

Words split(std::string_view text) { return split_words(text, lookup_in(kEnvironment)); }

List words(std::string_view text) {
  CAPTURE(text);
  const Words result = split(text);
  CHECK(result.failures.empty());
  return result.words;
}

std::string failure(std::string_view text) {
  CAPTURE(text);
  const Words result = split(text);
  REQUIRE(result.failures.size() == 1);
  CHECK(result.failures[0].kind == ExpandFailure::Kind::Syntax);
  return result.failures[0].message;
}

constexpr const char* kAskShell = "needs a shell: command = [\"sh\", \"-c\", \"...\"]";

}  // namespace

TEST_CASE("blanks separate words") {
  CHECK(words("a") == List{"a"});
  CHECK(words("  a\tb   c ") == List{"a", "b", "c"});
  CHECK(words("\n  nginx -g\n") == List{"nginx", "-g"});
}

TEST_CASE("quotes keep blanks together and join with what stands beside them") {
  CHECK(words("nginx -g 'daemon off;'") == List{"nginx", "-g", "daemon off;"});
  CHECK(words("a\"b c\"'d e'f") == List{"ab cd ef"});
  CHECK(words("a '' \"\"") == List{"a", "", ""});
  CHECK(words("\"it's\" 'say \"hi\"'") == List{"it's", "say \"hi\""});
}

TEST_CASE("a backslash quotes the next letter, in double quotes only the letters that are special there") {
  CHECK(words("a\\ b \\| \\\" \\\\ \\n") == List{"a b", "|", "\"", "\\", "n"});
  CHECK(words("\"\\\" \\\\ \\$ \\` \\n\"") == List{"\" \\ $ ` \\n"});
  CHECK(words("'\\n'") == List{"\\n"});
  CHECK(words("a\\") == List{"a\\"});
  CHECK(words("a \\\n  b \"c\\\nd\"") == List{"a", "b", "cd"});
}

TEST_CASE("an unquoted variable is split on blanks, as sh does") {
  CHECK(words("run ${A}") == List{"run", "one"});
  CHECK(words("run ${TWO}") == List{"run", "one", "two"});
  CHECK(words("run x${PADDED}y") == List{"run", "x", "a", "b", "y"});
  CHECK(words("run ${EMPTY} ${BLANK} z") == List{"run", "z"});
}

TEST_CASE("in double quotes a variable is one word, in single quotes it is not looked up") {
  CHECK(words("run \"${TWO}\"") == List{"run", "one two"});
  CHECK(words("run \"${EMPTY}\"") == List{"run", ""});
  CHECK(words("run '${TWO}' '$${A}'") == List{"run", "${TWO}", "$${A}"});
}

TEST_CASE("what a variable holds is data") {
  CHECK(words("run ${QUOTES} ${OPS} ${REF}") == List{"run", "'x'", "\"y\"", "a|b;c", "${A}", "\\n"});
}

TEST_CASE("a default is read as sh reads it, quotes and references included") {
  CHECK(words("run ${NO:-a b}") == List{"run", "a", "b"});
  CHECK(words("run ${NO:-'a b' \"c d\"}") == List{"run", "a b", "c d"});
  CHECK(words("run \"${NO:-a b}\"") == List{"run", "a b"});
  CHECK(words("run \"${NO:-'a' \"b\"}\"") == List{"run", "'a' b"});
  CHECK(words("run ${NO:-${TWO}} ${NO:-\"${TWO}\"}") == List{"run", "one", "two", "one two"});
  CHECK(words("run ${NO:-a|b;c}") == List{"run", "a|b;c"});
  CHECK(words("run ${NO:-\"}\"} ${NO:-\\}}") == List{"run", "}", "}"});
  CHECK(words("run \"${NO:-\\}}\"") == List{"run", "}"});
  CHECK(words("run ${NO:-$${A}} x") == List{"run", "${A}", "x"});
  CHECK(words("run ${NO:-}") == List{"run"});
}

TEST_CASE("a default that is not needed is passed over") {
  CHECK(words("run ${A:-x \"y}\" '}' ${NO} z} end") == List{"run", "one", "end"});
  CHECK(words("run \"${A:-x ${NO} z}\" end") == List{"run", "one", "end"});
}

TEST_CASE("a bare variable, an escaped reference and patterns stay as they are") {
  CHECK(words("run $A $ $$ $1") == List{"run", "$A", "$", "$$", "$1"});
  CHECK(words("run $${A} \\${A} \"$${A}\" \"\\${A}\"") == List{"run", "${A}", "${A}", "${A}", "${A}"});
  CHECK(words("run *.conf [ab]? {x,y} a#b a~ !") == List{"run", "*.conf", "[ab]?", "{x,y}", "a#b", "a~", "!"});
}

TEST_CASE("operators need a shell, unless they are quoted") {
  for (const char letter : {'|', '&', ';', '<', '>', '(', ')'}) {
    const std::string text = std::string("a ") + letter + " b";
    CHECK(failure(text) ==
          "an unquoted \"" + std::string(1, letter) + "\" " + kAskShell + ", or quote it to pass it on");
  }
  CHECK(failure("a 2>&1").starts_with("an unquoted \">\""));
  CHECK(words("a '|' \"&\" \\; '<>' \"()\"") == List{"a", "|", "&", ";", "<>", "()"});
}

TEST_CASE("substitutions need a shell, in double quotes as well") {
  CHECK(failure("a `b`") == std::string("\"`\" ") + kAskShell);
  CHECK(failure("a \"`b`\"") == std::string("\"`\" ") + kAskShell);
  CHECK(failure("a $(b)") == std::string("\"$(\" ") + kAskShell);
  CHECK(failure("a \"$(b)\"") == std::string("\"$(\" ") + kAskShell);
  CHECK(words("a '`b`' '$(b)' \\`") == List{"a", "`b`", "$(b)", "`"});
}

TEST_CASE("an assignment in front of the command belongs into env, and is not shown") {
  CHECK(failure("PORT=secret run") ==
        "\"PORT=\" in front of the command is an assignment in sh: write env = { PORT = \"...\" }");
  CHECK(words("run PORT=80") == List{"run", "PORT=80"});
  CHECK(words("'PORT'=80") == List{"PORT=80"});
  CHECK(words("./a=b") == List{"./a=b"});
}

TEST_CASE("comments, the home directory and a second line are refused, not misread") {
  CHECK(failure("run # now") == "an unquoted \"#\" begins a comment in sh: quote it to pass it on");
  CHECK(failure("~/bin/run") == "an unquoted \"~\" is not expanded: write ${HOME}, or quote it to pass it on");
  CHECK(failure("cd /srv\nrun") == std::string("a line break ends a command, and a second one ") + kAskShell);
  CHECK(words("run '# now' '~'") == List{"run", "# now", "~"});
}

TEST_CASE("a quote or a reference without its end is refused") {
  CHECK(failure("a 'b") == "a single quote (') is never closed");
  CHECK(failure("a \"b") == "a double quote (\") is never closed");
  CHECK(failure("a \"b\\\"") == "a double quote (\") is never closed");
  CHECK(failure("a ${NO:-b") == "a \"${\" is never closed");
  CHECK(failure("a ${NO:?b") == "a \"${\" is never closed");
  CHECK(failure("a \"${NO:-b\"") == "a \"${\" is never closed");
  CHECK(failure("a ${A").starts_with("expected ${NAME}"));
}

TEST_CASE("a command without any word is refused") {
  CHECK(failure("") == "the command is empty");
  CHECK(failure(" \n\t") == "the command is empty");
  CHECK(failure("${EMPTY}") == "the command is empty");
}

TEST_CASE("a variable without a value is told, and stays in its word as it is written") {
  const Words result = split("run x${NO} ${NO:?say it}");
  REQUIRE(result.failures.size() == 2);
  CHECK(result.failures[0].kind == ExpandFailure::Kind::Undefined);
  CHECK(result.failures[1].message == "NO must be set: say it");
  CHECK(result.words == List{"run", "x${NO}", "${NO:?say it}"});
}

TEST_CASE("references that are nested without end are refused") {
  std::string text = "run ";
  for (int i = 0; i < 100'000; ++i) text += "${NO:-";
  CHECK(failure(text) == "references are nested too deeply");
}
