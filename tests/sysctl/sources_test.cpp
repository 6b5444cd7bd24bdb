#include "sysctl/sources.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tree.hpp"

using namespace cinit;

namespace {

std::string to_text(const sysctl::Sources& sources, const test::Tree& tree) {
  std::string text;
  for (const sysctl::Setting& setting : sources.settings) {
    text += setting.where + ": " + setting.path + '=' + setting.value + '\n';
  }
  for (const sysctl::Problem& problem : sources.problems) text += problem.where + ": " + problem.message + '\n';
  for (std::size_t at = 0; (at = text.find(tree.path())) != std::string::npos;) text.erase(at, tree.path().size());
  return text;
}

}  // namespace

TEST_CASE("a container without /etc/sysctl.conf has no settings and no problems") {
  const test::Tree tree;
  CHECK(to_text(sysctl::read_sources({}, tree.path()), tree) == "");
}

TEST_CASE("settings come from /etc/sysctl.conf, then the named files in their order, then the configuration") {
  const test::Tree tree;
  tree.put("etc/sysctl.conf", "kernel.shmmax = 1\n");
  tree.put("second.conf", "kernel.shmmax = 2\nnonsense\n");
  tree.put("first.conf", "kernel.shmmax = 3\n");
  const sysctl::Request request{{tree.at("second.conf"), tree.at("first.conf")},
                                {{"kernel.shmmax", "4", "/etc/cinit.toml:7"},
                                 {"-net/ipv4/conf/eth0.1/x", "5", "/etc/cinit.toml:8"},
                                 {"a..b", "6", "/etc/cinit.toml:9"}}};
  CHECK(to_text(sysctl::read_sources(request, tree.path()), tree) ==
        "/etc/sysctl.conf:1: kernel/shmmax=1\n"
        "/second.conf:1: kernel/shmmax=2\n"
        "/first.conf:1: kernel/shmmax=3\n"
        "/etc/cinit.toml:7: kernel/shmmax=4\n"
        "/etc/cinit.toml:8: net/ipv4/conf/eth0.1/x=5\n"
        "/second.conf:2: expected KEY = VALUE instead of nonsense\n"
        "/etc/cinit.toml:9: the key a..b is no path below /proc/sys: every part of it needs a name\n");
}

TEST_CASE("a named file must be readable, unless it has a dash in front") {
  const test::Tree tree;
  tree.put("directory/file", "");
  const sysctl::Request request{
      {tree.at("missing.conf"), "-" + tree.at("missing.conf"), tree.at("directory"), "-" + tree.at("directory")}, {}};
  CHECK(to_text(sysctl::read_sources(request, tree.path()), tree) ==
        "/missing.conf: cannot be read: No such file or directory\n"
        "/directory: cannot be read: Is a directory\n"
        "/directory: cannot be read: Is a directory\n");
}

TEST_CASE("a pattern of files is read by name, without hidden ones, and may match nothing") {
  const test::Tree tree;
  tree.put("d/20-b.conf", "b.b = 1\n");
  tree.put("d/10-a.conf", "a.a = 1\n");
  tree.put("d/.hidden.conf", "h.h = 1\n");
  tree.put("d/readme", "nonsense\n");
  REQUIRE(symlink("/dev/null", tree.at("d/15-off.conf").c_str()) == 0);
  const sysctl::Request request{{tree.at("d/*.conf"), tree.at("none/*.conf"), "-" + tree.at("d/2*")}, {}};
  CHECK(to_text(sysctl::read_sources(request, tree.path()), tree) ==
        "/d/10-a.conf:1: a/a=1\n/d/20-b.conf:1: b/b=1\n/d/20-b.conf:1: b/b=1\n");
}

TEST_CASE("a file that is too large to be a list of keys is a problem") {
  const test::Tree tree;
  tree.put("etc/sysctl.conf", std::string(sysctl::kLargestFile + 1, '#'));
  CHECK(to_text(sysctl::read_sources({}, tree.path()), tree) ==
        "/etc/sysctl.conf: cannot be read: it is longer than 1048576 bytes\n");
}
