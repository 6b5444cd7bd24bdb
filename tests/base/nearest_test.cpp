#include "base/nearest.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

using cinit::nearest;

namespace {

constexpr std::array<std::string_view, 6> kKeys{"command", "user", "group", "groups", "stop-signal", "stop-timeout"};

}  // namespace

TEST_CASE("a missing, an extra, a wrong and a swapped letter find the name that was meant") {
  CHECK(nearest("comand", kKeys) == "command");
  CHECK(nearest("commmand", kKeys) == "command");
  CHECK(nearest("connand", kKeys) == "command");
  CHECK(nearest("uesr", kKeys) == "user");
}

TEST_CASE("the nearest of several names wins, and the first of equally near ones") {
  CHECK(nearest("group", kKeys) == "group");
  CHECK(nearest("groupss", kKeys) == "groups");
  constexpr std::array<std::string_view, 2> kTwins{"cat", "car"};
  CHECK(nearest("cas", kTwins) == "cat");
}

TEST_CASE("a word that is like none of the names has no suggestion") {
  CHECK(nearest("colour", kKeys) == "");
  CHECK(nearest("x", kKeys) == "");
  CHECK(nearest("", kKeys) == "");
  CHECK(nearest("command", {}) == "");
}

TEST_CASE("the distance that is allowed grows with the word, from one letter to three") {
  constexpr std::array<std::string_view, 1> kShort{"env"};
  CHECK(nearest("enb", kShort) == "env");
  CHECK(nearest("ebb", kShort) == "");
  constexpr std::array<std::string_view, 1> kLong{"success-exit-status"};
  CHECK(nearest("sucess-exit-stats", kLong) == "success-exit-status");
  CHECK(nearest("suces-exi-stat", kLong) == "");
}

TEST_CASE("an endless word is not compared at all") {
  const std::string endless(100'000, 'a');
  CHECK(nearest(endless, kKeys) == "");
}
