#include "servicedir/fix_attrs.hpp"

#include <doctest/doctest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forked.hpp"
#include "tree.hpp"

using namespace cinit::servicedir;
using namespace cinit::test;

namespace {

std::string text_of(const std::optional<mode_t>& mode) {
  char text[8] = "-";
  if (mode) snprintf(text, sizeof(text), "%o", *mode);
  return text;
}

template <class T>
std::string number_of(const std::optional<T>& number) {
  return number ? std::to_string(*number) : "-";
}

// A rule in words, or what is wrong with the line.
std::string parsed(std::string_view line) {
  const AttributeRules found = parse_attributes("f", line);
  std::string text;
  for (const AttributeRule& rule : found.rules) {
    text += rule.path + (rule.recurses ? " and below" : "") + " user " + rule.user + " group " +
            rule.group.value_or("-") + " else " + number_of(rule.fallback_uid) + ":" + number_of(rule.fallback_gid) +
            " modes " + text_of(rule.file_mode) + " " + text_of(rule.directory_mode);
  }
  for (const cinit::config::Problem& problem : found.problems) text += to_string(problem);
  return text;
}

const std::string kForm =
    "f:1:1: error: expected PATH, \"true\" or \"false\", ACCOUNT[,UID:GID], and the modes of files and directories";
const std::string kAccount = "f:1:1: error: expected USER, USER:GROUP or one of them with ,UID:GID, not ";

// What the rule has become of the file, as "UID:GID MODE".
std::string state_of(const Tree& tree, const std::string& path) {
  struct stat status {};
  REQUIRE(lstat(tree.path(path).c_str(), &status) == 0);
  const std::string mode = S_ISLNK(status.st_mode) ? "link" : text_of(status.st_mode & 07777);
  return std::to_string(status.st_uid) + ":" + std::to_string(status.st_gid) + " " + mode;
}

// Carries out lines of a file "f" on the tree, in whose lines "@" stands for it; returns the messages.
std::string carry_out(const Tree& tree, std::string lines, bool hidden = false) {
  for (std::size_t at = lines.find('@'); at != std::string::npos; at = lines.find('@'))
    lines.replace(at, 1, tree.path());
  const AttributeRules found = parse_attributes("f", lines);
  CHECK(tree.to_text(found.problems) == "");
  std::string text;
  for (const std::string& message : apply_attributes(found.rules, hidden)) text += message + "\n";
  for (std::size_t at = text.find(tree.path()); at != std::string::npos; at = text.find(tree.path())) {
    text.erase(at, tree.path().size());
  }
  return text;
}

// The same where /etc/passwd and /etc/group have these.
std::string owner_with_accounts(const std::string& account) {
  return in_child([&] {
    enter_mount_namespace();
    replace_file("/etc/passwd", "daemon:x:2:3::/:/bin/sh\n");
    replace_file("/etc/group", "daemon:x:4:\n");
    Tree tree;
    tree.file("/file");
    const std::string messages = carry_out(tree, "@/file false " + account + " - -");
    return messages.empty() ? state_of(tree, "/file") : messages;
  });
}

}  // namespace

TEST_CASE("fix-attrs: a line is a path, whether to go below it, an account, and two modes") {
  CHECK(parsed("/var/lib/mysql true mysql 0600 0700\n") ==
        "/var/lib/mysql and below user mysql group - else -:- modes 600 700");
  CHECK(parsed(" /a\tfalse  nobody,32768:32769 - 2700 \r") == "/a user nobody group - else 32768:32769 modes - 2700");
  CHECK(parsed("/a false 2:daemon 7777 -") == "/a user 2 group daemon else -:- modes 7777 -");
  CHECK(parsed("/a false x:y,5 0 0") == "/a user x group y else 5:0 modes 0 0");
}

TEST_CASE("fix-attrs: comments and empty lines are no rules") {
  CHECK(parsed("").empty());
  CHECK(parsed("\n  \n# a comment\n  # another\n").empty());
}

TEST_CASE("fix-attrs: what cannot be understood is told with its line, and the rest is read") {
  const AttributeRules found = parse_attributes("f", "# x\n/a false root 0644\n\n/b false root 0644 0755\n");
  REQUIRE(found.problems.size() == 1);
  CHECK(found.problems[0].where.line == 2);
  REQUIRE(found.rules.size() == 1);
  CHECK(found.rules[0].path == "/b");
  CHECK(found.rules[0].where.line == 4);
}

TEST_CASE("fix-attrs: what is expected is told") {
  CHECK(parsed("/a false root 0644") == kForm);
  CHECK(parsed("/a false root 0644 0755 more") == kForm);
  CHECK(parsed("a false root 0644 0755") == "f:1:1: error: expected an absolute path, not \"a\"");
  CHECK(parsed("/a yes root 0644 0755") == "f:1:1: error: expected true or false, not \"yes\"");
  CHECK(parsed("/a false root rw 0755") == "f:1:1: error: expected a mode such as 0644, or -, not \"rw\"");
  CHECK(parsed("/a false root 0644 0788") == "f:1:1: error: expected a mode such as 0644, or -, not \"0788\"");
  CHECK(parsed("/a false root 10000 0755") == "f:1:1: error: expected a mode such as 0644, or -, not \"10000\"");
  for (const std::string account : {"root,", "root,x", "root,1:", "root,1:x", ":0", "0:", ",1:1", "root,4294967295"}) {
    CHECK(parsed("/a false " + account + " - -") == kAccount + "\"" + account + "\"");
  }
}

TEST_CASE("fix-attrs: files are read in the order of the C locale, but for hidden ones") {
  Tree tree;
  tree.file("/b", "/b false root - -\n").file("/B", "/B false root - -\nwrong\n").file("/.x", "/x false root - -\n");
  tree.directory("/c");
  const AttributeRules found = read_attributes(tree.path());
  REQUIRE(found.rules.size() == 2);
  CHECK(found.rules[0].path == "/B");
  CHECK(found.rules[1].path == "/b");
  CHECK(found.rules[1].where.file == tree.path("/b"));
  CHECK(
      tree.to_text(found.problems) ==
      "/B:2:1: error: expected PATH, \"true\" or \"false\", ACCOUNT[,UID:GID], and the modes of files and directories\n"
      "/c: error: cannot be read: Is a directory\n");
  CHECK(read_attributes("/no/such").problems.empty());
  CHECK(tree.to_text(read_attributes(tree.path("/b")).problems) == "/b: error: cannot be read: Not a directory\n");
}

TEST_CASE("fix-attrs: a file gets the owner and the mode of files, a directory that of directories") {
  Tree tree;
  tree.file("/file").directory("/dir");
  CHECK(carry_out(tree, "@/file false 33:44 0640 0750\n@/dir false 55:66 0640 2750\n") == "");
  CHECK(state_of(tree, "/file") == "33:44 640");
  CHECK(state_of(tree, "/dir") == "55:66 2750");
}

TEST_CASE("fix-attrs: a dash leaves the mode as it is") {
  Tree tree;
  tree.file("/file", "", 0604).directory("/dir");
  const std::string before = state_of(tree, "/dir").substr(4);
  CHECK(carry_out(tree, "@/file false 1:1 - 0700\n@/dir false 1:1 0600 -\n") == "");
  CHECK(state_of(tree, "/file") == "1:1 604");
  CHECK(state_of(tree, "/dir") == "1:1 " + before);
}

TEST_CASE("fix-attrs: the mode is set after the owner, which would take bits away") {
  Tree tree;
  tree.file("/file", "", 04755);
  CHECK(carry_out(tree, "@/file false 7:7 4755 -\n") == "");
  CHECK(state_of(tree, "/file") == "7:7 4755");
}

TEST_CASE("fix-attrs: only with true it goes below") {
  Tree tree;
  tree.file("/dir/sub/file").file("/dir/file").file("/dir/.hidden").file("/other/file", "", 0600);
  CHECK(carry_out(tree, "@/dir true 33:44 0640 0750\n@/other false 33:44 0640 0750") == "");
  CHECK(state_of(tree, "/dir") == "33:44 750");
  CHECK(state_of(tree, "/dir/file") == "33:44 640");
  CHECK(state_of(tree, "/dir/sub") == "33:44 750");
  CHECK(state_of(tree, "/dir/sub/file") == "33:44 640");
  CHECK(state_of(tree, "/other") == "33:44 750");
  CHECK(state_of(tree, "/other/file") == "0:0 600");
}

TEST_CASE("fix-attrs: hidden files below it are left alone, unless they are asked for") {
  Tree tree;
  tree.file("/dir/.file").file("/dir/.dir/file");
  CHECK(carry_out(tree, "@/dir true 1:1 0600 0700") == "");
  CHECK(state_of(tree, "/dir/.file") == "0:0 644");
  CHECK(state_of(tree, "/dir/.dir/file") == "0:0 644");
  CHECK(carry_out(tree, "@/dir true 1:1 0600 0700", true) == "");
  CHECK(state_of(tree, "/dir/.file") == "1:1 600");
  CHECK(state_of(tree, "/dir/.dir") == "1:1 700");
  CHECK(state_of(tree, "/dir/.dir/file") == "1:1 600");
}

TEST_CASE("fix-attrs: links below it are given away themselves, and lead nowhere") {
  Tree tree;
  tree.file("/outside/file").file("/dir/file").link("../outside/file", "/dir/a").link("../outside", "/dir/b");
  CHECK(carry_out(tree, "@/dir true 33:44 0600 0700") == "");
  CHECK(state_of(tree, "/dir/a") == "33:44 link");
  CHECK(state_of(tree, "/dir/b") == "33:44 link");
  CHECK(state_of(tree, "/dir/file") == "33:44 600");
  CHECK(state_of(tree, "/outside/file") == "0:0 644");
}

TEST_CASE("fix-attrs: a path that is a link is told and left alone, one whose parent is one is not") {
  Tree tree;
  tree.file("/real/file").link("real", "/link");
  CHECK(carry_out(tree, "@/link true 1:1 0600 0700\n") ==
        "f:1: /link: is a link, and none is followed: name what it leads to\n");
  CHECK(carry_out(tree, "@/link/ true 1:1 0600 0700\n") ==
        "f:1: /link: is a link, and none is followed: name what it leads to\n");
  CHECK(carry_out(tree, "@/link// true 1:1 0600 0700\n") ==
        "f:1: /link: is a link, and none is followed: name what it leads to\n");
  CHECK(state_of(tree, "/link") == "0:0 link");
  CHECK(state_of(tree, "/real/file") == "0:0 644");
  CHECK(carry_out(tree, "@/link/file true 1:1 0600 0700\n") == "");
  CHECK(state_of(tree, "/real/file") == "1:1 600");
}

TEST_CASE("fix-attrs: a path may be a pattern, and what does not exist is passed over") {
  Tree tree;
  tree.file("/log/a").file("/log/b").file("/log/.c");
  CHECK(carry_out(tree, "@/log/* false 1:1 - -\n@/nothing true 1:1 - -\n@/nothing/* true 1:1 - -\n") == "");
  CHECK(state_of(tree, "/log/a") == "1:1 644");
  CHECK(state_of(tree, "/log/b") == "1:1 644");
  CHECK(state_of(tree, "/log/.c") == "0:0 644");
}

TEST_CASE("fix-attrs: a directory may get a mode that lets its owner in no longer, or let in its owner again") {
  const auto modes_after = [](mode_t before, const std::string& rule, uid_t user) {
    Tree tree;
    tree.file("/dir/sub/file");
    for (const char* path : {"", "/dir", "/dir/sub", "/dir/sub/file"}) {
      REQUIRE(chown(tree.path(path).c_str(), user, user) == 0);
    }
    REQUIRE(chmod(tree.path("/dir").c_str(), before) == 0);
    const std::string messages = in_child([&] {
      if (setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0) return std::string("setresuid");
      return carry_out(tree, rule);
    });
    return messages + state_of(tree, "/dir") + ", " + state_of(tree, "/dir/sub/file");
  };
  CHECK(modes_after(0755, "@/dir true 1000 0640 0444", 1000) == "1000:1000 444, 1000:1000 640");
  CHECK(modes_after(0755, "@/dir true 0 0640 0444", 0) == "0:0 444, 0:0 640");
  CHECK(modes_after(0000, "@/dir true 1000 0640 0755", 1000) == "1000:1000 755, 1000:1000 640");
}

TEST_CASE("fix-attrs: what is there and cannot be looked at is told") {
  Tree tree;
  tree.file("/dir/file");
  const auto body = [&] {
    if (chmod(tree.path().c_str(), 0755) != 0 || chmod(tree.path("/dir").c_str(), 0444) != 0)
      return std::string("chmod");
    if (setresuid(kNobody, kNobody, kNobody) != 0) return std::string("setresuid");
    return carry_out(tree, "@/dir true 0:0 - -");
  };
  CHECK(in_child(body) == "f:1: /dir: cannot be opened: Permission denied\n");
}

TEST_CASE(
    "fix-attrs: a hard link that another user may have made is left alone, and one in a directory of root's is not") {
  Tree tree;
  tree.file("/secret").file("/data/own").file("/image/file");
  REQUIRE(chmod(tree.path().c_str(), 0755) == 0);
  REQUIRE(link(tree.path("/secret").c_str(), tree.path("/data/planted").c_str()) == 0);
  REQUIRE(link(tree.path("/image/file").c_str(), tree.path("/image/other").c_str()) == 0);
  REQUIRE(chown(tree.path("/data").c_str(), 1000, 1000) == 0);
  CHECK(carry_out(tree, "@/data true 1000:1000 0600 0700\n@/image true 1000:1000 0600 0700\n") ==
        "f:1: /data/planted: is left alone: it has a second name, and another user may have made this one\n");
  CHECK(state_of(tree, "/secret") == "0:0 644");
  CHECK(state_of(tree, "/data/own") == "1000:1000 600");
  CHECK(state_of(tree, "/image/file") == "1000:1000 600");
  CHECK(carry_out(tree, "@/data/planted false 1000:1000 0600 0700\n") ==
        "f:1: /data/planted: is left alone: it has a second name, and another user may have made this one\n");
  CHECK(state_of(tree, "/secret") == "0:0 644");
}

TEST_CASE("fix-attrs: a directory on the way that another user has made a link leads nowhere") {
  Tree tree;
  tree.file("/etc/shadow").directory("/data").link("../etc", "/data/app");
  REQUIRE(chmod(tree.path().c_str(), 0755) == 0);
  REQUIRE(chown(tree.path("/data").c_str(), 1000, 1000) == 0);
  CHECK(carry_out(tree, "@/data/app/shadow false 1000:1000 - -") ==
        "f:1: /data/app/shadow: cannot be looked at: Too many levels of symbolic links\n");
  CHECK(state_of(tree, "/etc/shadow") == "0:0 644");
}

TEST_CASE("fix-attrs: the fallback is not for a user that could not be looked up") {
  const auto body = [] {
    enter_mount_namespace();
    // Regular, and read(2) fails with EIO.
    if (mount("/proc/self/mem", "/etc/passwd", nullptr, MS_BIND, nullptr) != 0) return std::string("mount");
    Tree tree;
    tree.file("/file");
    return carry_out(tree, "@/file false nosuch,5:6 - -") + state_of(tree, "/file");
  };
  CHECK(in_child(body) == "f:1: /file: /etc/passwd cannot be read: Input/output error\n0:0 644");
}

// The table of s6-overlay's README, as s6-envuidgid 2.11.3 has it: a user before the colon, a group behind it.
TEST_CASE("fix-attrs: accounts") {
  CHECK(owner_with_accounts("daemon") == "2:3 644");
  CHECK(owner_with_accounts("daemon,5:6") == "2:3 644");
  CHECK(owner_with_accounts("2:2,5:6") == "2:2 644");
  CHECK(owner_with_accounts("daemon:11111,5:6") == "2:11111 644");
  CHECK(owner_with_accounts("11111:daemon,5:6") == "11111:4 644");
  CHECK(owner_with_accounts("daemon:daemon,5:6") == "2:4 644");
  CHECK(owner_with_accounts("daemon:nosuch,5:6") == "2:6 644");
  CHECK(owner_with_accounts("nosuch:daemon,5:6") == "5:4 644");
  CHECK(owner_with_accounts("nosuch,5:6") == "5:6 644");
  CHECK(owner_with_accounts("nosuch,5") == "5:0 644");
  CHECK(owner_with_accounts("nosuch") == "f:1: /file: there is no user \"nosuch\" in /etc/passwd\n");
  CHECK(owner_with_accounts("daemon:nosuch") == "f:1: /file: there is no group \"nosuch\" in /etc/group\n");
}

TEST_CASE("fix-attrs: a failure is told with its line and its path, and stops nothing") {
  const auto body = [] {
    enter_mount_namespace();
    Tree tree;
    tree.file("/dir/a").file("/dir/b", "", 0600).file("/other");
    if (chown(tree.path("/dir/b").c_str(), 1, 1) != 0) return std::string("chown");
    if (mount(tree.path("/dir").c_str(), tree.path("/dir").c_str(), nullptr, MS_BIND, nullptr) != 0)
      return std::string("mount");
    if (mount("none", tree.path("/dir").c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0)
      return std::string("remount");
    const std::string messages = carry_out(tree, "\n@/dir true 1:1 0600 0700\n@/other false 1:1 - -\n");
    umount(tree.path("/dir").c_str());
    return messages + state_of(tree, "/other");
  };
  CHECK(in_child(body) ==
        "f:2: /dir: cannot be given to 1:1: Read-only file system\n"
        "f:2: /dir/a: cannot be given to 1:1: Read-only file system\n"
        "f:2: /dir/a: cannot get mode 0600: Read-only file system\n"
        "f:2: /dir: cannot get mode 0700: Read-only file system\n"
        "1:1 644");
}

TEST_CASE("fix-attrs: of many failures of one rule the first are told, and how many there are") {
  Tree tree;
  for (int i = 0; i < 30; ++i) tree.file("/dir/" + std::to_string(i));
  const auto body = [&] {
    if (chmod(tree.path().c_str(), 0755) != 0) return std::string("chmod");
    if (setresuid(kNobody, kNobody, kNobody) != 0) return std::string("setresuid");
    const std::vector<std::string> lines = lines_of(carry_out(tree, "@/dir true 1:1 - -"));
    if (setresuid(0, 0, 0) == 0) return std::string("root");
    return std::to_string(lines.size()) + ": " + lines.front() + "; " + lines.back();
  };
  CHECK(in_child(body) == "11: f:1: /dir: cannot be given to 1:1: Operation not permitted; f:1: 21 more failures");
}
