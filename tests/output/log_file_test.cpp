#include "output/log_file.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <string>

#include "files.hpp"
#include "forked.hpp"

using namespace cinit::output;
using namespace cinit::test;

namespace {

// A log file in a directory of its own, with what it reports.
class Log {
 public:
  Log(std::uint64_t max_size, std::uint32_t max_files)
      : path(directory_.path() + "/log"),
        file({path, max_size, max_files}, [this](const std::string& message) { reported += message + ";"; }) {}

 private:
  const TemporaryDirectory directory_;

 public:
  const std::string path;
  std::string reported;
  LogFile file;

  int put(const std::string& text) {
    const int error = file.check();
    file.write_line(text + "\n");
    return error;
  }
  // All files and their content: "log=...;log.1=...;", with "," for a newline.
  std::string content() const {
    std::string all;
    for (const std::string& name : names_in(directory_.path())) {
      all += name + "=" + read_file(directory_.path() + "/" + name).value_or("?") + ";";
    }
    for (char& letter : all) letter = letter == '\n' ? ',' : letter;
    return all;
  }
  std::string next_to(const std::string& name) const { return directory_.path() + "/" + name; }
};

std::string without(std::string text, const std::string& part) {
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part)) text.erase(at, part.size());
  return text;
}

void mount_small_disk(const std::string& path) {
  enter_mount_namespace();
  if (mount("tmpfs", path.c_str(), "tmpfs", 0, "size=16k") != 0) throw std::runtime_error("mount");
}

}  // namespace

TEST_CASE("a file takes lines up to its greatest size exactly, and the line that would exceed it begins a new one") {
  Log log(12, 3);
  log.put("1234567");
  log.put("abc");
  CHECK(log.content() == "log=1234567,abc,;");
  log.put("");
  CHECK(log.content() == "log=,;log.1=1234567,abc,;");
  CHECK(log.reported.empty());
}

TEST_CASE("as many files are kept as asked for, the newest with the lowest number") {
  Log log(4, 3);
  for (const char* text : {"one", "two", "3", "4", "five", "six"}) log.put(text);
  CHECK(log.content() == "log=six,;log.1=five,;log.2=3,4,;");
  Log alone(4, 1);
  for (const char* text : {"one", "two"}) alone.put(text);
  CHECK(alone.content() == "log=two,;");
  CHECK(alone.reported.empty());
  Log many(4, 4'000'000'000);
  for (const char* text : {"one", "two", "six"}) many.put(text);
  CHECK(many.content() == "log=six,;log.1=two,;log.2=one,;");
}

TEST_CASE("a gap in the files put aside is filled, and what is behind it stays") {
  Log log(4, 5);
  write_file(log.path + ".1", "first");
  write_file(log.path + ".3", "third");
  log.put("one");
  log.put("two");
  CHECK(log.content() == "log=two,;log.1=one,;log.2=first;log.3=third;");
}

TEST_CASE("what was in the file before counts, and is appended to") {
  Log log(12, 2);
  write_file(log.path, "before\n");
  log.put("1234");
  CHECK(log.content() == "log=before,1234,;");
  log.put("x");
  CHECK(log.content() == "log=x,;log.1=before,1234,;");
}

TEST_CASE("a line that is longer than a file may be has one for itself") {
  Log log(4, 3);
  log.put("much too long");
  log.put("x");
  CHECK(log.content() == "log=x,;log.1=much too long,;");
}

TEST_CASE("a file that somebody renamed or removed is made anew") {
  Log log(100, 3);
  log.put("one");
  REQUIRE(rename(log.path.c_str(), log.next_to("moved").c_str()) == 0);
  log.put("two");
  CHECK(log.content() == "log=two,;moved=one,;");
  REQUIRE(unlink(log.path.c_str()) == 0);
  log.put("three");
  CHECK(log.content() == "log=three,;moved=one,;");
  REQUIRE(rename(log.path.c_str(), log.next_to("moved").c_str()) == 0);
  write_file(log.path, "by another\n");
  log.put("four");
  CHECK(log.content() == "log=by another,four,;moved=three,;");
}

TEST_CASE("a file that somebody emptied has its whole size again") {
  Log log(8, 3);
  log.put("1234567");
  REQUIRE(truncate(log.path.c_str(), 0) == 0);
  log.put("abc");
  CHECK(log.content() == "log=abc,;");
}

TEST_CASE("a new file belongs to the service's user") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  LogFile file({path, 100, 2, 12345, 54321}, [](const std::string&) {});
  CHECK(file.check() == 0);
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK(status.st_uid == 12345);
  CHECK(status.st_gid == 54321);
}

TEST_CASE("a file that cannot be put aside goes on growing, and that is said once") {
  Log log(4, 2);
  make_directories(log.path + ".1");
  for (const char* text : {"one", "two", "six", "ten", "end"}) log.put(text);
  CHECK(read_file(log.path) == "one\ntwo\nsix\nten\nend\n");
  CHECK(without(log.reported, log.path) == " cannot be put aside and goes on growing: Is a directory;");
  REQUIRE(rmdir((log.path + ".1").c_str()) == 0);
  for (const char* text : {"a", "b"}) log.put(text);
  CHECK(read_file(log.path + ".1").value_or("").substr(0, 20) == "one\ntwo\nsix\nten\nend\n");
}

TEST_CASE("a file that could not be put aside is tried again when it has grown by as much") {
  Log log(8, 2);
  make_directories(log.path + ".1");
  for (const char* text : {"one", "two", "six"}) log.put(text);
  REQUIRE(rmdir((log.path + ".1").c_str()) == 0);
  log.put("ten");
  CHECK(log.content() == "log=one,two,six,ten,;");
  log.put("end");
  CHECK(log.content() == "log=end,;log.1=one,two,six,ten,;");
}

TEST_CASE("a path that has become something that could keep us waiting is not opened") {
  Log log(100, 3);
  log.put("one");
  REQUIRE(unlink(log.path.c_str()) == 0);
  REQUIRE(mkfifo(log.path.c_str(), 0600) == 0);
  CHECK(log.put("two") == 0);  // into the file that is open still
  REQUIRE(unlink(log.path.c_str()) == 0);
  write_file(log.next_to("victim"), "mine\n");
  REQUIRE(symlink("victim", log.path.c_str()) == 0);
  log.put("three");
  CHECK(read_file(log.next_to("victim")) == "mine\n");
  Log other(100, 3);
  REQUIRE(mkfifo(other.path.c_str(), 0600) == 0);
  CHECK(other.put("lost") == ENOTSUP);
  CHECK(without(other.reported, other.path) ==
        "lines cannot be written to : it is no regular file; they are lost until they can;");
}

TEST_CASE("lines for which the disk has no room are counted, and what follows is whole") {
  const TemporaryDirectory directory;
  const auto body = [&] {
    mount_small_disk(directory.path());
    const std::string path = directory.path() + "/log";
    const std::string filling = directory.path() + "/filling";
    std::string reported;
    LogFile file({path, 9000, 2}, [&](const std::string& message) { reported += message + ";"; });
    write_file(filling, std::string(8192, 'x'));
    const std::string line = std::string(2999, 'y') + "\n";
    for (int i = 0; i < 5; ++i) {
      file.check();
      file.write_line(line);
    }
    std::string text = std::to_string(read_file(path)->size()) + " ";
    unlink(filling.c_str());
    for (const char* after : {"there again\n", "and again\n"}) {
      file.check();
      file.write_line(after);
    }
    text += read_file(path + ".1") == line + line + line ? "whole " : "torn ";
    text += read_file(path) == "there again\nand again\n" ? "whole " : "torn ";
    return text + without(reported, path);
  };
  CHECK(in_child(body) ==
        "8192 whole whole lines cannot be written to : No space left on device; they are lost until they can;"
        "2 lines could not be written to : No space left on device;");
}

TEST_CASE("only a regular file, or what will be one, is captured to be put aside") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  CHECK(can_rotate(path, 1));
  CHECK_FALSE(can_rotate(path, 0));
  write_file(path, "");
  CHECK(can_rotate(path, 1));
  CHECK_FALSE(can_rotate(path + "/below", 1));
  const std::string link = directory.path() + "/link";
  REQUIRE(symlink(path.c_str(), link.c_str()) == 0);
  CHECK_FALSE(can_rotate(link, 1));
  REQUIRE(mkfifo((path + ".fifo").c_str(), 0600) == 0);
  CHECK_FALSE(can_rotate(path + ".fifo", 1));
  for (const char* other : {"/dev/null", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/2", "/"}) {
    CAPTURE(other);
    CHECK_FALSE(can_rotate(other, 1));
  }
}
