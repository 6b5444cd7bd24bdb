// What counts as something that an image says.
#include "solo/image.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "temporary_directory.hpp"

using cinit::solo::Place;
using cinit::solo::says_something;

namespace {

struct Image {
  std::string path(const std::string& name) const { return directory.path() + "/" + name; }

  bool says(const std::string& name, Place::Kind kind) const {
    const std::string place = path(name);
    return says_something({place.c_str(), kind});
  }

  bool says_text(const std::string& text) const {
    std::ofstream(path("file")) << text;
    return says("file", Place::Kind::Lines);
  }

  cinit::e2e::TemporaryDirectory directory;
};

}  // namespace

TEST_CASE("what is missing says nothing") {
  const Image image;
  for (const Place::Kind kind : {Place::Kind::Path, Place::Kind::Directory, Place::Kind::Lines}) {
    CHECK_FALSE(image.says("missing", kind));
  }
}

TEST_CASE("a path says something when it exists, whatever it is") {
  const Image image;
  std::ofstream(image.path("file"));
  CHECK(image.says("file", Place::Kind::Path));
}

TEST_CASE("a directory says something when it has an entry, a hidden one as well") {
  const Image image;
  std::filesystem::create_directory(image.path("directory"));
  CHECK_FALSE(image.says("directory", Place::Kind::Directory));
  std::ofstream(image.path("directory/.keep"));
  CHECK(image.says("directory", Place::Kind::Directory));
}

TEST_CASE("an entry is found among those that fill more than one answer of the kernel") {
  const Image image;
  std::filesystem::create_directory(image.path("directory"));
  for (int i = 0; i < 100; ++i) std::ofstream(image.path("directory/" + std::string(200, 'x') + std::to_string(i)));
  CHECK(image.says("directory", Place::Kind::Directory));
}

TEST_CASE("comments and blank lines say nothing") {
  const Image image;
  CHECK_FALSE(image.says_text(""));
  CHECK_FALSE(image.says_text("\n \t\r\n\n"));
  CHECK_FALSE(image.says_text("# a comment\n;another\n   # a third, without its end"));
  CHECK_FALSE(image.says_text("#" + std::string(10000, 'x') + "\n\n#" + std::string(10000, '#')));
}

TEST_CASE("a line with anything else says something, wherever it is") {
  const Image image;
  CHECK(image.says_text("kernel.pid_max=1"));
  CHECK(image.says_text("# a comment\n\n  x"));
  CHECK(image.says_text("#" + std::string(4095, 'x') + "\nx"));
  CHECK(image.says_text("#" + std::string(4094, 'x') + "\nx"));
  CHECK(image.says_text(std::string(1, '\0')));
}

TEST_CASE("what is of another kind, or leads nowhere, is something, and is not waited for") {
  const Image image;
  std::ofstream(image.path("file"));
  CHECK(image.says("file", Place::Kind::Directory));
  REQUIRE(mkfifo(image.path("fifo").c_str(), 0600) == 0);
  CHECK(image.says("fifo", Place::Kind::Directory));
  std::filesystem::create_directory(image.path("directory"));
  CHECK(image.says("directory", Place::Kind::Lines));
  std::filesystem::create_symlink("loop", image.path("loop"));
  CHECK(image.says("loop", Place::Kind::Path));
  CHECK(image.says("loop", Place::Kind::Directory));
}
