#include "os/trusted_path.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "files.hpp"
#include "forked.hpp"
#include "fuse_server.hpp"
#include "os/file.hpp"
#include "os/look.hpp"

using namespace cinit::test;
namespace os = cinit::os;

namespace {

constexpr uid_t kUser = 1000;

// A directory that only root can reach by name: /tmp itself is one where others make names.
class Tree {
 public:
  Tree() {
    REQUIRE(chmod(path().c_str(), 0755) == 0);
    make_directories(*this / "etc/app");
    write_file(*this / "etc/app/file", "text");
    make_directories(*this / "home/logs");
    REQUIRE(chown((*this / "home").c_str(), kUser, kUser) == 0);
    make_directories(*this / "tmp");
    REQUIRE(chmod((*this / "tmp").c_str(), 01777) == 0);
  }
  const std::string& path() const { return directory_.path(); }
  std::string operator/(const std::string& name) const { return path() + "/" + name; }
  void link(const std::string& target, const std::string& name) const {
    REQUIRE(symlink(target.c_str(), (*this / name).c_str()) == 0);
  }

 private:
  TemporaryDirectory directory_;
};

std::string describe(const cinit::Result<os::Place>& place) {
  if (!place) return "errno " + std::to_string(place.error().code);
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(place->directory.get());
  const ssize_t size = readlink(link.c_str(), path, sizeof(path));
  return (place->trusted ? "ours: " : "not ours: ") + std::string(path, size > 0 ? static_cast<std::size_t>(size) : 0) +
         " " + place->name;
}

std::string find(const std::string& path) { return describe(os::find_place(path)); }

std::string failed(int error) { return "errno " + std::to_string(error); }

}  // namespace

TEST_CASE("a path through root's directories is ours, whether its end is there or not") {
  const Tree tree;
  CHECK(find("/etc/passwd") == "ours: /etc passwd");
  CHECK(find("//etc/./nosuch") == "ours: /etc nosuch");
  CHECK(find("/etc/../etc/passwd") == "ours: /etc passwd");
  CHECK(find("/../nosuch") == "ours: / nosuch");
  CHECK(find(tree / "etc/app/file") == "ours: " + tree / "etc/app" + " file");
  CHECK(find(tree / "etc/app/new") == "ours: " + tree / "etc/app" + " new");
}

TEST_CASE("a path that names a directory ends in that directory") {
  const Tree tree;
  CHECK(find("/") == "ours: / .");
  CHECK(find(tree / "etc/") == "ours: " + tree / "etc" + " .");
  CHECK(find(tree / "etc/.") == "ours: " + tree / "etc" + " .");
  CHECK(find(tree / "etc/app/..") == "ours: " + tree / "etc" + " .");
}

TEST_CASE("the walk ends in the first directory where another user may change names") {
  const Tree tree;
  CHECK(find(tree / "home/logs/web.log") == "not ours: " + tree / "home" + " logs/web.log");
  CHECK(find(tree / "home/nosuch/web.log") == "not ours: " + tree / "home" + " nosuch/web.log");
  // That directory's own name is root's.
  CHECK(find(tree / "home") == "ours: " + tree.path() + " home");
}

TEST_CASE("a directory that a group or everybody may write to is not ours") {
  const Tree tree;
  const std::string etc = tree / "etc";
  for (const mode_t mode : {0775U, 0757U, 0777U}) {
    REQUIRE(chmod(etc.c_str(), mode) == 0);
    CHECK(find(etc + "/app/file") == "not ours: " + etc + " app/file");
  }
  REQUIRE(chmod(etc.c_str(), 0755) == 0);
  CHECK(find(etc + "/app/file").starts_with("ours: "));
}

TEST_CASE("in a directory with the sticky bit only what is root's is ours") {
  const Tree tree;
  write_file(tree / "tmp/root", "");
  write_file(tree / "tmp/user", "");
  REQUIRE(chown((tree / "tmp/user").c_str(), kUser, kUser) == 0);
  make_directories(tree / "tmp/directory/below");
  CHECK(find(tree / "tmp/root") == "ours: " + tree / "tmp" + " root");
  CHECK(find(tree / "tmp/user") == "not ours: " + tree / "tmp" + " user");
  CHECK(find(tree / "tmp/nosuch") == "not ours: " + tree / "tmp" + " nosuch");
  CHECK(find(tree / "tmp/nosuch/file") == "not ours: " + tree / "tmp" + " nosuch/file");
  CHECK(find(tree / "tmp/directory/below/new") == "ours: " + tree / "tmp/directory/below" + " new");
  tree.link(tree / "etc/app", "tmp/link");
  CHECK(find(tree / "tmp/link/file") == "ours: " + tree / "etc/app" + " file");
  // Sticky, but not root's.
  REQUIRE(chmod((tree / "home").c_str(), 01777) == 0);
  write_file(tree / "home/root", "");
  CHECK(find(tree / "home/root") == "not ours: " + tree / "home" + " root");
}

TEST_CASE("a hard link to a file of root's in a directory with the sticky bit is not ours") {
  const Tree tree;
  REQUIRE(link((tree / "etc/app/file").c_str(), (tree / "tmp/file").c_str()) == 0);
  CHECK(find(tree / "tmp/file") == "not ours: " + tree / "tmp" + " file");
}

TEST_CASE("a link of root's is followed, to what is there and to what is missing") {
  const Tree tree;
  tree.link("app", "etc/relative");
  tree.link(tree / "etc/relative/./", "etc/absolute");
  tree.link("../app/file", "etc/app/last");
  tree.link("nosuch", "etc/dangling");
  CHECK(find(tree / "etc/relative/file") == "ours: " + tree / "etc/app" + " file");
  CHECK(find(tree / "etc/absolute/file") == "ours: " + tree / "etc/app" + " file");
  CHECK(find(tree / "etc/app/last") == "ours: " + tree / "etc/app" + " file");
  CHECK(find(tree / "etc/dangling") == "ours: " + tree / "etc" + " nosuch");
  CHECK(find(tree / "etc/relative/") == "ours: " + tree / "etc/app" + " .");
}

TEST_CASE("a link of root's into a user's directory is not ours, and a link there is not followed") {
  const Tree tree;
  tree.link("../home", "etc/home");
  tree.link("/etc", "home/link");
  tree.link("/etc/shadow", "home/logs/link");
  CHECK(find(tree / "etc/home/new") == "not ours: " + tree / "home" + " new");
  CHECK(find(tree / "home/link/passwd") == "not ours: " + tree / "home" + " link/passwd");
  CHECK(find(tree / "home/logs/link") == "not ours: " + tree / "home" + " logs/link");
}

TEST_CASE("a user's link in a directory with the sticky bit is not followed") {
  const Tree tree;
  tree.link("/etc/shadow", "tmp/link");
  REQUIRE(lchown((tree / "tmp/link").c_str(), kUser, kUser) == 0);
  CHECK(find(tree / "tmp/link") == "not ours: " + tree / "tmp" + " link");
}

TEST_CASE("what our effective user owns is ours as well") {
  const Tree tree;
  const auto as_user = [&] {
    if (setresuid(kUser, kUser, kUser) != 0) return std::string("setresuid");
    return find(tree / "home/logs/web.log");
  };
  CHECK(in_child(as_user) == "ours: " + tree / "home/logs" + " web.log");
}

TEST_CASE("a path that leads nowhere says why") {
  const Tree tree;
  tree.link("loop", "etc/loop");
  tree.link("b", "etc/a");
  tree.link("a", "etc/b");
  CHECK(find("") == failed(ENOENT));
  CHECK(find(std::string("/etc\0/passwd", 12)) == failed(EINVAL));
  CHECK(find(tree / "nosuch/file") == failed(ENOENT));
  CHECK(find(tree / "etc/app/file/") == failed(ENOTDIR));
  CHECK(find(tree / "etc/app/file/below") == failed(ENOTDIR));
  CHECK(find(tree / "etc/loop") == failed(ELOOP));
  CHECK(find(tree / "etc/a/file") == failed(ELOOP));
  CHECK(find("/" + std::string(300, 'x')) == failed(ENAMETOOLONG));
  CHECK(find(tree / "etc/loop/" + std::string(100'000, 'x')) == failed(ELOOP));
}

TEST_CASE("a FIFO on the way or at the end makes nobody wait") {
  const Tree tree;
  REQUIRE(mkfifo((tree / "etc/fifo").c_str(), 0600) == 0);
  CHECK(find(tree / "etc/fifo/below") == failed(ENOTDIR));
  const auto place = os::find_place(tree / "etc/fifo");
  REQUIRE(place);
  CHECK(place->trusted);
  CHECK(place->open(O_RDONLY));
  CHECK(place->open(O_WRONLY).error() == ENXIO);
}

TEST_CASE("a relative path begins in the directory that is given") {
  const Tree tree;
  const os::Fd base(os::sys::open(AT_FDCWD, (tree / "etc").c_str(), O_PATH | O_CLOEXEC));
  tree.link("../home", "etc/home");
  tree.link("/etc/passwd", "etc/passwd");
  CHECK(describe(os::find_place("app/file", base.get())) == "ours: " + tree / "etc/app" + " file");
  CHECK(describe(os::find_place("../etc/app/file", base.get())) == "ours: " + tree / "etc/app" + " file");
  CHECK(describe(os::find_place("home/new", base.get())) == "not ours: " + tree / "home" + " new");
  CHECK(describe(os::find_place("passwd", base.get())) == "ours: /etc passwd");
  CHECK(describe(os::find_place("x", 9999)) == failed(EBADF));
}

TEST_CASE("a walk that goes anywhere passes through other users' directories, and follows no link there") {
  const Tree tree;
  const auto find_anywhere = [](const std::string& path) { return describe(os::find_place_anywhere(path)); };
  tree.link("/etc/shadow", "home/logs/link");
  tree.link("/etc", "home/directory");
  tree.link("../home", "etc/home");
  CHECK(find_anywhere(tree / "etc/app/file") == "ours: " + tree / "etc/app" + " file");
  CHECK(find_anywhere(tree / "etc/home/logs/web.log") == "not ours: " + tree / "home/logs" + " web.log");
  CHECK(find_anywhere(tree / "home/logs/link") == failed(ELOOP));
  CHECK(find_anywhere(tree / "home/directory/passwd") == failed(ELOOP));
  CHECK(find_anywhere(tree / "home/directory/") == failed(ELOOP));
  CHECK(find_anywhere(tree / "home/nosuch/file") == failed(ENOENT));
  CHECK(find_anywhere(tree / "home/logs/") == "not ours: " + tree / "home/logs" + " .");
  CHECK(find_anywhere(tree / "tmp/nosuch") == "not ours: " + tree / "tmp" + " nosuch");
  // A directory of root's in that of a user may be another one the next time.
  make_directories(tree / "home/root");
  CHECK(find_anywhere(tree / "home/root/file") == "not ours: " + tree / "home/root" + " file");
  const auto as_user = [&] {
    if (setresuid(3000, 3000, 3000) != 0) return std::string("setresuid");
    return find_anywhere(tree / "home/directory/passwd");
  };
  CHECK(in_child(as_user) == "not ours: /etc passwd");
}

TEST_CASE("a place among others is opened without following what has been put there since") {
  const Tree tree;
  const auto place = os::find_place_anywhere(tree / "home/logs/new");
  REQUIRE(place);
  CHECK(place->open(O_WRONLY | O_CREAT, 0600));
  REQUIRE(unlink((tree / "home/logs/new").c_str()) == 0);
  REQUIRE(symlink("/etc/passwd", (tree / "home/logs/new").c_str()) == 0);
  CHECK(place->open(O_RDONLY).error() == ELOOP);
}

TEST_CASE("a directory is opened by its path") {
  const Tree tree;
  tree.link("app", "etc/link");
  tree.link("/etc", "home/link");
  CHECK(os::open_directory(tree / "etc/link"));
  CHECK(os::open_directory(tree / "home/logs"));
  CHECK(os::open_directory(tree / "home/link").error() == ELOOP);
  CHECK(os::open_directory(tree / "etc/app/file").error() == ENOTDIR);
  CHECK(os::open_directory(tree / "nosuch").error() == ENOENT);
}

TEST_CASE("standard output by its name is a link of the kernel's own, and is opened as such") {
  const auto place = os::find_place("/dev/stdout");
  REQUIRE(place);
  CHECK(place->trusted);
  CHECK(place->kernel_link);
  CHECK(place->name == "1");
  const auto body = [] {
    int ends[2];
    if (pipe(ends) != 0 || dup2(ends[1], 1) != 1) return std::string("pipe");
    const auto standard_output = os::find_place("/dev/stdout");
    const os::Fd opened = standard_output->open(O_WRONLY);
    if (!opened || write(opened.get(), "text", 4) != 4) return "errno " + std::to_string(opened.error());
    char text[8];
    const ssize_t size = read(ends[0], text, sizeof(text));
    return std::string(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  };
  CHECK(in_child(body) == "text");
  // Where it leads in the middle of a path is not known.
  CHECK(find("/proc/self/root/etc/passwd").starts_with("not ours: /proc/"));
}

TEST_CASE("a place is opened without following what has been put there since") {
  const Tree tree;
  const auto place = os::find_place(tree / "etc/app/new");
  REQUIRE(place);
  CHECK(place->open(O_RDONLY).error() == ENOENT);
  REQUIRE(symlink("file", (tree / "etc/app/new").c_str()) == 0);
  CHECK(place->open(O_RDONLY).error() == ELOOP);
  CHECK(place->open(O_WRONLY | O_CREAT, 0600).error() == ELOOP);
  const auto stranger = os::find_place(tree / "home/logs/new");
  REQUIRE(stranger);
  CHECK(stranger->open(O_WRONLY | O_CREAT, 0600).error() == EPERM);
}

// ---- File systems of a user's own. The server takes no request: a call that makes one never returns.

TEST_CASE("a walk does not enter a file system that a user serves, and does not wait for it") {
  const auto body = [] {
    const Tree tree;
    enter_mount_namespace();
    make_directories(tree / "srv/data");
    const FuseServer server(tree / "srv/data", kUser, false);
    struct stat status {};
    const std::string inside = tree / "srv/data/log";
    return in_order({find(inside) == "not ours: " + tree / "srv" + " data/log" ? "not ours" : find(inside), ", ",
                     find(tree / "srv/data") == "not ours: " + tree / "srv" + " data" ? "not ours" : "?", ", ",
                     describe(os::find_place_anywhere(inside)), ", ", describe(os::find_place_by_any_link(inside)),
                     ", ", describe(os::make_place(inside)), ", ",
                     std::to_string(os::open_directory(tree / "srv/data").error()), ", ",
                     std::to_string(os::list_directory(tree / "srv/data").error().code), ", ",
                     std::to_string(os::read_file(inside, 9).error().code), ", ",
                     std::to_string(os::look_at_itself(tree / "srv/data", status))});
  };
  const std::string refused = failed(EPERM);
  CHECK(in_child(body) == "not ours, not ours, " + refused + ", " + refused + ", " + refused + ", 1, 1, 1, 0");
}

TEST_CASE("what a user has mounted over a file since the walk is not opened") {
  const auto body = [] {
    const Tree tree;
    enter_mount_namespace();
    write_file(tree / "etc/app/users", "text");
    if (chown((tree / "etc/app/users").c_str(), kUser, kUser) != 0) return std::string("chown");
    const auto place = os::find_place(tree / "etc/app/users");
    std::string text = place->trusted ? "ours, " : "not ours, ";
    text += os::read_file(place->open(O_RDONLY), 9) ? "read, " : "not read, ";
    const FuseServer server(tree / "etc/app/users", kUser, false);
    text += std::to_string(place->open(O_RDONLY).error()) + ", ";
    text += std::to_string(place->open(O_WRONLY | O_CREAT).error()) + ", " + find(tree / "etc/app/users").substr(0, 8);
    return text;
  };
  CHECK(in_child(body) == "ours, read, 1, 1, not ours");
}

TEST_CASE("a file system that root has mounted is walked through, also one of that kind") {
  const auto body = [] {
    const Tree tree;
    enter_mount_namespace();
    make_directories(tree / "srv/data");
    const FuseServer server(tree / "srv/data", 0, true);
    const auto place = os::find_place(tree / "srv/data/log");
    return std::string(place && place->trusted ? "ours" : "not ours");
  };
  CHECK(in_child(body) == "ours");
}
