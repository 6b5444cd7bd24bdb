#include "servicedir/contenv.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forked.hpp"
#include "tree.hpp"

using namespace cinit::servicedir;
using namespace cinit::test;
using cinit::config::Variables;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

// What the directory says of a variable: its value, "(unset)", or "(no file)".
std::string value_in(const Tree& tree, const std::string& name) {
  const auto files = read_contenv(tree.path("/env"));
  REQUIRE(files);
  const auto file = files->find(name);
  return file == files->end() ? "(no file)" : file->second.value_or("(unset)");
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
  const auto files = read_contenv(tree.path("/env"));
  REQUIRE(files);
  CHECK(*files == EnvironmentFiles{{"OK", "1"}});
}

TEST_CASE("contenv: without the directory there is nothing") { CHECK(!read_contenv("/no/such/directory")); }

TEST_CASE("contenv: what is written is the bare value, and read back as it was") {
  const Tree tree;
  const Variables variables{{"A", "a b"}, {"EMPTY", ""}, {"LINES", "a\nb\n"}, {"NAME-2", "x"}};
  CHECK(write_contenv(tree.path("/env"), variables) == 0);
  CHECK(read_file(tree.path("/env/A")) == "a b");
  for (const auto& [name, value] : variables) CHECK(value_in(tree, name) == value);
}

TEST_CASE("contenv: the directory and its files can be read by everybody, whatever the umask is") {
  const auto body = [] {
    const Tree tree;
    umask(077);
    const int error = write_contenv(tree.path("/run/s6/env"), {{"A", "1"}});
    char text[64];
    snprintf(text, sizeof(text), "%d %o %o", error, mode_of(tree.path("/run/s6/env")),
             mode_of(tree.path("/run/s6/env/A")));
    return std::string(text);
  };
  CHECK(in_child(body) == "0 755 644");
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
