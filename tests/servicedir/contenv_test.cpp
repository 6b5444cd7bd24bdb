#include "servicedir/contenv.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forked.hpp"
#include "os/syscall.hpp"
#include "tree.hpp"

using namespace cinit::servicedir;
using namespace cinit::test;
using cinit::config::Variables;
namespace os = cinit::os;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

EnvironmentFiles files_in(const std::string& directory) {
  const auto found = read_contenv(directory);
  REQUIRE(found);
  REQUIRE(*found);
  return (*found)->files;
}

// What the directory says of a variable: its value, "(unset)", or "(no file)".
std::string value_in(const Tree& tree, const std::string& name) {
  const EnvironmentFiles files = files_in(tree.path("/env"));
  const auto file = files.find(name);
  return file == files.end() ? "(no file)" : file->second.value_or("(unset)");
}

}  // namespace

TEST_CASE("contenv: S6_KEEP_ENV is a number, and any but 0 keeps the environment") {
  for (const char* value : {"1", "2", "01"}) CHECK(keeps_environment(value));
  for (const char* value : {"", "0", "00", "yes", "-1", "1 "}) CHECK(!keeps_environment(value));
}

TEST_CASE("contenv: a file is a variable, without a newline at its end") {
  Tree tree;
  tree.file("/env/A", "a")
      .file("/env/B", "b\n")
      .file("/env/C", "c\nd\n\n")
      .file("/env/D", " x \t")
      .file("/env/E", "\n");
  CHECK(value_in(tree, "A") == "a");
  CHECK(value_in(tree, "B") == "b");
  CHECK(value_in(tree, "C") == "c\nd\n");
  CHECK(value_in(tree, "D") == " x \t");
  CHECK(value_in(tree, "E") == "");
}

TEST_CASE("contenv: an empty file says that there is to be no such variable") {
  Tree tree;
  tree.file("/env/A", "");
  CHECK(value_in(tree, "A") == "(unset)");
}

TEST_CASE("contenv: NUL bytes are newlines") {
  Tree tree;
  tree.file("/env/A", std::string_view("a\0b\0", 4));
  CHECK(value_in(tree, "A") == "a\nb\n");
}

TEST_CASE("contenv: what cannot be a variable is passed over") {
  Tree tree;
  tree.file("/env/.hidden", "1").file("/env/A=B", "1").directory("/env/dir").link("nowhere", "/env/dangling");
  tree.file("/env/HUGE", std::string((128 << 10) + 1, 'x')).file("/env/OK", "1");
  CHECK(files_in(tree.path("/env")) == EnvironmentFiles{{"OK", "1"}});
}

TEST_CASE("contenv: without the directory there is nothing") {
  const auto found = read_contenv("/no/such/directory");
  REQUIRE(found);
  CHECK(!*found);
}

TEST_CASE("contenv: what is no regular file is passed over, and not waited for") {
  Tree tree;
  tree.directory("/env").file("/env/OK", "1");
  REQUIRE(mkfifo(tree.path("/env/FIFO").c_str(), 0644) == 0);
  CHECK(in_child([&] { return std::to_string(files_in(tree.path("/env")).size()); }) == "1");
}

TEST_CASE("contenv: a directory or a file for which there is no descriptor is not taken for one that is missing") {
  Tree tree;
  tree.file("/env/A", "1");
  const auto read_with = [&](rlim_t descriptors) {
    return in_child([&] {
      const rlimit64 few{descriptors, descriptors};
      os::sys::setrlimit(RLIMIT_NOFILE, &few);
      const auto found = read_contenv(tree.path("/env"));
      return found ? std::string("found") : found.error().message;
    });
  };
  for (const rlim_t descriptors : {3U, 4U}) CHECK(read_with(descriptors) == "Too many open files");
  CHECK(read_with(64) == "found");
}

TEST_CASE("contenv: who may not read the files is told which") {
  Tree tree;
  tree.file("/env/A", "1");
  REQUIRE(write_contenv(tree.path("/env"), {{"A", "1"}, {"B", "2"}}) == 0);
  REQUIRE(chmod(tree.path("/env/B").c_str(), 0644) == 0);
  REQUIRE(chmod(tree.path().c_str(), 0755) == 0);
  const auto body = [&] {
    become_nobody();
    const auto found = read_contenv(tree.path("/env"));
    std::string text;
    for (const std::string& name : (*found)->forbidden) text += name + " ";
    for (const auto& [name, value] : (*found)->files) text += name + "=" + value.value_or("");
    return text;
  };
  CHECK(in_child(body) == "A B=2");
}

TEST_CASE("contenv: in a directory of another user no link is followed, and no hard link written to") {
  Tree tree;
  tree.file("/secret", "secret").directory("/env").link("../secret", "/env/READ").link("../made", "/env/WRITTEN");
  REQUIRE(chmod(tree.path().c_str(), 0755) == 0);
  REQUIRE(link(tree.path("/secret").c_str(), tree.path("/env/HARD").c_str()) == 0);
  REQUIRE(chown(tree.path("/env").c_str(), 1000, 1000) == 0);
  CHECK(value_in(tree, "READ") == "(no file)");
  CHECK(write_contenv(tree.path("/env"), {{"WRITTEN", "x"}, {"HARD", "y"}}) == 0);
  CHECK(value_in(tree, "WRITTEN") == "x");
  CHECK(value_in(tree, "HARD") == "y");
  CHECK(read_file(tree.path("/secret")) == "secret");
  CHECK(!read_file(tree.path("/made")));
}

TEST_CASE("contenv: what is written is the bare value, and read back as it was") {
  const Tree tree;
  const Variables variables{{"A", "a b"}, {"EMPTY", ""}, {"LINES", "a\nb\n"}, {"NAME-2", "x"}};
  CHECK(write_contenv(tree.path("/env"), variables) == 0);
  CHECK(read_file(tree.path("/env/A")) == "a b");
  for (const auto& [name, value] : variables) CHECK(value_in(tree, name) == value);
}

TEST_CASE("contenv: everybody may look into the directory, and nobody but its group may read the values") {
  const auto body = [] {
    const Tree tree;
    umask(027);
    const int error = write_contenv(tree.path("/run/s6/env"), {{"A", "1"}});
    char text[64];
    snprintf(text, sizeof(text), "%d %o %o", error, mode_of(tree.path("/run/s6/env")),
             mode_of(tree.path("/run/s6/env/A")));
    return std::string(text);
  };
  CHECK(in_child(body) == "0 755 640");
}

TEST_CASE("contenv: files of other variables are removed, hidden ones and directories are not") {
  Tree tree;
  tree.file("/env/OLD", "1").file("/env/KEPT", "a longer value").file("/env/.x").directory("/env/dir");
  CHECK(write_contenv(tree.path("/env"), {{"KEPT", "2"}}) == 0);
  CHECK(names_in(tree.path("/env")) == std::vector<std::string>{"KEPT", "dir"});
  CHECK(read_file(tree.path("/env/.x")));
  CHECK(value_in(tree, "KEPT") == "2");
}

TEST_CASE("contenv: a variable whose name is no file name gets none") {
  const Tree tree;
  CHECK(write_contenv(tree.path("/env"),
                      {{"", "1"}, {".", "2"}, {"..", "3"}, {"../A", "4"}, {"B/C", "5"}, {".D", "6"}}) == 0);
  CHECK(names_in(tree.path("/env")).empty());
  CHECK(names_in(tree.path()) == std::vector<std::string>{"env"});
}

TEST_CASE("contenv: one that cannot be written keeps no other from it") {
  Tree tree;
  tree.directory("/env/A");
  CHECK(write_contenv(tree.path("/env"), {{"A", "1"}, {"B", "2"}}) == EISDIR);
  CHECK(value_in(tree, "B") == "2");
  CHECK(write_contenv(tree.path("/env/B/x"), {}) == ENOTDIR);
}
