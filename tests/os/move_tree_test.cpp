// On one file system; tests/e2e/s6_overlay_test.cpp moves to another one.
#include "os/move_tree.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "files.hpp"

using namespace cinit::test;
namespace os = cinit::os;

TEST_CASE("what is in a directory moves into another, and what that has already stays") {
  const TemporaryDirectory place;
  const std::string from = place.path() + "/from";
  const std::string to = place.path() + "/to";
  for (const char* const path : {"/from/both/deep", "/from/new", "/to/both"}) make_directories(place.path() + path);
  write_file(from + "/both/old", "from");
  write_file(to + "/both/old", "to");
  write_file(from + "/both/deep/file", "deep");
  write_file(from + "/new/file", "new");
  write_file(to + "/kept", "kept");
  REQUIRE(symlink("nowhere", (from + "/link").c_str()) == 0);
  REQUIRE(mkfifo((from + "/fifo").c_str(), 0600) == 0);
  CHECK(os::move_contents(from, to) == 0);
  CHECK(std::filesystem::is_empty(from));
  CHECK(read_file(to + "/both/old") == "to");
  CHECK(read_file(to + "/both/deep/file") == "deep");
  CHECK(read_file(to + "/new/file") == "new");
  CHECK(read_file(to + "/kept") == "kept");
  CHECK(std::filesystem::read_symlink(to + "/link") == "nowhere");
  CHECK(std::filesystem::is_fifo(to + "/fifo"));
}

TEST_CASE("nothing is mounted in a directory that has just been made") {
  const TemporaryDirectory place;
  CHECK(!os::holds_mounts(place.path()));
  CHECK(os::holds_mounts("/proc"));
  CHECK(os::holds_mounts("/"));
}
