#include "base/line.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>

using cinit::Duration;
using cinit::Line;
using namespace std::chrono_literals;

namespace {

template <class Part>
std::string text_of(const Part& part) {
  Line line;
  line << part;
  return std::string(line.text());
}

std::string span(Duration duration) { return text_of(duration); }

}  // namespace

TEST_CASE("the parts of a line stand one behind the other, and the newline is not part of its text") {
  Line line;
  line << "pid " << 42 << ", code " << std::int64_t{-7};
  CHECK(line.text() == "pid 42, code -7");
  CHECK(line.line() == "pid 42, code -7\n");
  CHECK(line.text() == "pid 42, code -7");
  CHECK((line << "!").line() == "pid 42, code -7!\n");
}

TEST_CASE("an empty line is a newline") {
  Line line;
  CHECK(line.text().empty());
  CHECK(line.line() == "\n");
}

TEST_CASE("numbers are written whole, the smallest and the largest too") {
  CHECK(text_of(0) == "0");
  CHECK(text_of(std::numeric_limits<int>::min()) == "-2147483648");
  CHECK(text_of(std::numeric_limits<std::int64_t>::max()) == "9223372036854775807");
  CHECK(text_of(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
}

TEST_CASE("what does not fit is cut off, and the newline still fits") {
  Line line;
  line << std::string(5000, 'x') << "more" << 12345;
  CHECK(line.text() == std::string(1023, 'x'));
  CHECK(line.line() == std::string(1023, 'x') + "\n");
}

TEST_CASE("a span is written in the unit that a reader would choose") {
  CHECK(span(0ns) == "0 ms");
  CHECK(span(999us) == "0 ms");
  CHECK(span(35ms) == "35 ms");
  CHECK(span(999ms) == "999 ms");
  CHECK(span(1s) == "1 s");
  CHECK(span(1099ms) == "1 s");
  CHECK(span(1500ms) == "1.5 s");
  CHECK(span(9999ms) == "9.9 s");
  CHECK(span(10s + 900ms) == "10 s");
  CHECK(span(119s) == "119 s");
  CHECK(span(2min) == "2 min");
  CHECK(span(200s) == "3 min 20 s");
  CHECK(span(119min + 59s) == "119 min 59 s");
  CHECK(span(2h) == "2 h");
  CHECK(span(125min) == "2 h 5 min");
  CHECK(span(1000h + 59s) == "1000 h");
}
