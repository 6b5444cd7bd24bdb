#include "control/protocol.hpp"

#include <doctest/doctest.h>

#include "control/arguments.hpp"

using namespace cinit::control;

namespace {

// The request as "command|word|word|", or the error.
std::string parsed(std::string_view line) {
  const auto request = parse_request(line);
  if (!request) return request.error().message;
  std::string text = request->command + "|";
  for (const std::string& word : request->words) text += word + "|";
  return text;
}

std::string formatted(const Request& request) {
  const auto line = format_request(request);
  return line ? *line : line.error().message;
}

std::string arguments_error(const std::vector<std::string>& words) {
  const auto allowed = find_command("logs")->options;
  const auto arguments = parse_arguments(words, allowed);
  return arguments ? "no error" : arguments.error().message;
}

}  // namespace

TEST_CASE("a request is a version, a command and its words") {
  CHECK(parsed("cinit/1 status") == "status|");
  CHECK(parsed("cinit/1 logs --lines=5 web db") == "logs|--lines=5|web|db|");
}

TEST_CASE("another version is answered by a sentence about versions") {
  const std::string expected =
      "the request does not begin with \"cinit/1\": client and server are of different versions";
  CHECK(parsed("cinit/2 status") == expected);
  CHECK(parsed("GET / HTTP/1.0") == expected);
  CHECK(parsed("") == expected);
}

TEST_CASE("what is not words with one space between them is no request") {
  for (const std::string line :
       {"cinit/1  status", "cinit/1 status ", " cinit/1 status", "cinit/1 a\tb", "cinit/1 a\r", "cinit/1 \x7f"}) {
    CAPTURE(line);
    CHECK(parsed(line) == "the request is not made of words with one space between them");
  }
  CHECK(parsed("cinit/1") == "the request names no command");
}

TEST_CASE("a request that is written is read back") {
  CHECK(formatted({"stop", {"--no-wait", "web*"}}) == "cinit/1 stop --no-wait web*\n");
  CHECK(formatted({"health", {}}) == "cinit/1 health\n");
  CHECK(formatted({"stop",
                   {"w\xc3\xa9"
                    "b"}}) ==
        "cinit/1 stop w\xc3\xa9"
        "b\n");
}

TEST_CASE("words that a request cannot hold are refused") {
  CHECK(formatted({"stop", {""}}) == "an empty word is no name");
  CHECK(formatted({"stop", {"a b"}}) == "\"a b\": a name has neither blanks nor control characters");
  CHECK(formatted({"stop", {"a\nb"}}) == "\"a\nb\": a name has neither blanks nor control characters");
  CHECK(formatted({"s", {std::string(kLongestRequest, 'x')}}).starts_with("these are too many words"));
}

TEST_CASE("the longest request is exactly as long as allowed") {
  const std::size_t rest = kLongestRequest - std::string("cinit/1 s \n").size();
  CHECK(formatted({"s", {std::string(rest, 'x')}}).size() == kLongestRequest);
  CHECK(formatted({"s", {std::string(rest + 1, 'x')}}).starts_with("these are too many words"));
}

TEST_CASE("frames are lines, and each line of a text has one of its own") {
  std::string frames;
  append_out(frames, "one\ntwo");
  append_out(frames, "");
  append_err(frames, "out three");
  append_end(frames, 3);
  CHECK(frames == "out one\nout two\nout \nerr out three\nend 3\n");
}

TEST_CASE("frames are read back") {
  const auto out = parse_frame("out a b ");
  REQUIRE(out);
  CHECK(out->kind == Frame::Kind::Out);
  CHECK(out->text == "a b ");
  CHECK(parse_frame("out ")->text.empty());
  CHECK(parse_frame("err x")->kind == Frame::Kind::Err);
  CHECK(parse_frame("end 255")->code == 255);
  for (const char* line : {"", "out", "end", "end ", "end x", "end 1 ", "end 256", "end -1", "ende 1", "log x"}) {
    CAPTURE(line);
    CHECK_FALSE(parse_frame(line));
  }
}

TEST_CASE("options stand anywhere among the words") {
  const std::vector<std::string> words{"web", "-f", "db", "--lines=20", "--expect-wait", "--", "-x"};
  const auto arguments = parse_arguments(words, find_command("logs")->options);
  REQUIRE(arguments);
  CHECK(arguments->has(Option::Follow));
  CHECK(arguments->has(Option::Lines));
  CHECK(arguments->lines == 20);
  CHECK(arguments->expect_wait);
  CHECK_FALSE(arguments->has(Option::Json));
  CHECK(arguments->words == std::vector<std::string>{"web", "db", "-x"});
}

TEST_CASE("a value stands in the word of its option, or is the next word") {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"-n5"}, {"-n", "5"}, {"--lines=5"}, {"--lines", "5"}}) {
    const auto arguments = parse_arguments(words, find_command("logs")->options);
    REQUIRE(arguments);
    CHECK(arguments->lines == 5);
    CHECK(arguments->words.empty());
  }
}

TEST_CASE("an option that the command does not take, or a value that is none, is a mistake") {
  CHECK(arguments_error({"--group"}) == "unknown option --group");
  CHECK(arguments_error({"--folow"}) == "unknown option --folow; did you mean --follow?");
  CHECK(arguments_error({"-x"}) == "unknown option -x");
  CHECK(arguments_error({"--follow=yes"}) == "--follow=yes: it takes no value");
  for (const std::string word :
       {"--lines", "--lines=", "--lines=-1", "--lines=5x", "--lines=99999999999999999999", "-n", "-nfew"}) {
    CHECK(arguments_error({word}) == word + ": expected a number of lines");
  }
}
