#include "config/sources.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cases.hpp"
#include "files.hpp"

using namespace cinit::test;
using namespace cinit::config;

namespace {

std::vector<std::string> names(const Sources& sources) {
  std::vector<std::string> found;
  for (const SourceText& source : sources.files) found.push_back(source.name);
  return found;
}

}  // namespace

TEST_CASE("the configuration is /etc/cinit.toml, then the files of /etc/cinit.d by name") {
  const TemporaryDirectory root;
  const std::string etc = root.path() + "/etc";
  write_file(etc + "/cinit.d/b.toml", "# b");
  write_file(etc + "/cinit.d/B.toml", "# B");
  write_file(etc + "/cinit.d/10-a.toml", "# a");
  write_file(etc + "/cinit.toml", "# main");
  const Sources sources = read_default_sources(root.path());
  CHECK(sources.problems.empty());
  CHECK(names(sources) == std::vector<std::string>{etc + "/cinit.toml", etc + "/cinit.d/10-a.toml",
                                                   etc + "/cinit.d/B.toml", etc + "/cinit.d/b.toml"});
  CHECK(sources.files[0].text == "# main");
  CHECK(sources.files[3].text == "# b");
}

TEST_CASE("hidden files and files of other kinds in /etc/cinit.d are no configuration") {
  const TemporaryDirectory root;
  const std::string directory = root.path() + "/etc/cinit.d";
  for (const char* name : {"/.web.toml", "/web.toml.bak", "/web.toml~", "/README", "/.toml"})
    write_file(directory + name, "");
  CHECK(names(read_default_sources(root.path())).empty());
}

TEST_CASE("nothing needs to exist, and the places that were searched are known") {
  const TemporaryDirectory root;
  const Sources sources = read_default_sources(root.path());
  CHECK(sources.files.empty());
  CHECK(sources.problems.empty());
  CHECK(sources.searched ==
        std::vector<std::string>{root.path() + "/etc/cinit.toml", root.path() + "/etc/cinit.d/*.toml"});
}

TEST_CASE("a file that is asked for by name must exist, and is the only one") {
  const TemporaryDirectory root;
  const std::string path = root.path() + "/my.conf";
  CHECK(to_text(read_named_source(path).problems) == path + ": error: cannot be read: No such file or directory\n");
  write_file(path, "# mine");
  const Sources sources = read_named_source(path);
  CHECK(names(sources) == std::vector<std::string>{path});
  CHECK(sources.searched == std::vector<std::string>{path});
}

TEST_CASE("a file that is asked for by name is a regular one, and a FIFO is not waited for") {
  const TemporaryDirectory root;
  const std::string path = root.path() + "/fifo";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK(to_text(read_named_source(path).problems) == path + ": error: is not a regular file\n");
  CHECK(to_text(read_named_source("/dev/zero").problems) == "/dev/zero: error: is not a regular file\n");
}

TEST_CASE("what is there and cannot be read is an error, and the rest is still read") {
  const TemporaryDirectory root;
  const std::string etc = root.path() + "/etc";
  make_directories(etc + "/cinit.toml");
  write_file(etc + "/cinit.d/c.toml", "# c");
  REQUIRE(::symlink("nowhere", (etc + "/cinit.d/a.toml").c_str()) == 0);
  REQUIRE(::mkfifo((etc + "/cinit.d/b.toml").c_str(), 0600) == 0);
  const Sources sources = read_default_sources(root.path());
  CHECK(names(sources) == std::vector<std::string>{etc + "/cinit.d/c.toml"});
  CHECK(to_text(sources.problems) == etc + "/cinit.toml: error: cannot be read: Is a directory\n" + etc +
                                         "/cinit.d/a.toml: error: cannot be read: No such file or directory\n" + etc +
                                         "/cinit.d/b.toml: error: is not a regular file\n");
}

TEST_CASE("a directory of configuration that is none is an error") {
  const TemporaryDirectory root;
  write_file(root.path() + "/etc/cinit.d", "");
  CHECK(to_text(read_default_sources(root.path()).problems) ==
        root.path() + "/etc/cinit.d: error: cannot be read: Not a directory\n");
}

TEST_CASE("a file that is too large to be a configuration is refused") {
  const TemporaryDirectory root;
  const std::string path = root.path() + "/large.toml";
  write_file(path, std::string(kLargestFile, '#'));
  CHECK(read_named_source(path).problems.empty());
  write_file(path, std::string(kLargestFile + 1, '#'));
  CHECK(to_text(read_named_source(path).problems) ==
        path + ": error: is larger than 1 MiB, the limit for a configuration file\n");
}
