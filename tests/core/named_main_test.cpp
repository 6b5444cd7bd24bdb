#include "core/named_main.hpp"

#include <doctest/doctest.h>

using namespace cinit::core;

namespace {

constexpr ServiceId kWeb{0};
constexpr int kMain = 10;
constexpr int kOther = 11;

NamedMains::Process process(bool is_known, bool is_its_own) { return {kOther, 500, is_known, is_its_own}; }

}  // namespace

TEST_CASE("a service goes on in the process of its own that it has named last") {
  NamedMains named;
  CHECK(named.name(kWeb, kMain, kOther, process(false, true)));
  const auto next = named.take(kWeb);
  REQUIRE(next);
  CHECK(next->pid == kOther);
  CHECK(next->start == 500);
  CHECK(!named.take(kWeb));
}

TEST_CASE("a process that is none of the service's own is refused, and what was named before no longer holds") {
  NamedMains named;
  CHECK(named.name(kWeb, kMain, kOther, process(false, true)));
  SUBCASE("of another service") { CHECK(!named.name(kWeb, kMain, kOther, process(false, false))); }
  SUBCASE("started by cinit") { CHECK(!named.name(kWeb, kMain, kOther, process(true, true))); }
  SUBCASE("gone") { CHECK(!named.name(kWeb, kMain, kOther, {})); }
  SUBCASE("the main process itself changes nothing") { CHECK(named.name(kWeb, kMain, kMain, process(true, true))); }
  CHECK(!named.take(kWeb));
}
