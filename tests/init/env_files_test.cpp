#include "init/env_files.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "files.hpp"
#include "forked.hpp"
#include "user_tree.hpp"

using namespace cinit;
using namespace cinit::init;
using namespace cinit::test;

namespace {

const os::Identity kOwn;
const os::Identity kService{kUser, kUser, {kUser}};

std::string describe(const Result<config::Variables>& variables) {
  if (!variables) return variables.error().message;
  std::string text;
  for (const auto& [name, value] : *variables) text += name + "=" + value + ";";
  return text;
}

// What is in the files, when that has been waited for.
std::string read(std::vector<config::EnvFile> files, const os::Identity& user = kOwn) {
  EnvFiles reader(std::move(files), user);
  for (int turns = 0; reader.is_waiting() && turns < 1000; ++turns) {
    pollfd wanted{reader.fd(), POLLIN, 0};
    poll(&wanted, 1, 10000);
    reader.go_on();
  }
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  return reader.is_waiting() ? "a busy loop" : describe(reader.take());
}

}  // namespace

TEST_CASE("an environment file is read, and of two the second counts") {
  const TemporaryDirectory directory;
  write_file(directory.path() + "/env", "# comment\nA=1\nB=\"two words\"\n");
  write_file(directory.path() + "/second", "C=3\nB=2\n");
  CHECK(read({{directory.path() + "/env", false}}) == "A=1;B=two words;");
  CHECK(read({{directory.path() + "/env", false}, {directory.path() + "/second", false}}) == "A=1;B=2;C=3;");
  CHECK(read({}).empty());
}

TEST_CASE("a file that may be missing has no variables then, any other is an error that names it") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/env";
  CHECK(read({{path, true}}).empty());
  CHECK(read({{path, false}}) == "env-file " + path + ": No such file or directory");
}

TEST_CASE("a file that may be missing, but is there and wrong, is an error") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/env";
  write_file(path, "A=1\nnonsense\n");
  CHECK(read({{path, true}}) == path + ":2: expected NAME=VALUE");
  CHECK(read({{directory.path(), true}}) == "env-file " + directory.path() + ": Is a directory");
  write_file(path, std::string((1 << 20) + 1, '#'));
  CHECK(read({{path, true}}) == "env-file " + path + ": it is longer than 1048576 bytes");
}

TEST_CASE("a file that may be missing, but is there and may not be read, is an error") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/env";
  write_file(path, "A=1\n");
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
  const auto body = [&] {
    if (setresuid(3000, 3000, 3000) != 0) return std::string("setresuid");
    return read({{path, true}});
  };
  CHECK(in_child(body) == "env-file " + path + ": Permission denied");
}

TEST_CASE("a file in a user's directory is read with that user's rights") {
  const UserTree tree;
  tree.file("home/env", kUser, "A=1\n");
  write_file(tree / "root/env", "B=2\n");
  tree.link(tree / "root/env", "home/link", kUser);
  tree.link(tree / "root/secret", "home/secret", kUser);
  tree.file("home/private", kUser, "C=3\n");
  REQUIRE(chmod((tree / "home/private").c_str(), 0600) == 0);
  CHECK(read({{tree / "home/env", false}, {tree / "home/link", false}, {tree / "home/private", false}}, kService) ==
        "A=1;B=2;C=3;");
  CHECK(read({{tree / "root/env", false}, {tree / "home/env", false}, {tree / "home/missing", true}}, kService) ==
        "A=1;B=2;");
  CHECK(read({{tree / "home/env", false}}) == "A=1;");
  CHECK(read({{tree / "home/secret", true}}, kService) ==
        "env-file " + tree / "home/secret" + ": " + tree / "home" +
            " may be changed by uid 1000, so it is opened as uid 1000, "
            "who may not read it (Permission denied)");
  CHECK(read({{tree / "home/secret", true}}) ==
        "env-file " + tree / "home/secret" + ": " + tree / "home" +
            " may be changed by uid 1000, so that no link in there is followed: it is "
            "a symbolic link");
  CHECK(
      read({{tree / "home/missing/env", false}}, kService).ends_with("opened as uid 1000: No such file or directory"));
}
