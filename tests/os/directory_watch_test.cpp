#include "os/directory_watch.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "files.hpp"

using namespace cinit;
using namespace cinit::os;
using namespace cinit::test;

namespace {

DirectoryWatch watch(const std::vector<std::string>& directories) {
  Result<DirectoryWatch> watch = DirectoryWatch::open();
  REQUIRE(watch);
  const std::optional<Error> error = watch->watch(directories);
  REQUIRE_MESSAGE(!error, error->message);
  return *std::move(watch);
}

// Events are there as soon as the call that causes them has returned.
bool has_changed(const DirectoryWatch& watch) {
  pollfd wanted{watch.fd(), POLLIN, 0};
  return poll(&wanted, 1, 0) == 1;
}

}  // namespace

TEST_CASE("an entry that comes, goes or is renamed is told, and what was told is forgotten when it is drained") {
  TemporaryDirectory directory;
  const std::string entry = directory.path() + "/web";
  const DirectoryWatch watched = watch({directory.path()});
  CHECK(!has_changed(watched));

  REQUIRE(mkdir(entry.c_str(), 0755) == 0);
  CHECK(has_changed(watched));
  watched.drain();
  CHECK(!has_changed(watched));

  REQUIRE(rename(entry.c_str(), (directory.path() + "/other").c_str()) == 0);
  CHECK(has_changed(watched));
  watched.drain();

  REQUIRE(rmdir((directory.path() + "/other").c_str()) == 0);
  CHECK(has_changed(watched));
}

TEST_CASE("what happens in an entry is none of its business") {
  TemporaryDirectory directory;
  make_directories(directory.path() + "/web");
  const DirectoryWatch watched = watch({directory.path()});
  write_file(directory.path() + "/web/run", "");
  CHECK(!has_changed(watched));
}

TEST_CASE("a link to a directory is watched where it leads to") {
  TemporaryDirectory directory;
  make_directories(directory.path() + "/real");
  REQUIRE(symlink("real", (directory.path() + "/link").c_str()) == 0);
  const DirectoryWatch watched = watch({directory.path() + "/link"});
  make_directories(directory.path() + "/real/web");
  CHECK(has_changed(watched));
}

TEST_CASE("several are watched, those that are not there are passed over, and one may be watched twice") {
  TemporaryDirectory directory;
  make_directories(directory.path() + "/a");
  make_directories(directory.path() + "/b");
  const std::vector<std::string> all{directory.path() + "/a", directory.path() + "/none", directory.path() + "/b"};
  const DirectoryWatch watched = watch(all);
  CHECK(!watched.watch(all));
  make_directories(directory.path() + "/b/web");
  CHECK(has_changed(watched));
}

TEST_CASE("another directory that has come in the place of the first is watched when it is asked for again") {
  TemporaryDirectory directory;
  const std::string place = directory.path() + "/service";
  make_directories(place);
  const DirectoryWatch watched = watch({place});
  REQUIRE(rmdir(place.c_str()) == 0);
  CHECK(has_changed(watched));  // that it has gone
  make_directories(place);
  watched.drain();
  REQUIRE(!watched.watch(std::vector<std::string>{place}));
  make_directories(place + "/web");
  CHECK(has_changed(watched));
}

TEST_CASE("what is no directory cannot be watched, and is named") {
  TemporaryDirectory directory;
  write_file(directory.path() + "/file", "");
  Result<DirectoryWatch> watched = DirectoryWatch::open();
  REQUIRE(watched);
  const std::optional<Error> error = watched->watch(std::vector<std::string>{directory.path() + "/file"});
  REQUIRE(error);
  CHECK(error->message == directory.path() + "/file: Not a directory");
}
