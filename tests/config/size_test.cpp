#include "config/size.hpp"

#include <doctest/doctest.h>

using cinit::config::format_size;
using cinit::config::parse_size;
using cinit::config::Size;

TEST_CASE("a size is a number with a unit of 1,024 and its powers, or bytes") {
  CHECK(parse_size("0") == Size{0});
  CHECK(parse_size("512") == Size{512});
  CHECK(parse_size("512B") == Size{512});
  for (const char* text : {"64K", "64KB", "64KiB", "64k", "64kb", "64kib"}) {
    CAPTURE(text);
    CHECK(parse_size(text) == Size{64 * 1024});
  }
  CHECK(parse_size("10MB") == Size{10 << 20});
  CHECK(parse_size("10m") == Size{10 << 20});
  CHECK(parse_size("10MiB") == Size{10 << 20});
  CHECK(parse_size("1GB") == Size{1 << 30});
}

TEST_CASE("what is no size is refused") {
  for (const char* text : {"", "KB", "10 MB", " 10MB", "10MB ", "-1", "+1", "1.5MB", "1e3", "0x10", "1TB", "10MBs",
                           "10iB", "1MK", "1M1K", "10Mi", "10s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text));
  }
}

TEST_CASE("the largest sizes are read, and larger ones refused") {
  CHECK(parse_size("18446744073709551615") == Size{18446744073709551615U});
  CHECK_FALSE(parse_size("18446744073709551616"));
  CHECK(parse_size("17179869183GB") == Size{17179869183ULL << 30U});
  CHECK_FALSE(parse_size("17179869184GB"));
}

TEST_CASE("a size is written with the largest unit that leaves no rest, and reads back") {
  CHECK(format_size({0}) == "0");
  CHECK(format_size({1000}) == "1000");
  CHECK(format_size({1024}) == "1KB");
  CHECK(format_size({64 << 10}) == "64KB");
  CHECK(format_size({10 << 20}) == "10MB");
  CHECK(format_size({1536 << 20}) == "1536MB");
  CHECK(format_size({2U << 30U}) == "2GB");
  for (const std::uint64_t bytes : {0UL, 1UL, 1023UL, 1025UL, 3UL << 20, 1UL << 40, 18446744073709551615UL}) {
    CAPTURE(bytes);
    CHECK(parse_size(format_size({bytes})) == Size{bytes});
  }
}
