#include "output/log_file.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <string>

#include "files.hpp"
#include "forked.hpp"
#include "os/clock.hpp"
#include "output/log_place.hpp"
#include "user_tree.hpp"

using namespace cinit::output;
using namespace cinit::test;
namespace os = cinit::os;

namespace {

// A log file in a directory of its own, with what it reports.
class Log {
 public:
  Log(std::uint64_t max_size, std::uint32_t max_files)
      : path(directory_.path() + "/log"),
        file({path, max_size, max_files},
             [this](const std::string&, const std::string& message) { reported += message + ";"; }) {}

 private:
  const TemporaryDirectory directory_;

 public:
  const std::string path;
  std::string reported;
  LogFile file;

  std::string put(const std::string& text) {
    const auto error = file.check();
    file.write_line(text + "\n");
    return error ? error->message : "";
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

// A log file in a place where others may change names: what it waits for is waited for.
class ForeignLog {
 public:
  ForeignLog(std::string path, std::uint64_t max_size, std::uint32_t max_files, uid_t user)
      : file({std::move(path), max_size, max_files, {user, user, {user}}},
             [this](const std::string&, const std::string& message) { reported += message + ";"; }) {}
  ~ForeignLog() {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }

  std::string reported;
  LogFile file;

  void put(const std::string& text) {
    file.check();
    for (int turns = 0; !file.write_line(text + "\n"); ++turns) {
      if (turns > 1000) throw std::runtime_error("a busy loop");
      pollfd wanted{file.fd(), POLLIN, 0};
      poll(&wanted, 1, 1000);
      file.go_on();
    }
  }
};

std::string read_some(int fd) {
  std::string text(1 << 16, '\0');
  const ssize_t size = read(fd, text.data(), text.size());
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

std::string without(std::string text, const std::string& part) {
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part)) text.erase(at, part.size());
  return text;
}

void mount_small_disk(const std::string& path) {
  enter_mount_namespace();
  if (mount("tmpfs", path.c_str(), "tmpfs", 0, "size=16k,mode=755") != 0) throw std::runtime_error("mount");
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
  LogFile file({path, 100, 2, {12345, 54321}}, [](const std::string&, const std::string&) {});
  CHECK_FALSE(file.check());
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
  CHECK(log.put("two").empty());  // into the file that is open still
  REQUIRE(unlink(log.path.c_str()) == 0);
  write_file(log.next_to("victim"), "mine\n");
  REQUIRE(symlink("victim", log.path.c_str()) == 0);
  log.put("three");
  CHECK(read_file(log.next_to("victim")) == "mine\n");
  Log other(100, 3);
  REQUIRE(mkfifo(other.path.c_str(), 0600) == 0);
  CHECK(other.put("lost") == "it is no regular file");
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
    LogFile file({path, 9000, 2}, [&](const std::string&, const std::string& message) { reported += message + ";"; });
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

TEST_CASE("in a place of root's cinit writes what it can put aside, and services the rest") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  for (const bool has_own_user : {false, true}) {
    CHECK(is_relayed(path, 1, has_own_user));
    CHECK_FALSE(is_relayed(path, 0, has_own_user));
    CHECK_FALSE(is_relayed(directory.path() + "/missing/log", 1, has_own_user));
  }
  write_file(path, "");
  CHECK(is_relayed(path, 1, false));
  CHECK_FALSE(is_relayed(path + "/below", 1, false));
  const std::string link = directory.path() + "/link";
  REQUIRE(symlink(path.c_str(), link.c_str()) == 0);
  CHECK_FALSE(is_relayed(link, 1, false));
  REQUIRE(mkfifo((path + ".fifo").c_str(), 0600) == 0);
  CHECK_FALSE(is_relayed(path + ".fifo", 1, false));
  for (const char* other : {"/dev/null", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/2", "/"}) {
    CAPTURE(other);
    CHECK_FALSE(is_relayed(other, 1, false));
  }
}

TEST_CASE("elsewhere cinit writes what may be put aside, and for its own user everything") {
  const UserTree tree;
  for (const char* name : {"home/log", "shared/log", "tmp/log"}) {
    CAPTURE(name);
    CHECK(is_relayed(tree / name, 1, false));
    CHECK_FALSE(is_relayed(tree / name, 0, false));
    CHECK(is_relayed(tree / name, 0, true));
  }
}

// ---- Where another user may change names

TEST_CASE("lines wait until the user's file is there, and are in it in their order") {
  const UserTree tree;
  ForeignLog log(tree / "home/log", 100, 2, kUser);
  CHECK_FALSE(log.file.check());
  CHECK_FALSE(log.file.write_line("one\n"));
  CHECK(log.file.fd() >= 0);
  CHECK(log.file.deadline() > os::now());
  for (const char* text : {"one", "two"}) log.put(text);
  CHECK(tree.text("home/log") == "one\ntwo\n");
  CHECK(tree.owner("home/log") == kUser);
  CHECK(log.file.fd() == -1);
  CHECK(log.file.deadline() == cinit::kNever);
  CHECK(log.reported.empty());
}

TEST_CASE("a user's file is put aside at the size that any has, with that user's rights") {
  const UserTree tree;
  ForeignLog log(tree / "home/log", 8, 3, kUser);
  for (const char* text : {"one", "two", "3", "4", "five", "six", "seven"}) log.put(text);
  CHECK(tree.text("home/log") == "seven\n");
  CHECK(tree.text("home/log.1") == "six\n");
  CHECK(tree.text("home/log.2") == "five\n");
  CHECK(tree.owner("home/log.1") == kUser);
  CHECK(log.reported.empty());
}

TEST_CASE(
    "a link that a user puts in the place of the file leads nowhere, be it while the file is written or put aside") {
  const UserTree tree;
  ForeignLog log(tree / "home/log", 8, 3, kUser);
  log.put("one");
  REQUIRE(rename((tree / "home/log").c_str(), (tree / "home/moved").c_str()) == 0);
  tree.link(tree / "root/secret", "home/log", kUser);
  for (const char* text : {"two", "three", "four"}) log.put(text);
  CHECK(tree.text("root/secret") == "root's\n");
  CHECK(tree.text("home/moved") == "one\ntwo\nthree\nfour\n");
}

TEST_CASE("a user's file that was renamed or removed is made anew") {
  const UserTree tree;
  for (const bool is_removed : {false, true}) {
    ForeignLog log(tree / "home/log", 100, 3, kUser);
    log.put("one");
    is_removed ? unlink((tree / "home/log").c_str())
               : rename((tree / "home/log").c_str(), (tree / "home/moved").c_str());
    CHECK(eventually([&] {
      log.put("again");
      return tree.text("home/log").starts_with("again\n");
    }));
    unlink((tree / "home/log").c_str());
  }
  CHECK(tree.text("home/moved").starts_with("one\n"));
}

TEST_CASE("a user who may not write there loses the lines, and is told why") {
  const UserTree tree;
  REQUIRE(chown((tree / "home").c_str(), kOther, kOther) == 0);
  ForeignLog log(tree / "home/log", 100, 3, kUser);
  log.put("one");
  CHECK(without(log.reported, tree.path()) ==
        "cannot open /home/log for output: /home may be changed by uid 1001, so it is opened as uid 1000, who may not "
        "write "
        "there (Permission denied);lines cannot be written to /home/log: /home may be changed by uid 1001, so it is "
        "opened "
        "as uid 1000, who may not write there (Permission denied); they are lost until they can;");
  REQUIRE(chown((tree / "home").c_str(), kUser, kUser) == 0);
  CHECK(eventually([&] {
    log.put("again");
    return tree.text("home/log").starts_with("again\n");
  }));
}

TEST_CASE("a user's file that cannot be put aside goes on growing") {
  const UserTree tree;
  ForeignLog log(tree / "home/log", 4, 2, kUser);
  make_directories(tree / "home/log.1");
  for (const char* text : {"one", "two"}) log.put(text);
  CHECK(tree.text("home/log") == "one\ntwo\n");
  CHECK(without(log.reported, tree.path()) ==
        "/home/log cannot be put aside and goes on growing: /home may be changed by uid 1000, so it is opened as uid "
        "1000: "
        "Is a directory;");
}

TEST_CASE("lines wait for the reader of a user's FIFO, and are whole") {
  const UserTree tree;
  const std::string path = tree / "home/fifo";
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  tree.give("home/fifo", kUser);
  ForeignLog log(path, 100, 2, kUser);
  const os::Fd reader(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  log.put("first");
  const std::string line = std::string(5999, 'x') + "\n";
  int written = 0;
  while (log.file.write_line(line)) ++written;
  CHECK(written >= 10);
  CHECK(log.file.fd() >= 0);
  CHECK(log.file.interest() == os::Poller::Interest::Write);
  std::string got;
  for (int turns = 0; turns < 1000 && got.size() < 6 + 6000 * static_cast<std::size_t>(written); ++turns) {
    got += read_some(reader.get());
    log.file.go_on();
  }
  std::string expected = "first\n";
  for (int i = 0; i < written; ++i) expected += line;
  CHECK((got == expected));
  CHECK(log.file.fd() == -1);
  CHECK(log.reported.empty());
}
