#include "base/utc.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <string>

using namespace cinit;

namespace {

std::string after_epoch(std::int64_t milliseconds) {
  return format_utc(std::chrono::system_clock::time_point(std::chrono::milliseconds(milliseconds)));
}

}  // namespace

TEST_CASE("the time of day is written in UTC, every part with all its digits") {
  CHECK(after_epoch(0) == "1970-01-01T00:00:00.000Z");
  CHECK(after_epoch(1'709'251'198'007) == "2024-02-29T23:59:58.007Z");
  CHECK(after_epoch(-1) == "1969-12-31T23:59:59.999Z");
}
