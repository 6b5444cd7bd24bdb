#include "core/restart.hpp"

#include <doctest/doctest.h>

using namespace cinit;
using namespace cinit::core;
using namespace std::chrono_literals;

namespace {

constexpr Time at(Duration span) { return Time(1h) + span; }

// Whether `delay` is `nominal` with a jitter that only lengthens, by 10 % at most.
bool about(Duration delay, Duration nominal) { return delay >= nominal && delay <= nominal + nominal / 10; }

}  // namespace

TEST_CASE("delays double up to the longest") {
  Random random(1);
  Backoff delays(200ms, 1s);
  for (const Duration nominal : {200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    CAPTURE(nominal.count());
    CHECK(about(delays.next(random), nominal));
  }
}

TEST_CASE("delays start over after a reset") {
  Random random(1);
  Backoff delays(200ms, 30s);
  delays.next(random);
  delays.next(random);
  delays.reset();
  CHECK(about(delays.next(random), 200ms));
}

TEST_CASE("jitter only lengthens, uses its range, and is the same for the same seed") {
  Random random(7);
  Random same(7);
  Duration least = 1h;
  Duration most = 0s;
  for (int i = 0; i < 1000; ++i) {
    Backoff delays(1s, 1s);
    Backoff others(1s, 1s);
    const Duration delay = delays.next(random);
    CHECK(delay == others.next(same));
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  CHECK(least >= 1s);
  CHECK(least < 1010ms);
  CHECK(most > 1090ms);
  CHECK(most <= 1100ms);
}

TEST_CASE("a delay of zero stays zero, and a very long one does not overflow") {
  Random random(1);
  Backoff none(0s, 30s);
  CHECK(none.next(random) == 0s);
  CHECK(none.next(random) == 0s);
  constexpr Duration kCentury = 24h * 36500;
  Backoff ages(kCentury, 2 * kCentury);
  for (const Duration nominal : {kCentury, 2 * kCentury, 2 * kCentury}) CHECK(about(ages.next(random), nominal));
}

TEST_CASE("a start limit allows its burst in the interval and not one more") {
  StartLimit limit(3, 10s);
  for (const Duration start : {0s, 1s, 2s}) {
    CHECK(limit.allows(at(start)));
    limit.record(at(start));
  }
  CHECK_FALSE(limit.allows(at(3s)));
  CHECK_FALSE(limit.allows(at(10s) - 1ns));
  CHECK(limit.allows(at(10s)));
}

TEST_CASE("the interval slides") {
  StartLimit limit(2, 10s);
  limit.record(at(0s));
  limit.record(at(9s));
  CHECK(limit.allows(at(10s)));
  limit.record(at(10s));
  CHECK_FALSE(limit.allows(at(18s)));
  CHECK(limit.allows(at(19s)));
}

TEST_CASE("a burst of zero is no limit") {
  StartLimit limit(0, 10s);
  for (int i = 0; i < 1000; ++i) limit.record(at(0s));
  CHECK(limit.allows(at(0s)));
}

TEST_CASE("a start that was taken back does not count") {
  StartLimit limit(1, 10s);
  limit.record(at(0s));
  limit.take_back();
  CHECK(limit.allows(at(1s)));
  limit.record(at(1s));
  CHECK_FALSE(limit.allows(at(2s)));
}

TEST_CASE("starts are numbered within the interval") {
  StartLimit limit(3, 10s);
  CHECK(limit.ordinal(at(0s)) == 1);
  limit.record(at(0s));
  limit.record(at(5s));
  CHECK(limit.ordinal(at(6s)) == 3);
  CHECK(limit.ordinal(at(12s)) == 2);
}
