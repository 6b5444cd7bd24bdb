#include "config/duration.hpp"

#include <doctest/doctest.h>

using cinit::Duration;
using cinit::config::format_duration;
using cinit::config::parse_duration;
using namespace std::chrono_literals;

TEST_CASE("a duration is a number with a unit, or whole seconds") {
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("10s") == 10s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("1h") == 1h);
  CHECK(parse_duration("10") == 10s);
  CHECK(parse_duration("0") == 0s);
}

TEST_CASE("units can be combined, from the longest to the shortest") {
  CHECK(parse_duration("1m30s") == 90s);
  CHECK(parse_duration("2h0m1s500ms") == 2h + 1s + 500ms);
  CHECK_FALSE(parse_duration("30s1m"));
  CHECK_FALSE(parse_duration("1s1s"));
  CHECK_FALSE(parse_duration("1m30"));
}

TEST_CASE("what is no duration is refused") {
  for (const char* text : {"", "s", "ms", "10sec", "5min", "1d", "10 s", " 10s", "10s ", "-1s", "+1s", "1.5s", "1e3",
                           "10S", "1m-3s", "0x10"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("what does not fit is refused, not wrapped") {
  CHECK(parse_duration("9223372036s") == Duration(9223372036s));
  CHECK_FALSE(parse_duration("9223372037s"));
  CHECK_FALSE(parse_duration("2562047h60m"));
  CHECK_FALSE(parse_duration("99999999999999999999s"));
}

TEST_CASE("a duration is written as it would be read") {
  CHECK(format_duration(200ms) == "200ms");
  CHECK(format_duration(90s) == "1m30s");
  CHECK(format_duration(5min) == "5m");
  CHECK(format_duration(0s) == "0s");
  CHECK(format_duration(25h + 1ms) == "25h1ms");
}
