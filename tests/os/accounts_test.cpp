#include "os/accounts.hpp"

#include <doctest/doctest.h>

#include <string>

#include "forked.hpp"

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
  return with_accounts([&] {
    std::string text;
    for (const gid_t gid : os::groups_of(name, primary)) text += std::to_string(gid) + " ";
    return text;
  });
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
