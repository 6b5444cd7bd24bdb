#include "output/ring.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <deque>
#include <string>

using namespace cinit::output;

namespace {

void push(Ring& ring, std::uint64_t number, const std::string& text) {
  Record record;
  record.number = number;
  record.text = text;
  record.stream = number % 2 == 0 ? Stream::Stdout : Stream::Stderr;
  record.continues = number % 3 == 0;
  ring.push(record);
}

std::string all_of(const Ring& ring) {
  std::string text;
  ring.for_each([&](const Record& record) { text += std::string(record.text) + ";"; });
  return text;
}

}  // namespace

TEST_CASE("a ring gives back what was put into it, the oldest first") {
  Ring ring(7, 1000);
  CHECK(all_of(ring).empty());
  Record record;
  record.number = 42;
  record.time = std::chrono::system_clock::time_point(std::chrono::seconds(1000));
  record.stream = Stream::Stderr;
  record.continues = true;
  record.text = std::string_view("a\0b", 3);
  ring.push(record);
  push(ring, 43, "");
  push(ring, 44, "last");
  CHECK(ring.count() == 3);
  CHECK(all_of(ring) == std::string("a\0b;;last;", 10));
  bool is_first = true;
  ring.for_each([&](const Record& kept) {
    if (!is_first) return;
    is_first = false;
    CHECK(kept.number == 42);
    CHECK(kept.time == record.time);
    CHECK(kept.service == 7);
    CHECK(kept.stream == Stream::Stderr);
    CHECK(kept.continues);
  });
}

TEST_CASE(
    "the oldest lines make room, and those that are left are the newest, unchanged, however the ring has turned") {
  for (const std::size_t capacity : {100U, 101U, 127U, 333U}) {
    CAPTURE(capacity);
    Ring ring(0, capacity);
    std::deque<std::string> pushed;
    for (std::uint64_t number = 1; number <= 500; ++number) {
      pushed.push_back(std::to_string(number) + std::string(number * 7 % 60, 'x'));
      push(ring, number, pushed.back());
      REQUIRE(ring.count() >= 1);
      while (pushed.size() > ring.count()) pushed.pop_front();
      std::string expected;
      for (const std::string& text : pushed) expected += text + ";";
      REQUIRE(all_of(ring) == expected);
    }
  }
}

TEST_CASE("of a line that is longer than the ring its beginning is kept") {
  Ring ring(0, 100);
  push(ring, 1, "before");
  push(ring, 2, std::string(50, 'a') + std::string(200, 'b'));
  CHECK(ring.count() == 1);
  const std::string kept = all_of(ring);
  CHECK(kept.substr(0, 52) == std::string(50, 'a') + "bb");
  CHECK(kept.size() < 100);
}

TEST_CASE("a ring without room keeps nothing") {
  for (const std::size_t capacity : {0U, 1U, 8U, 24U}) {
    Ring ring(0, capacity);
    push(ring, 1, "x");
    CHECK(all_of(ring).empty());
  }
}
