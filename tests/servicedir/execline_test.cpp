// The expected words are those that execlineb 2.9.3 makes.
#include "servicedir/execline.hpp"

#include <doctest/doctest.h>

using cinit::servicedir::CommandLine;
using cinit::servicedir::parse_command_line;
using List = std::vector<std::string>;

namespace {

List words(std::string_view text) {
  CAPTURE(text);
  const CommandLine line = parse_command_line("up", text);
  CHECK_MESSAGE(!line.problem, line.problem->message);
  CHECK(!line.objection);
  return line.words;
}

std::string problem(std::string_view text) {
  CAPTURE(text);
  const CommandLine line = parse_command_line("up", text);
  REQUIRE(line.problem.has_value() != line.objection.has_value());
  CHECK(line.is_execline == line.objection.has_value());
  return to_string(line.problem ? *line.problem : *line.objection);
}

const std::string kRemedy =
    ", and PATH leads to no execlineb that could run it; put what is more than one plain command into a script, and "
    "write "
    "its path here";
const std::string kNotAByte = "expected the number of a byte behind the backslash, 1 to 255";

}  // namespace

TEST_CASE("execline: blanks and line breaks separate words") {
  CHECK(words("/etc/s6-overlay/scripts/setup") == List{"/etc/s6-overlay/scripts/setup"});
  CHECK(words(" a\tb\n  c\r\n\vd\fe\n") == List{"a", "b", "c", "d", "e"});
  CHECK(words("").empty());
  CHECK(words(" \n\t").empty());
}

TEST_CASE("execline: a comment begins where a word could begin, and ends with its line") {
  CHECK(words("#!/command/execlineb -P\n# why\na b # c\nd") == List{"a", "b", "d"});
  CHECK(words("a#b \"c\"#d \\#e") == List{"a#b", "c#d", "#e"});
  CHECK(words("# nothing else").empty());
}

TEST_CASE("execline: double quotes keep a word together, and join with what stands beside them") {
  CHECK(words("sh -c \"echo a  b\n# c\"") == List{"sh", "-c", "echo a  b\n# c"});
  CHECK(words("a\"b c\"d\"\"e") == List{"ab cde"});
  CHECK(words("a \"\" \"b\"\"c\"") == List{"a", "", "bc"});
  CHECK(words("a 'b c'") == List{"a", "'b", "c'"});
}

TEST_CASE("execline: in quotes a backslash makes control characters, and quotes anything else") {
  CHECK(words("\"\\a\\b\\t\\n\\v\\f\\r\"") == List{"\a\b\t\n\v\f\r"});
  CHECK(words("\"\\\"\\\\\\x\\{ \\#\"") == List{"\"\\x{ #"});
  CHECK(words("\"a\\\nb\"") == List{"ab"});
}

TEST_CASE("execline: in quotes a number behind a backslash is a byte") {
  CHECK(words("\"\\65\\9\\1234\\255\"") == List{"A\t{4\xff"});
  CHECK(words("\"\\0101\\012x\\0377\\018\"") == List{"A\nx\xff\x01"
                                                     "8"});
  CHECK(words("\"\\0x41\\0x4142\\0xaB\\0xA\"") == List{"AA42\xab\n"});
}

TEST_CASE("execline: outside of quotes a backslash quotes any letter") {
  CHECK(words("a\\ b \\n\\65 \\\" \\\\ \\{ \\}") == List{"a b", "n65", "\"", "\\", "{", "}"});
  CHECK(words("a\\\nb") == List{"a\nb"});
}

TEST_CASE("execline: between words a backslash joins the next line, and means nothing at the end") {
  CHECK(words("a \\\n b") == List{"a", "b"});
  CHECK(words("a \\") == List{"a"});
}

TEST_CASE("execline: a variable is left to the program") { CHECK(words("echo ${X} $Y") == List{"echo", "${X}", "$Y"}); }

TEST_CASE("execline: a NUL byte ends it") { CHECK(words(std::string_view("a\0b c", 5)) == List{"a"}); }

TEST_CASE("execline: braces are only blocks when they are words of their own") {
  CHECK(words("a {b c} d{ }e \"{\" \"}\"") == List{"a", "{b", "c}", "d{", "}e", "{", "}"});
  CHECK(problem("if { true }\n") == "up:1:1: error: \"if\" is a program of execline" + kRemedy);
  CHECK(problem("with-contenv\nif { true }\n") == "up:2:4: error: a block of execline ({)" + kRemedy);
  CHECK(problem("a }") == "up:1:3: error: a block of execline (})" + kRemedy);
}

TEST_CASE("execline: its programs that run or substitute are refused in front, and are words elsewhere") {
  for (const std::string name : {"foreground", "backtick", "importas", "withstdinas", "define"}) {
    const std::string expected = "error: \"" + name + "\" is a program of execline" + kRemedy;
    CHECK(problem(name + " a b") == "up:1:1: " + expected);
    CHECK(problem("\n  \"" + name + "\" a b") == "up:2:3: " + expected);
    CHECK(words("echo " + name) == List{"echo", name});
  }
  CHECK(problem("/command/wait") == "up:1:1: error: \"/command/wait\" is a program of execline" + kRemedy);
  CHECK(words("/app/wait") == List{"/app/wait"});
}

TEST_CASE("execline: programs that only go on to another one are plain commands") {
  for (const std::string name :
       {"cd", "export", "unexport", "umask", "redirfd", "fdmove", "s6-setuidgid", "with-contenv"}) {
    CHECK(words(name + " a b") == List{name, "a", "b"});
  }
}

TEST_CASE("execline: a script is one for another interpreter") {
  using cinit::servicedir::begins_like_script;
  CHECK(begins_like_script("#!/bin/sh\n# not for execlineb\necho a"));
  CHECK(begins_like_script("#!/usr/bin/with-contenv bash"));
  CHECK(!begins_like_script("#!/command/execlineb -P\necho a"));
  CHECK(!begins_like_script("# a\n#!/bin/sh\n"));
  CHECK(!begins_like_script("/app/setup"));
  CHECK(!begins_like_script(""));
}

TEST_CASE("execline: exec in front of a command is left out, unless it changes something") {
  const auto stands_in = [](List rest) {
    rest.insert(rest.begin(), {"/proc/self/exe", "--as"});
    return rest;
  };
  CHECK(words("exec a b") == List{"a", "b"});
  CHECK(words("#!/bin/sh\nexec /app/setup \"now\"\n") == List{"/app/setup", "now"});
  CHECK(words("/command/exec exec a") == List{"a"});
  CHECK(words("exec -c a") == stands_in({"exec", "-c", "a"}));
  CHECK(words("exec -l a -a") == stands_in({"exec", "-l", "a", "-a"}));
  CHECK(words("exec -la name a") == stands_in({"exec", "-la", "name", "a"}));
  CHECK(words("exec -a name -c a") == stands_in({"exec", "-a", "name", "-c", "a"}));
  CHECK(words("exec -- a") == stands_in({"exec", "--", "a"}));
  CHECK(words("echo exec") == List{"echo", "exec"});
  CHECK(problem("exec") == "up:1:1: error: there is no command behind \"exec\"");
  CHECK(problem("exec -a b") == "up:1:1: error: there is no command behind \"exec\"");
  CHECK(problem("exec if { true } a") == "up:1:6: error: \"if\" is a program of execline" + kRemedy);
  CHECK(parse_command_line("up", "exec a").begins_with_exec);
  CHECK(!parse_command_line("up", "a exec").begins_with_exec);
}

TEST_CASE("execline: what begins with one of its programs is for execlineb, where there is one") {
  for (const char* const text : {"cd /tmp a", "/command/export A b c", "exec umask 077 a", "emptyenv a"}) {
    CAPTURE(text);
    CHECK(parse_command_line("up", text).is_execline);
  }
  for (const char* const text : {"s6-setuidgid app a", "with-contenv a", "/app/cd", "echo cd"}) {
    CAPTURE(text);
    CHECK(!parse_command_line("up", text).is_execline);
  }
}

TEST_CASE("execline: mistakes are told with their place") {
  CHECK(problem("a\n b \"c\nd") == "up:2:4: error: a double quote (\") is never closed");
  CHECK(problem("a\nb\n\n  c \"d") == "up:4:5: error: a double quote (\") is never closed");
  CHECK(problem("a \"b\\") == "up:1:3: error: a double quote (\") is never closed");
  CHECK(problem("a b\\") == "up:1:4: error: a backslash at the end has nothing to quote");
  for (const std::string_view number : {"256", "999", "0400", "0777", "0", "08", "0000", "0x", "0xg", "0x0"}) {
    CHECK(problem("a \"\\" + std::string(number) + "\"").ends_with(": error: " + kNotAByte));
  }
  CHECK(problem("a \"\\256\"") == "up:1:5: error: " + kNotAByte);
}
