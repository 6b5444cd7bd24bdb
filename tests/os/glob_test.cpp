#include "os/glob.hpp"

#include <doctest/doctest.h>

#include "files.hpp"
#include "forked.hpp"
#include "os/file.hpp"

using namespace cinit::test;
using cinit::os::is_glob;
using cinit::os::matches;
using List = std::vector<std::string>;

namespace {

List expand(const std::string& directory, const char* pattern) {
  const cinit::Result<List> found = cinit::os::expand(directory, pattern);
  return found ? *found : List{found.error().message};
}

}  // namespace

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

TEST_CASE("a pattern that cannot be looked at for want of descriptors has not matched nothing") {
  const TemporaryDirectory directory;
  write_file(directory.path() + "/log/a", "");
  const auto body = [&] {
    const rlimit64 none{3, 3};
    cinit::os::sys::setrlimit(RLIMIT_NOFILE, &none);
    const cinit::Result<List> found = cinit::os::expand(directory.path(), "log/*");
    return found ? "found " + std::to_string(found->size()) : found.error().message;
  };
  CHECK(in_child(body) == directory.path() + "/log cannot be looked at: Too many open files");
}
