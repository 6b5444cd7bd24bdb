#include "base/json.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

using namespace cinit;

namespace {

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

// Bytes as an attacker would choose them: any, and those more often at which UTF-8 or JSON turn.
std::string random_bytes(std::mt19937& random) {
  constexpr std::string_view kTurns(
      "\x00\x1f \"\\~\x7f\x80\x8f\x90\x9b\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe2\xed\xef\xf0\xf4\xf5\xff", 26);
  std::string text(random() % 40, '\0');
  for (char& byte : text) byte = random() % 2 == 0 ? static_cast<char>(random()) : kTurns[random() % kTurns.size()];
  return text;
}

}  // namespace

TEST_CASE("letters stand for themselves, quotes and backslashes are escaped") {
  CHECK(json("") == "\"\"");
  CHECK(json("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80") == "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
  CHECK(json("say \"hi\" c:\\x") == "\"say \\\"hi\\\" c:\\\\x\"");
}

TEST_CASE("what steers a terminal is escaped, C1 and the order of letters included") {
  CHECK(json(std::string_view("\0\n\x1b\x7f", 4)) == "\"\\u0000\\u000a\\u001b\\u007f\"");
  CHECK(json("\xc2\x9b\xe2\x80\xae\xe2\x80\xa8") == "\"\\u009b\\u202e\\u2028\"");
}

TEST_CASE("each maximal subpart that is no UTF-8 becomes U+FFFD") {
  CHECK(json("a\xff"
             "b\xe2\x82") ==
        "\"a\xef\xbf\xbd"
        "b\xef\xbf\xbd\"");
  CHECK(json("\xed\xa0\x80") == "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST_CASE("Python's json reads any bytes as its own UTF-8 decoder does with errors=\"replace\"") {
  if (std::system("command -v python3 > /dev/null") != 0) {
    FAIL("python3 is not installed");
    return;
  }
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  char path[] = "/tmp/cinit-json.XXXXXX";
  const int fd = mkstemp(path);
  REQUIRE(fd >= 0);
  close(fd);
  std::ofstream file(path, std::ios::binary);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random_bytes(random);
    for (const char byte : text) {
      constexpr char kDigits[] = "0123456789abcdef";
      file << kDigits[static_cast<unsigned char>(byte) >> 4U] << kDigits[static_cast<unsigned char>(byte) & 15U];
    }
    file << ' ' << json(text) << '\n';
  }
  file.close();
  const std::string program = std::string("python3 -c '\nimport json\n") + "for line in open(\"" + path +
                              "\", \"rb\"):\n"
                              "  raw, text = line.split(b\" \", 1)\n"
                              "  wanted = bytes.fromhex(raw.decode()).decode(\"utf-8\", \"replace\")\n"
                              "  assert json.loads(text.decode(\"utf-8\")) == wanted, line\n'";
  CHECK(std::system(program.c_str()) == 0);
  unlink(path);
}
