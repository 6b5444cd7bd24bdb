#include "os/accounts.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <functional>
#include <stdexcept>
#include <string>

#include "files.hpp"
#include "forked.hpp"
#include "os/fd.hpp"

using namespace cinit::test;
namespace os = cinit::os;

namespace {

constexpr char kPasswd[] =
    "root:x:0:0:root:/root:/bin/bash\n"
    "this line is no entry\n"
    "web:x:33:34:Web,,,:/var/www:/usr/sbin/nologin\n"
    "bare:x:50:51:::\n"
    "123:x:60:61::/home/number:/bin/sh\n"
    "twin:x:33:99::/twin:/bin/twin\n"
    "+::::::\n";

constexpr char kGroup[] =
    "root:x:0:\n"
    "www:x:34:\n"
    "logs:x:40:other,web\n"
    "twice:x:40:web\n"
    "tty:x:5:web\n"
    "webmaster:x:41:webmaster,we\n";

std::string describe(const cinit::Result<os::Account>& found) {
  if (!found) return found.error().message;
  return found->name + "|" + std::to_string(found->uid) + "|" + std::to_string(found->gid) + "|" + found->home + "|" +
         found->shell;
}

std::string describe(const cinit::Result<gid_t>& found) {
  return found ? std::to_string(*found) : found.error().message;
}

std::string describe(const cinit::Result<std::vector<gid_t>>& found) {
  if (!found) return found.error().message;
  std::string text;
  for (const gid_t gid : *found) text += std::to_string(gid) + " ";
  return text;
}

// What becomes of each question where `prepare` has done something to the two files.
std::string ask_all(const std::function<void()>& prepare) {
  return in_child([&] {
    enter_mount_namespace();
    prepare();
    const auto user = os::find_user("web");
    const auto number = os::find_user("4000");
    const auto group = os::find_group("www");
    const auto groups = os::groups_of("web", 34);
    const auto errnos = {user.error().code, number.error().code, group.error().code, groups.error().code};
    std::string text =
        describe(user) + "\n" + describe(number) + "\n" + describe(group) + "\n" + describe(groups) + "\n";
    for (const int code : errnos) text += std::to_string(code) + " ";
    return text;
  });
}

std::string all_fail(const std::string& reason, int error) {
  const std::string passwd = "/etc/passwd cannot be read: " + reason + "\n";
  const std::string group = "/etc/group cannot be read: " + reason + "\n";
  const std::string code = std::to_string(error) + " ";
  return passwd + passwd + group + group + code + code + code + code;
}

// Puts another kind of file in the place of both.
void replace_both(const char* with) {
  for (const char* path : {"/etc/passwd", "/etc/group"}) {
    if (mount(with, path, nullptr, MS_BIND, nullptr) != 0) throw std::runtime_error("mount");
  }
}

// Runs `body` where /etc/passwd and /etc/group are those above.
std::string with_accounts(const Body& body) {
  return in_child([&] {
    enter_mount_namespace();
    replace_file("/etc/passwd", kPasswd);
    replace_file("/etc/group", kGroup);
    return body();
  });
}

std::string user(const std::string& name) {
  return with_accounts([&] { return describe(os::find_user(name)); });
}

std::string group(const std::string& name) {
  return with_accounts([&] { return describe(os::find_group(name)); });
}

std::string groups(const std::string& name, gid_t primary) {
  return with_accounts([&] { return describe(os::groups_of(name, primary)); });
}

}  // namespace

TEST_CASE("root of this machine is found by name and by number") {
  CHECK(describe(os::find_user("root")).starts_with("root|0|0|/root|"));
  CHECK(describe(os::find_user("0")).starts_with("root|0|0|/root|"));
  CHECK(describe(os::find_group("root")) == "0");
}

TEST_CASE("a user is found by name and by number, the first of several") {
  CHECK(user("web") == "web|33|34|/var/www|/usr/sbin/nologin");
  CHECK(user("33") == "web|33|34|/var/www|/usr/sbin/nologin");
  CHECK(user("twin") == "twin|33|99|/twin|/bin/twin");
}

TEST_CASE("a number without an entry is a user and a group of that number") {
  CHECK(user("12345") == "|12345|12345|/|/bin/sh");
}

TEST_CASE("a name that consists of digits is a name first") { CHECK(user("123") == "123|60|61|/home/number|/bin/sh"); }

TEST_CASE("an entry without a shell gets /bin/sh, and one without a home /") {
  CHECK(user("bare") == "bare|50|51|/|/bin/sh");
}

TEST_CASE("an unknown user is named") {
  CHECK(user("nosuch") == "there is no user \"nosuch\" in /etc/passwd");
  CHECK(user("") == "there is no user \"\" in /etc/passwd");
  CHECK(user("-1") == "there is no user \"-1\" in /etc/passwd");
  CHECK(user("33 ") == "there is no user \"33 \" in /etc/passwd");
  CHECK(user("4294967296") == "there is no user \"4294967296\" in /etc/passwd");
}

TEST_CASE("the number that means unchanged to setresuid(2) is no user and no group") {
  CHECK(user("4294967295") == "there is no user \"4294967295\" in /etc/passwd");
  CHECK(group("4294967295") == "there is no group \"4294967295\" in /etc/group");
}

TEST_CASE("a line of NIS is no user") { CHECK(user("+") == "there is no user \"+\" in /etc/passwd"); }

TEST_CASE("a group is found by name, and a number needs no entry") {
  CHECK(group("www") == "34");
  CHECK(group("777") == "777");
  CHECK(group("nosuch") == "there is no group \"nosuch\" in /etc/group");
}

TEST_CASE("the groups of a user are the primary one and those that name it, each once") {
  CHECK(groups("web", 34) == "34 40 5 ");
  CHECK(groups("web", 5) == "5 40 ");
  CHECK(groups("we", 1) == "1 41 ");
  CHECK(groups("nosuch", 7) == "7 ");
  CHECK(groups("", 7) == "7 ");
}

TEST_CASE("without the files there are numbers only") {
  const auto body = [] {
    enter_mount_namespace();
    replace_file("/etc/passwd", "");
    replace_file("/etc/group", "");
    return describe(os::find_user("root")) + "; " + describe(os::find_user("0")) + "; " + describe(os::find_group("0"));
  };
  CHECK(in_child(body) == "there is no user \"root\" in /etc/passwd; |0|0|/|/bin/sh; 0");
}

TEST_CASE("a file that is missing has no entries") {
  const auto body = [] {
    enter_mount_namespace();
    if (mount("none", "/etc", "tmpfs", 0, nullptr) != 0) return std::string("mount");
    return describe(os::find_user("root")) + "; " + describe(os::find_user("0")) + "; " +
           describe(os::groups_of("root", 7));
  };
  CHECK(in_child(body) == "there is no user \"root\" in /etc/passwd; |0|0|/|/bin/sh; 7 ");
}

TEST_CASE("a file for which there is no descriptor says nothing about its users and groups") {
  const auto take_descriptors = [] {
    const rlimit64 none{3, 3};
    os::sys::setrlimit(RLIMIT_NOFILE, &none);
  };
  CHECK(ask_all(take_descriptors) == all_fail("Too many open files", EMFILE));
}

TEST_CASE("a file that may not be read says nothing about its users and groups") {
  const auto forbid = [] {
    replace_file("/etc/passwd", kPasswd);
    replace_file("/etc/group", kGroup);
    for (const char* path : {"/etc/passwd", "/etc/group"}) {
      if (chmod(path, 0600) != 0) throw std::runtime_error("chmod");
    }
    become_nobody();
  };
  CHECK(ask_all(forbid) == all_fail("Permission denied", EACCES));
}

TEST_CASE("what is no regular file has no users and groups, and is not waited for") {
  const TemporaryDirectory directory;
  const std::string fifo = directory.path() + "/fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0644) == 0);
  CHECK(ask_all([&] { replace_both(fifo.c_str()); }) == all_fail("it is not a regular file", ENOTSUP));
  CHECK(ask_all([] { replace_both("/dev/zero"); }) == all_fail("it is not a regular file", ENOTSUP));
}

// /proc/self/mem is a regular file, and nothing is mapped at its beginning: read(2) fails with EIO.
TEST_CASE("a file that cannot be read to its end says nothing about its users and groups") {
  CHECK(ask_all([] { replace_both("/proc/self/mem"); }) == all_fail("Input/output error", EIO));
}

TEST_CASE("an id that means unchanged, or is none, is refused with its line, and is nobody else's") {
  const auto with = [](const std::string& passwd, const std::string& group, const Body& body) {
    return in_child([&] {
      enter_mount_namespace();
      replace_file("/etc/passwd", passwd);
      replace_file("/etc/group", group);
      return body();
    });
  };
  const auto find_in = [&](const std::string& passwd, const std::string& name) {
    return with(passwd, "", [&] { return describe(os::find_user(name)); });
  };
  const auto refused = [](const std::string& what, const std::string& number) {
    return "/etc/passwd:2: the " + what + " of \"u\" is \"" + number + "\", which is no number from 0 to 4294967294";
  };
  for (const char* number : {"4294967295", "4294967296", "18446744073709551615", "18446744073709551616", "-1", "-2", "",
                             "0x10", "1 ", "+1", "1e3"}) {
    CHECK(find_in("root:x:0:0::/:\nu:x:" + std::string(number) + ":1000::/:\n", "u") == refused("uid", number));
    CHECK(find_in("root:x:0:0::/:\nu:x:1000:" + std::string(number) + "::/:\n", "u") == refused("gid", number));
    const std::string line = "g:x:" + std::string(number) + ":u\n";
    const std::string error =
        "/etc/group:1: the gid of \"g\" is \"" + std::string(number) + "\", which is no number from 0 to 4294967294";
    CHECK(with("", line, [] { return describe(os::find_group("g")); }) == error);
    CHECK(with("", line, [] { return describe(os::groups_of("u", 7)); }) == error);
    CHECK(with("", line, [] { return describe(os::groups_of("other", 7)); }) == "7 ");
  }
  CHECK(find_in("u:x:4294967294:4294967294::/:\n", "u") == "u|4294967294|4294967294|/|/bin/sh");
  CHECK(find_in("u:x:4294967295:0::/:\nv:x:5:6::/:\n", "5") == "v|5|6|/|/bin/sh");
  // Not as the name of a number either.
  CHECK(find_in("4294967295:x:4294967295:1::/:\n", "4294967295").starts_with("/etc/passwd:1: the uid"));
}

TEST_CASE("a line of ten million characters, and one without an end, cost no time") {
  const auto body = [] {
    enter_mount_namespace();
    const std::string large(10'000'000, 'x');
    replace_file("/etc/passwd", "a:x:1:1:" + large + ":/:\n" + large + "\nu:x:2:3::/:");
    replace_file("/etc/group", "g:x:1:" + large + ",u\nh:x:2:" + std::string(10'000'000, ',') + "u");
    return describe(os::find_user("u")) + " " + describe(os::groups_of("u", 7));
  };
  CHECK(in_child(body) == "u|2|3|/|/bin/sh 7 1 2 ");
}

TEST_CASE("comments and lines without a name are no entries") {
  const auto body = [] {
    enter_mount_namespace();
    replace_file("/etc/passwd", "#a:x:1:1::/:\n:x:0:0::/:\n\n  \n  b:x:2:2\n");
    return describe(os::find_user("#a")) + "; " + describe(os::find_user("")) + "; " + describe(os::find_user("b"));
  };
  CHECK(in_child(body) ==
        "there is no user \"#a\" in /etc/passwd; there is no user \"\" in /etc/passwd; b|2|2|/|/bin/sh");
}
