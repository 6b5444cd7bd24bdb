#include "sysctl/parse.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "sysctl/text.hpp"

using namespace cinit::sysctl;

namespace {

std::string only_value(const Parsed& parsed) {
  REQUIRE(parsed.problems.empty());
  REQUIRE(parsed.settings.size() == 1);
  return parsed.settings[0].path + '|' + parsed.settings[0].value;
}

std::string only_problem(const Parsed& parsed) {
  REQUIRE(parsed.settings.empty());
  REQUIRE(parsed.problems.size() == 1);
  return parsed.problems[0].where + ": " + parsed.problems[0].message;
}

std::string random_text(std::mt19937& random) {
  constexpr std::string_view kLetters("=.-/#;*[?\\ \t\r\n\0a9", 18);
  std::string text;
  for (std::size_t size = random() % 64; size > 0; --size) text += kLetters[random() % kLetters.size()];
  return text;
}

}  // namespace

TEST_CASE("line ends may be CRLF, the last one may be missing, and a byte order mark is skipped") {
  CHECK(only_value(parse("f", "\xEF\xBB\xBFkernel.shmmax = 1\r\n\r\n# c\r\n")) == "kernel/shmmax|1");
  CHECK(only_value(parse("f", "kernel.sem = 1 2\t3\r")) == "kernel/sem|1 2\t3");
  CHECK(only_value(parse("f", "kernel.sem = 1")) == "kernel/sem|1");
  CHECK(parse("f", "").settings.empty());
}

TEST_CASE("a control character is a problem wherever it would reach the kernel or the log") {
  using namespace std::string_literals;
  CHECK(only_problem(parse("f", "kernel.shmmax = 1\0002\n"s)) ==
        "f:1: the value of kernel.shmmax has a control character in it");
  CHECK(only_problem(parse("f", "kernel.\033[2Jx = 1\n")) ==
        "f:1: the key kernel.?[2Jx has a blank or a control character in it");
  CHECK(only_problem(parse("f", "\nker\0nel\n"s)) == "f:2: expected KEY = VALUE instead of ker?nel");
  CHECK(parse("f", "# \0\033\n"s).problems.empty());
  CHECK_FALSE(make_setting("kernel.shmmax", "1\n2", "here"));
}

TEST_CASE("a line that is longer than the kernel takes is a problem, a comment of that length is not") {
  const std::string most(kLongestLine - std::string_view("a.b=").size(), 'x');
  CHECK(only_value(parse("f", "a.b=" + most)) == "a/b|" + most);
  CHECK(only_problem(parse("f", "a.b=" + most + "x")) == "f:1: the line is longer than 4096 bytes");
  CHECK(parse("f", "#" + most + most).problems.empty());
}

TEST_CASE("keys and paths are the reverse of each other, for interfaces with a dot in their name too") {
  for (const std::string_view path : {"kernel/shmmax", "net/ipv4/conf/eth0.100/forwarding", "a/b.c/.d", "kernel"}) {
    CAPTURE(path);
    const cinit::Result<std::string> back = to_path(to_key(path));
    REQUIRE(back);
    CHECK(*back == path);
  }
  CHECK(to_key("net/ipv4/conf/eth0.100/forwarding") == "net.ipv4.conf.eth0/100.forwarding");
}

TEST_CASE("whatever a file holds, a setting never leads out of its root, and lines are never lost") {
  std::mt19937 random(20240229);
  for (int round = 0; round < 20'000; ++round) {
    const std::string text = random_text(random);
    CAPTURE(round);
    const Parsed parsed = parse("f", text);
    std::size_t lines = 0;
    for (std::string_view left = text; !left.empty();) {
      const std::size_t end = std::min(left.find('\n'), left.size());
      const std::string_view line = trim(left.substr(0, end));
      lines += !line.empty() && line[0] != '#' && line[0] != ';' ? 1U : 0U;
      left.remove_prefix(std::min(end + 1, left.size()));
    }
    CHECK(parsed.settings.size() + parsed.problems.size() == lines);
    for (const Setting& setting : parsed.settings) {
      const std::string path = '/' + setting.path + '/';
      for (const std::string_view trap : {"//", "/./", "/../"}) CHECK(path.find(trap) == std::string::npos);
      for (const char letter : path + setting.value) CHECK((!is_control(letter) || letter == '\t'));
    }
  }
}

TEST_CASE("words are quoted as a shell needs it") {
  CHECK(shell_quote("kernel.shmmax=68719476736") == "kernel.shmmax=68719476736");
  CHECK(shell_quote("kernel.sem=250 32000") == "'kernel.sem=250 32000'");
  CHECK(shell_quote("x=$(reboot)") == "'x=$(reboot)'");
  CHECK(shell_quote("it's") == "'it'\\''s'");
  CHECK(shell_quote("") == "''");
}
