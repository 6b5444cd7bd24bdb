#include "base/repetitions.hpp"

#include <doctest/doctest.h>

using namespace cinit;
using namespace std::chrono_literals;

namespace {

constexpr Time kBegin = Time(100s);

}  // namespace

TEST_CASE("the first few are told at once, the others are counted, and their number is told when it is due") {
  Repetitions repetitions(3);
  int told = 0;
  for (int i = 0; i < 1000; ++i) told += repetitions.happens(kBegin + i * 1ms) ? 1 : 0;
  CHECK(told == 3);
  CHECK(repetitions.due() == kBegin + 10s);
  CHECK(repetitions.take_untold(kBegin + 9s) == 0);
  CHECK(repetitions.take_untold(kBegin + 10s) == 997);
  CHECK(repetitions.due() == kNever);
  CHECK(repetitions.take_untold(kNever) == 0);
}

TEST_CASE("what goes on is a number in each span, and after a span of silence it begins anew") {
  Repetitions repetitions(1);
  CHECK(repetitions.happens(kBegin));
  CHECK_FALSE(repetitions.happens(kBegin + 1s));
  CHECK(repetitions.take_untold(kBegin + 11s) == 1);
  CHECK_FALSE(repetitions.happens(kBegin + 12s));
  CHECK_FALSE(repetitions.is_over(kBegin + 30s));
  CHECK(repetitions.take_untold(kBegin + 30s) == 1);
  CHECK_FALSE(repetitions.is_over(kBegin + 39s));
  CHECK(repetitions.is_over(kBegin + 40s));
  CHECK(repetitions.happens(kBegin + 40s));
}

TEST_CASE("what happens a few times is told each time, and there is no number") {
  Repetitions repetitions(3);
  for (int i = 0; i < 3; ++i) CHECK(repetitions.happens(kBegin));
  CHECK(repetitions.due() == kNever);
}
