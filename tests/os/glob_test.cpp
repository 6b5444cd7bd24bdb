#include "os/glob.hpp"

#include <doctest/doctest.h>

#include "files.hpp"

using namespace cinit::test;
using cinit::os::expand;
using cinit::os::is_glob;
using cinit::os::matches;
using List = std::vector<std::string>;

TEST_CASE("a pattern matches component by component, and no hidden name") {
  CHECK(matches("net/*/conf", "net/ipv4/conf"));
  CHECK_FALSE(matches("net/*", "net/ipv4/conf"));
  CHECK(matches("a/eth[0-9]", "a/eth3"));
  CHECK_FALSE(matches("a/eth[0-9]", "a/ethx"));
  CHECK_FALSE(matches("a/*", "a/.x"));
  CHECK(is_glob("a/?"));
  CHECK_FALSE(is_glob("a/b.c"));
}

TEST_CASE("a pattern becomes what exists, sorted") {
  const TemporaryDirectory directory;
  for (const char* name : {"/log/b", "/log/a", "/log/.hidden", "/lib/a"}) write_file(directory.path() + name, "");
  CHECK(expand(directory.path(), "log/*") == List{"log/a", "log/b"});
  CHECK(expand(directory.path(), "l*/a") == List{"lib/a", "log/a"});
  CHECK(expand(directory.path(), "log/a") == List{"log/a"});
  CHECK(expand(directory.path(), "log/c").empty());
  CHECK(expand(directory.path(), "nothing/*").empty());
}
