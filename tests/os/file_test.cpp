#include "os/file.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "files.hpp"
#include "forked.hpp"
#include "launch.hpp"
#include "os/trusted_path.hpp"
#include "user_tree.hpp"

using namespace cinit::test;
namespace os = cinit::os;

namespace {

constexpr uid_t kUnchangedUser = static_cast<uid_t>(-1);
constexpr gid_t kUnchangedGroup = static_cast<gid_t>(-1);

os::Fd open_log(const std::string& path, uid_t uid, gid_t gid) {
  const auto place = os::find_place(path);
  return place ? os::open_log(*place, uid, gid) : os::Fd(-place.error().code);
}

os::Fd open_own_log(const std::string& path) { return open_log(path, kUnchangedUser, kUnchangedGroup); }

struct stat status_of(int fd) {
  struct stat status {};
  REQUIRE(fstat(fd, &status) == 0);
  return status;
}

unsigned permission_of(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 ? status.st_mode & 07777 : 0;
}

void put(int fd, const std::string& text) {
  REQUIRE(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

std::string error_of(const cinit::Result<std::string>& result) { return result ? "no error" : result.error().message; }

struct Pipe {
  Pipe() {
    int both[2];
    if (pipe2(both, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    out = os::Fd(both[0]);
    in = os::Fd(both[1]);
  }
  os::Fd out;
  os::Fd in;
};

}  // namespace

// ---- read_file

TEST_CASE("a file is read as a whole up to the size that is allowed, and not beyond it") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  const std::string text = std::string(10'000, 'x') + '\0' + "end";
  write_file(path, text);
  const auto whole = os::read_file(path, text.size());
  REQUIRE(whole);
  CHECK(*whole == text);
  CHECK(error_of(os::read_file(path, text.size() - 1)) == "it is longer than 10003 bytes");
  write_file(path, "");
  REQUIRE(os::read_file(path, 0));
  CHECK(os::read_file(path, 0)->empty());
}

TEST_CASE("what cannot be read says why") {
  const TemporaryDirectory directory;
  CHECK(error_of(os::read_file(directory.path() + "/missing", 10)) == "No such file or directory");
  CHECK(error_of(os::read_file(directory.path(), 10)) == "Is a directory");
}

// A directory of root's with one of a user's in it.
class TwoOwners {
 public:
  TwoOwners() {
    REQUIRE(chmod(directory_.path().c_str(), 0755) == 0);
    make_directories(path() + "/user");
    REQUIRE(chown((path() + "/user").c_str(), 1000, 1000) == 0);
    write_file(path() + "/secret", "secret");
  }
  const std::string& path() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
};

TEST_CASE("only regular files are read, and a FIFO, a terminal or a socket keeps nobody waiting") {
  const TemporaryDirectory directory;
  const std::string fifo = directory.path() + "/fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  const auto read = [](const std::string& path) { return in_child([&] { return error_of(os::read_file(path, 10)); }); };
  CHECK(read(fifo) == "it is not a regular file");
  CHECK(read("/dev/ptmx") == "it is not a regular file");
  CHECK(read("/dev/zero") == "it is not a regular file");
  CHECK(os::read_file(fifo, 10).error().code == ENOTSUP);
  CHECK(read("/proc/self/comm") == "no error");
  CHECK(*os::read_file("/dev/null", 10) == "");
}

TEST_CASE("a terminal that is read or written by mistake does not become the controlling one of a session's leader") {
  const os::Fd terminal(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(terminal);
  REQUIRE(unlockpt(terminal.get()) == 0);
  const std::string name = ptsname(terminal.get());
  const auto body = [&] {
    setsid();
    const std::string refused = error_of(os::read_file(name, 10));
    const int error = os::write_file(name, "text", 0600);
    const os::Fd own(os::sys::open(AT_FDCWD, "/dev/tty", O_RDWR | O_CLOEXEC));
    return refused + ", " + std::to_string(error == ENOTSUP) + (own ? ", a terminal" : ", no terminal");
  };
  CHECK(in_child(body) == "it is not a regular file, 1, no terminal");
}

TEST_CASE("a link that another user could have made is followed neither to read nor to write") {
  const TwoOwners tree;
  const std::string link = tree.path() + "/user/link";
  REQUIRE(symlink("../secret", link.c_str()) == 0);
  CHECK(os::read_file(link, 99).error().code == ELOOP);
  CHECK(os::overwrite_file(link, "x") == ELOOP);
  CHECK(os::write_file(link, "x", 0600) == ELOOP);
  CHECK(os::create_file(link, "x", 0600) == EEXIST);
  REQUIRE(symlink("..", (tree.path() + "/user/up").c_str()) == 0);
  CHECK(os::write_file(tree.path() + "/user/up/new", "x", 0600) == ELOOP);
  CHECK(os::create_file(tree.path() + "/user/up/new", "x", 0600) == ELOOP);
  CHECK(os::remove_file(tree.path() + "/user/up/secret") == ELOOP);
  CHECK(os::make_directories(tree.path() + "/user/up/new", 0700) == ELOOP);
  CHECK(os::list_directory(tree.path() + "/user/up").error().code == ELOOP);
  CHECK(*os::read_file(tree.path() + "/secret", 99) == "secret");
  CHECK(names_in(tree.path()) == std::vector<std::string>{"secret", "user"});
  // But it can be removed itself.
  CHECK(os::remove_file(link) == 0);
  // One of root's is followed.
  REQUIRE(symlink("secret", (tree.path() + "/link").c_str()) == 0);
  CHECK(os::write_file(tree.path() + "/link", "new", 0600) == 0);
  CHECK(*os::read_file(tree.path() + "/link", 99) == "new");
}

TEST_CASE("a hard link that another user could have made is not written to") {
  const TwoOwners tree;
  const std::string name = tree.path() + "/user/name";
  REQUIRE(link((tree.path() + "/secret").c_str(), name.c_str()) == 0);
  CHECK(os::write_file(name, "x", 0600) == EMLINK);
  CHECK(*os::read_file(tree.path() + "/secret", 99) == "secret");
  REQUIRE(link((tree.path() + "/secret").c_str(), (tree.path() + "/own").c_str()) == 0);
  CHECK(os::write_file(tree.path() + "/own", "x", 0600) == 0);
}

TEST_CASE("what is written to is a regular file or nothing") {
  const TemporaryDirectory directory;
  const std::string fifo = directory.path() + "/fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  const os::Fd reader(os::sys::open(AT_FDCWD, fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  CHECK(os::write_file(fifo, "text", 0600) == ENOTSUP);
  CHECK(os::overwrite_file(fifo, "text") == ENOTSUP);
  CHECK(os::write_file("/dev/null", "text", 0600) == 0);
  CHECK(os::overwrite_file(directory.path() + "/missing", "text") == ENOENT);
  CHECK(names_in(directory.path()) == std::vector<std::string>{"fifo"});
  const std::string file = directory.path() + "/file";
  write_file(file, "a long text");
  REQUIRE(chmod(file.c_str(), 0604) == 0);
  CHECK(os::write_file(file, "text", 0600) == 0);
  CHECK(*os::read_file(file, 99) == "text");
  struct stat status {};
  REQUIRE(stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0604);
}

TEST_CASE("a file that its owner holds with a lease is not waited for, and may be read later") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  write_file(path, "text");
  const auto body = [&] {
    const os::Fd owner(os::sys::open(AT_FDCWD, path.c_str(), O_RDWR | O_CLOEXEC));
    // The kernel tells the holder of it by SIGIO.
    signal(SIGIO, SIG_IGN);
    if (fcntl(owner.get(), F_SETLEASE, F_WRLCK) != 0) return std::string("no lease");
    const auto read = os::read_file(path, 10);
    return error_of(read) + (os::may_pass(read.error().code) ? ", may pass" : "");
  };
  CHECK(in_child(body) == "Resource temporarily unavailable, may pass");
}

TEST_CASE("want of descriptors may pass, and what is missing stays") {
  const auto body = [] {
    const rlimit64 none{3, 3};
    os::sys::setrlimit(RLIMIT_NOFILE, &none);
    const int read = os::read_file("/etc/passwd", 99).error().code;
    const int listed = os::list_directory("/etc").error().code;
    const int written = os::write_file("/etc/nosuch/file", "", 0600);
    return std::to_string(read == EMFILE && listed == EMFILE && written == EMFILE && os::may_pass(read));
  };
  CHECK(in_child(body) == "1");
  CHECK_FALSE(os::may_pass(os::read_file("/nosuch", 9).error().code));
}

TEST_CASE("directories are made where they are missing, and where a link of root's leads") {
  const TwoOwners tree;
  CHECK(os::make_directories(tree.path() + "/a/b/c", 0700) == 0);
  CHECK(os::make_directories(tree.path() + "/a/b/c", 0700) == 0);
  struct stat status {};
  REQUIRE(stat((tree.path() + "/a/b").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0755);
  REQUIRE(symlink("target/below", (tree.path() + "/dangling").c_str()) == 0);
  CHECK(os::make_directories(tree.path() + "/dangling", 0700) == 0);
  CHECK(stat((tree.path() + "/target/below").c_str(), &status) == 0);
  REQUIRE(symlink("other", (tree.path() + "/link").c_str()) == 0);
  CHECK(os::make_directories(tree.path() + "/link/below", 0700) == 0);
  CHECK(stat((tree.path() + "/other/below").c_str(), &status) == 0);
  CHECK(os::make_directories(tree.path() + "/user/a/b", 0700) == 0);
}

TEST_CASE("a file is replaced as a whole, and what is in the way of that is not written to") {
  const TwoOwners tree;
  const os::Fd directory = os::open_directory(tree.path() + "/user");
  REQUIRE(directory);
  REQUIRE(symlink("../secret", (tree.path() + "/user/name").c_str()) == 0);
  REQUIRE(symlink("../secret", (tree.path() + "/user/name.new").c_str()) == 0);
  CHECK(os::replace_file(directory, "name", "text", 0640) == 0);
  CHECK(*os::read_file(tree.path() + "/user/name", 99) == "text");
  CHECK(*os::read_file(tree.path() + "/secret", 99) == "secret");
  CHECK(names_in(tree.path() + "/user") == std::vector<std::string>{"name"});
  make_directories(tree.path() + "/user/other.new");
  CHECK(os::replace_file(directory, "other", "text", 0640) == EISDIR);
}

// ---- open_log

TEST_CASE("a file is made only where there is nothing, not even a link") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  CHECK(os::create_file(path, "text", 0640) == 0);
  CHECK(os::create_file(path, "other", 0640) == EEXIST);
  CHECK(*os::read_file(path, 99) == "text");
  REQUIRE(symlink("nothing", (directory.path() + "/link").c_str()) == 0);
  CHECK(os::create_file(directory.path() + "/link", "", 0640) == EEXIST);
}

TEST_CASE("a log file is made for its owner, and appended to when it is there") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  {
    const os::Fd log = open_log(path, 3000, 4000);
    REQUIRE(log);
    CHECK(status_of(log.get()).st_uid == 3000);
    CHECK(status_of(log.get()).st_gid == 4000);
    CHECK((permission_of(log.get()) & 0600) == 0600);
    put(log.get(), "first\n");
  }
  const os::Fd again = open_log(path, 3001, 4001);
  REQUIRE(again);
  put(again.get(), "second\n");
  CHECK(read_file(path) == "first\nsecond\n");
  CHECK(status_of(again.get()).st_uid == 3000);
}

TEST_CASE("a log file without an owner is ours") {
  const TemporaryDirectory directory;
  const os::Fd log = open_own_log(directory.path() + "/log");
  REQUIRE(log);
  CHECK(status_of(log.get()).st_uid == geteuid());
  CHECK(status_of(log.get()).st_gid == getegid());
}

TEST_CASE("writers of one log file do not overwrite each other") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  const os::Fd first = open_own_log(path);
  const os::Fd second = open_own_log(path);
  put(first.get(), "a");
  put(second.get(), "b");
  put(first.get(), "c");
  CHECK(read_file(path) == "abc");
}

TEST_CASE("a log is closed in whatever is started, and waits as usual when it is written to") {
  const TemporaryDirectory directory;
  const os::Fd log = open_own_log(directory.path() + "/log");
  CHECK(fcntl(log.get(), F_GETFD) == FD_CLOEXEC);
  CHECK((fcntl(log.get(), F_GETFL) & (O_NONBLOCK | O_APPEND)) == O_APPEND);
}

TEST_CASE("a FIFO as a log keeps nobody waiting, neither without a reader nor when that goes away") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/fifo";
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  const auto body = [&] {
    const os::Fd log = open_own_log(path);
    if (!log) return "errno " + std::to_string(log.error());
    std::string text = write(log.get(), "one\n", 4) == 4 ? "written " : "not written ";
    char buffer[16];
    {
      const os::Fd reader(os::sys::open(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC));
      const ssize_t size = read(reader.get(), buffer, sizeof(buffer));
      text += std::string(buffer, size > 0 ? static_cast<std::size_t>(size) : 0);
    }
    // With SIGPIPE at its default this would be our end.
    return text + (write(log.get(), "two\n", 4) == 4 ? "written" : "not written");
  };
  CHECK(in_child(body) == "written one\nwritten");
}

TEST_CASE("a log is not opened where another user may change names") {
  const UserTree tree;
  tree.link(tree / "root/secret", "home/log", kUser);
  for (const char* name : {"home/log", "home/new", "shared/new", "tmp/new", "home/logs/new"}) {
    CAPTURE(name);
    CHECK(open_own_log(tree / name).error() == EPERM);
  }
  REQUIRE(link((tree / "root/secret").c_str(), (tree / "tmp/hard").c_str()) == 0);
  CHECK(open_own_log(tree / "tmp/hard").error() == EPERM);
}

TEST_CASE("a log that cannot be opened says why") {
  const TemporaryDirectory directory;
  CHECK(open_own_log(directory.path() + "/missing/log").error() == ENOENT);
  CHECK(open_own_log(directory.path()).error() == EISDIR);
  write_file(directory.path() + "/file", "");
  CHECK(open_own_log(directory.path() + "/file/log").error() == ENOTDIR);
}

TEST_CASE("a log may be a link to a file that is not there yet") {
  const TemporaryDirectory directory;
  const std::string link = directory.path() + "/link";
  REQUIRE(symlink((directory.path() + "/target").c_str(), link.c_str()) == 0);
  const os::Fd log = open_own_log(link);
  REQUIRE(log);
  put(log.get(), "text");
  CHECK(read_file(directory.path() + "/target") == "text");
}

TEST_CASE("/dev/stdout as a log is the pipe that standard output is") {
  const auto body = [] {
    const Pipe pipe;
    if (dup2(pipe.in.get(), 1) != 1) return std::string("dup2");
    const os::Fd log = open_own_log("/dev/stdout");
    if (!log) return "errno " + std::to_string(log.error());
    if (write(log.get(), "text", 4) != 4) return std::string("write");
    char buffer[16];
    const ssize_t size = read(pipe.out.get(), buffer, sizeof(buffer));
    return std::string(buffer, size > 0 ? static_cast<std::size_t>(size) : 0);
  };
  CHECK(in_child(body) == "text");
}

// ---- share_for_writing

TEST_CASE("a program of another user opens /dev/stdout by its name once that is shared") {
  const auto body = [] {
    const auto print = [](bool shared) {
      Launch launch(shell("(echo text >/dev/stdout) 2>/dev/null || echo refused"));
      launch.setup.set_uid = true;
      launch.setup.uid = 3000;
      if (shared) os::share_for_writing(launch.setup.stdout_fd);
      return launch.run();
    };
    return in_order({print(false), print(true)});
  };
  CHECK(in_child(body) == "refused\n[code 0]text\n[code 0]");
}

TEST_CASE("sharing makes a pipe writable for everybody, and leaves files alone") {
  const Pipe pipe;
  REQUIRE(permission_of(pipe.in.get()) == 0600);
  CHECK(os::share_for_writing(pipe.in.get()));
  CHECK(permission_of(pipe.in.get()) == 0622);
  CHECK(os::share_for_writing(pipe.in.get()));

  const TemporaryDirectory directory;
  const os::Fd file(
      os::sys::open(AT_FDCWD, (directory.path() + "/file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  CHECK(os::share_for_writing(file.get()));
  CHECK(permission_of(file.get()) == 0600);
}

TEST_CASE("sharing a terminal makes it writable for everybody") {
  const os::Fd terminal(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(terminal);
  REQUIRE(unlockpt(terminal.get()) == 0);
  const os::Fd ours(os::sys::open(AT_FDCWD, ptsname(terminal.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(ours);
  REQUIRE(fchmod(ours.get(), 0600) == 0);
  CHECK(os::share_for_writing(ours.get()));
  CHECK(permission_of(ours.get()) == 0622);
}

TEST_CASE("what is not open, or belongs to somebody else, is not shared") {
  CHECK_FALSE(os::share_for_writing(9999));
  const auto body = [] {
    const Pipe pipe;
    if (setresuid(3000, 3000, 3000) != 0) return std::string("setresuid");
    return std::string(os::share_for_writing(pipe.in.get()) ? "shared" : "refused");
  };
  CHECK(in_child(body) == "refused");
}

// ---- Descriptors

TEST_CASE("standard descriptors that are closed become /dev/null, the others stay") {
  const auto body = [] {
    const Pipe pipe;
    if (dup2(pipe.in.get(), 1) != 1) return std::string("dup2");
    struct stat before {
    }, after{};
    fstat(1, &before);
    close(0);
    close(2);
    os::open_standard_descriptors();
    fstat(1, &after);
    char name[64];
    std::string text = before.st_ino == after.st_ino ? "kept" : "lost";
    for (const char* path : {"/proc/self/fd/0", "/proc/self/fd/2"}) {
      const ssize_t size = readlink(path, name, sizeof(name));
      text += " " + std::string(name, size > 0 ? static_cast<std::size_t>(size) : 0);
    }
    return text + (fcntl(0, F_GETFD) == 0 && fcntl(2, F_GETFD) == 0 ? "" : " close-on-exec");
  };
  CHECK(in_child(body) == "kept /dev/null /dev/null");
}

TEST_CASE("all three closed become three") {
  const auto body = [] {
    for (const int fd : {0, 1, 2}) close(fd);
    os::open_standard_descriptors();
    return std::to_string(fcntl(0, F_GETFL) & O_ACCMODE) + std::to_string(fcntl(1, F_GETFL) & O_ACCMODE) +
           std::to_string(fcntl(2, F_GETFL) & O_ACCMODE);
  };
  CHECK(in_child(body) == "222");
}

TEST_CASE("inherited descriptors are found and closed to others, those of our own making are not") {
  const auto body = [] {
    os::take_inherited_descriptors();
    dup2(0, 50);
    dup2(0, 700);
    if (os::sys::dup3(0, 51, O_CLOEXEC) != 51) return std::string("dup3");
    std::vector<int> taken = os::take_inherited_descriptors();
    std::ranges::sort(taken);
    std::string text;
    for (const int fd : taken)
      text += std::to_string(fd) + (fcntl(fd, F_GETFD) == FD_CLOEXEC ? " closed, " : " open, ");
    return text + (os::take_inherited_descriptors().empty() ? "none" : "some") +
           (fcntl(1, F_GETFD) == 0 ? "" : " and 1");
  };
  CHECK(in_child(body) == "50 closed, 700 closed, none");
  CHECK(in_child([&] {
          enter_mount_namespace();
          hide_proc();
          return body();
        }) == "50 closed, 700 closed, none");
}

TEST_CASE("/dev/null is open for both directions, and without it there is something to read the end from") {
  const os::Fd null = os::open_null();
  REQUIRE(null);
  CHECK((fcntl(null.get(), F_GETFL) & O_ACCMODE) == O_RDWR);
  CHECK(fcntl(null.get(), F_GETFD) == FD_CLOEXEC);
  const auto body = [] {
    enter_mount_namespace();
    if (mount("none", "/dev", "tmpfs", 0, nullptr) != 0) return std::string("mount");
    const os::Fd instead = os::open_null();
    char letter = 0;
    return std::to_string(static_cast<bool>(instead)) + std::to_string(read(instead.get(), &letter, 1));
  };
  CHECK(in_child(body) == "10");
}
