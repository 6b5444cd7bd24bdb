#include "servicedir/supervise.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "forked.hpp"
#include "os/fd.hpp"
#include "os/file.hpp"
#include "tree.hpp"

using namespace cinit;
using namespace cinit::servicedir;
using namespace cinit::test;
using namespace std::chrono_literals;

namespace {

using State = SuperviseStatus::State;

std::string hex(const auto& bytes) {
  std::string text;
  for (const auto each : bytes) {
    const auto byte = static_cast<unsigned char>(each);
    constexpr char kDigits[] = "0123456789abcdef";
    text += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return text;
}

// 2024-02-29 23:59:58.5 UTC
const std::chrono::system_clock::time_point kWhen{std::chrono::milliseconds(1709251198500)};

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(lstat(path.c_str(), &status) == 0);
  return status.st_mode;
}

Supervise open(const std::string& path) {
  Result<Supervise> supervise = Supervise::open(path);
  REQUIRE_MESSAGE(supervise, supervise.error().message);
  return *std::move(supervise);
}

std::string why_not(const std::string& path) {
  const Result<Supervise> supervise = Supervise::open(path);
  REQUIRE(!supervise);
  return supervise.error().message;
}

std::string content_of(const std::string& path) {
  const Result<std::string> text = os::read_file(path, 1 << 20);
  REQUIRE(text);
  return *text;
}

std::string target_of(const std::string& link) {
  char target[PATH_MAX];
  const ssize_t size = readlink(link.c_str(), target, sizeof(target));
  REQUIRE(size > 0);
  return {target, static_cast<std::size_t>(size)};
}

bool has_reader(const std::string& fifo) {
  const os::Fd fd(os::sys::open(AT_FDCWD, fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  return static_cast<bool>(fd);
}

void write_letters(const std::string& fifo, std::string_view letters) {
  const os::Fd fd(os::sys::open(AT_FDCWD, fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  REQUIRE(os::sys::write(fd.get(), letters.data(), letters.size()) == static_cast<long>(letters.size()));
}

}  // namespace

TEST_CASE("the status is what sv reads: TAI64N, pid, paused, wanted, SIGTERM, state") {
  // 0x4000000000000000 + 10 + 1709251198 seconds, and 500,000,000 nanoseconds.
  const std::string label = "4000000065e11a881dcd6500";
  CHECK(hex(encode({State::Down, 0, kWhen, false})) == label +
                                                           "00000000"
                                                           "00"
                                                           "64"
                                                           "00"
                                                           "00");
  CHECK(hex(encode({State::Running, 0x010203, kWhen, true})) == label +
                                                                    "03020100"
                                                                    "00"
                                                                    "75"
                                                                    "00"
                                                                    "01");
  CHECK(hex(encode({State::Running, 1, kWhen, false, false, true, true})) == label +
                                                                                 "01000000"
                                                                                 "01"
                                                                                 "64"
                                                                                 "01"
                                                                                 "01");
  CHECK(hex(encode({State::Finishing, 7, kWhen, true})) == label +
                                                               "07000000"
                                                               "00"
                                                               "75"
                                                               "00"
                                                               "02");
}

TEST_CASE("the status for people names what is out of the ordinary") {
  CHECK(describe({State::Down, 0, kWhen, true}) == "down\n");
  CHECK(describe({State::Down, 0, kWhen, false}) == "down\n");
  CHECK(describe({State::Running, 7, kWhen, true}) == "run\n");
  CHECK(describe({State::Running, 7, kWhen, false, false, true, true}) == "run, paused, got TERM, want down\n");
  CHECK(describe({State::Running, 7, kWhen, false, true}) == "run, want exit\n");
  CHECK(describe({State::Finishing, 7, kWhen, true}) == "finish\n");
}

TEST_CASE("supervise/ is made as runsv makes it, for nobody else's eyes") {
  Tree tree;
  const std::string path = tree.path("/supervise");
  const Supervise supervise = open(path);
  CHECK(mode_of(path) == (S_IFDIR | 0700));
  CHECK(mode_of(path + "/ok") == (S_IFIFO | 0600));
  CHECK(mode_of(path + "/control") == (S_IFIFO | 0600));
  CHECK(mode_of(path + "/lock") == (S_IFREG | 0600));
}

TEST_CASE("as long as somebody looks after it, the FIFOs have a reader") {
  Tree tree;
  const std::string path = tree.path("/supervise");
  {
    const Supervise supervise = open(path);
    CHECK(has_reader(path + "/ok"));
    CHECK(has_reader(path + "/control"));
  }
  CHECK(!has_reader(path + "/ok"));
  CHECK(!has_reader(path + "/control"));
}

TEST_CASE("letters are read in order, also when who wrote them has gone") {
  Tree tree;
  const std::string path = tree.path("/supervise");
  const Supervise supervise = open(path);
  CHECK(supervise.control().read().empty());
  write_letters(path + "/control", "tc");
  write_letters(path + "/control", "u");
  CHECK(supervise.control().read() == "tcu");
  CHECK(supervise.control().read().empty());
}

TEST_CASE("a flood of letters is read in parts") {
  Tree tree;
  const std::string path = tree.path("/supervise");
  const Supervise supervise = open(path);
  write_letters(path + "/control", std::string(100, 'h'));
  CHECK(supervise.control().read().size() == 64);
  CHECK(supervise.control().read().size() == 36);
}

TEST_CASE("what is shown is in status, stat and pid, and nothing else is left there") {
  Tree tree;
  const std::string path = tree.path("/supervise");
  Supervise supervise = open(path);
  CHECK(supervise.show({State::Running, 123, kWhen, true}) == 0);
  CHECK(content_of(path + "/stat") == "run\n");
  CHECK(content_of(path + "/pid") == "123\n");
  CHECK(content_of(path + "/status").size() == 20);
  CHECK(supervise.show({State::Down, 0, kWhen, true}) == 0);
  CHECK(content_of(path + "/stat") == "down\n");
  CHECK(content_of(path + "/pid").empty());
  CHECK(access((path + "/status.new").c_str(), F_OK) != 0);
}

TEST_CASE("what somebody puts in the way of the status keeps nobody waiting, and is not written to") {
  Tree tree;
  const std::string path = tree.path("/supervise");
  Supervise supervise = open(path);
  tree.file("/precious", "precious");
  SUBCASE("a FIFO that nobody reads") { REQUIRE(mkfifo((path + "/status.new").c_str(), 0600) == 0); }
  SUBCASE("a link") { tree.link(tree.path("/precious"), "/supervise/status.new"); }
  SUBCASE("a hard link") { REQUIRE(link(tree.path("/precious").c_str(), (path + "/status.new").c_str()) == 0); }
  CHECK(supervise.show({.state = State::Running, .pid = 7, .since = kWhen, .wanted = true}) == 0);
  CHECK(content_of(path + "/status").size() == 20);
  CHECK(content_of(path + "/stat") == "run\n");
  CHECK(content_of(tree.path("/precious")) == "precious");
}

TEST_CASE("supervise/ of an earlier life of the container is used again") {
  Tree tree;
  const std::string path = tree.path("/supervise");
  { const Supervise supervise = open(path); }
  const Supervise supervise = open(path);
  CHECK(has_reader(path + "/ok"));
}

TEST_CASE("two cannot look after the same service") {
  Tree tree;
  const std::string path = tree.path("/supervise");
  const Supervise first = open(path);
  for (int i = 0; i < 2; ++i) CHECK(why_not(path) == path + "/lock is held: another runsv looks after it");
}

TEST_CASE("who asks by fcntl whether it is locked, as s6 does, sees that, also after others have tried") {
  Tree tree;
  const std::string path = tree.path("/supervise");
  const Supervise first = open(path);
  why_not(path);
  const int file = ::open((path + "/lock").c_str(), O_WRONLY | O_CLOEXEC);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  CHECK(fcntl(file, F_OFD_GETLK, &whole) == 0);
  CHECK(whole.l_type == F_WRLCK);
  close(file);
}

TEST_CASE("a dangling link gets what it leads to, with the directories on the way") {
  Tree tree;
  tree.directory("/sv").link(tree.path("/run/runit/web"), "/sv/supervise");
  const Supervise supervise = open(tree.path("/sv/supervise"));
  CHECK(mode_of(tree.path("/run/runit/web")) == (S_IFDIR | 0700));
  CHECK(has_reader(tree.path("/run/runit/web/ok")));
}

TEST_CASE("a link may be relative to where it is") {
  Tree tree;
  tree.directory("/sv").link("../run/web", "/sv/supervise");
  const Supervise supervise = open(tree.path("/sv/supervise"));
  CHECK(has_reader(tree.path("/run/web/ok")));
}

TEST_CASE("what is no FIFO is not taken for one, nor what a link in the place of one leads to") {
  Tree tree;
  SUBCASE("a file") { tree.file("/supervise/control"); }
  SUBCASE("a link") { tree.directory("/supervise").link("/dev/null", "/supervise/control"); }
  CHECK(why_not(tree.path("/supervise")).starts_with(tree.path("/supervise/control") + ": "));
}

TEST_CASE("a directory that cannot be made is named") {
  Tree tree;
  tree.file("/file");
  CHECK(why_not(tree.path("/file/supervise")) == tree.path("/file/supervise") + ": Not a directory");
}

TEST_CASE("the state is kept in the service directory, or in a substitute of it where that is not possible") {
  Tree tree;
  tree.file("/sv/run", "#!/bin/sh\n", 0755).file("/sv/check").directory("/sv/log");
  SUBCASE("there") { CHECK(*find_supervise(tree.path("/sv"), tree.path("/state")) == tree.path("/sv/supervise")); }
  SUBCASE("elsewhere") {
    tree.file("/sv/supervise");
    CHECK(*find_supervise(tree.path("/sv"), tree.path("/state/sv")) == tree.path("/state/sv/supervise"));
    CHECK(mode_of(tree.path("/state/sv/run")) == (S_IFLNK | 0777));
    CHECK(access(tree.path("/state/sv/run").c_str(), X_OK) == 0);
    CHECK(access(tree.path("/state/sv/check").c_str(), F_OK) == 0);
    CHECK(access(tree.path("/state/sv/log").c_str(), F_OK) != 0);  // the logger's has a state of its own
  }
}

TEST_CASE("a substitute of an earlier start leads to where the service is now, and what is no link is left alone") {
  Tree tree;
  tree.file("/old/run").file("/sv/run").file("/sv/check").file("/state/check", "mine");
  tree.link(tree.path("/old/run"), "/state/run");
  REQUIRE(make_substitute(tree.path("/sv"), tree.path("/state")));
  CHECK(target_of(tree.path("/state/run")) == tree.path("/sv/run"));
  CHECK(content_of(tree.path("/state/check")) == "mine");
}

TEST_CASE("where the state cannot be kept anywhere, why the service directory cannot be written is told") {
  Tree tree;
  tree.directory("/sv/supervise");
  const std::string message = in_child([&] {
    if (chmod(tree.path().c_str(), 0755) != 0 || setresuid(1000, 1000, 1000) != 0) return std::string("cannot prepare");
    const Result<std::string> found = find_supervise(tree.path("/sv"), tree.path("/state"));
    return found ? *found : found.error().message;
  });
  CHECK(message == tree.path("/sv/supervise") + ": Permission denied");
}

TEST_CASE("ends are written down for s6-permafailon, the last ones only") {
  const Tree tree;
  const std::string path = tree.path("/supervise");
  const Supervise supervise = open(path);
  CHECK(supervise.add_death(2, kWhen, WaitStatus::exited(3)) == 0);
  // As above, but with leap seconds: 37 instead of 10.
  const std::string label = "4000000065e11aa31dcd6500";
  CHECK(hex(content_of(path + "/death_tally")) == label + "0300");
  supervise.add_death(2, kWhen, WaitStatus::signaled(Signal{SIGKILL}));
  CHECK(hex(content_of(path + "/death_tally")) == label + "0300" + label + "0009");
  supervise.add_death(2, kWhen, WaitStatus::exited(7));
  CHECK(hex(content_of(path + "/death_tally")) == label + "0009" + label + "0700");
}

TEST_CASE("a tally that somebody has cut off is mended") {
  Tree tree;
  tree.file("/supervise/death_tally", std::string(20, 'x'));
  CHECK(open(tree.path("/supervise")).add_death(100, kWhen, WaitStatus::exited(0)) == 0);
  CHECK(content_of(tree.path("/supervise/death_tally")).size() == 28);
}

// ---- A supervise/ of another user

namespace {

// A directory of root's with a file that no other user may change, and supervise/ in it, which is another user's.
struct Given : Tree {
  Given() {
    file("/secret", "secret").directory("/supervise");
    REQUIRE(chmod(path().c_str(), 0755) == 0);
    REQUIRE(chown(path("/supervise").c_str(), 1000, 1000) == 0);
  }
  void check_secret() const {
    CHECK(content_of(path("/secret")) == "secret");
    CHECK(names_in(path()) == std::vector<std::string>{"secret", "supervise"});
  }
};

}  // namespace

TEST_CASE("no link of another user is followed by what is written down") {
  Given tree;
  Supervise supervise = open(tree.path("/supervise"));
  for (const char* name : {"death_tally", "death_tally.new", "status", "status.new", "stat", "pid"}) {
    tree.link("../secret", std::string("/supervise/") + name);
  }
  CHECK(supervise.add_death(2, kWhen, WaitStatus::exited(3)) == 0);
  CHECK(supervise.show({State::Running, 7, kWhen}) == 0);
  CHECK(mode_of(tree.path("/supervise/death_tally")) == (S_IFREG | 0644));
  CHECK(mode_of(tree.path("/supervise/status")) == (S_IFREG | 0644));
  tree.check_secret();
}

TEST_CASE("no hard link of another user is written to, and none is locked or read for letters") {
  Given tree;
  const auto link_to_secret = [&](const char* name) {
    REQUIRE(link(tree.path("/secret").c_str(), tree.path(std::string("/supervise/") + name).c_str()) == 0);
  };
  SUBCASE("what is written down") {
    const Supervise supervise = open(tree.path("/supervise"));
    link_to_secret("death_tally");
    CHECK(supervise.add_death(2, kWhen, WaitStatus::exited(3)) == 0);
    CHECK(content_of(tree.path("/supervise/death_tally")).size() == 14);
  }
  SUBCASE("the lock") {
    link_to_secret("lock");
    CHECK(why_not(tree.path("/supervise")) == tree.path("/supervise/lock") + ": Too many links");
  }
  tree.check_secret();
}

TEST_CASE("a FIFO of another user in the place of a file is not waited for") {
  Given tree;
  const auto make_fifo = [&](const char* name) {
    const std::string path = tree.path(std::string("/supervise/") + name);
    unlink(path.c_str());
    REQUIRE(mkfifo(path.c_str(), 0666) == 0);
  };
  const auto body = [&](const char* name) {
    return in_child([&] {
      Result<Supervise> supervise = Supervise::open(tree.path("/supervise"));
      if (!supervise) return supervise.error().message;
      make_fifo(name);
      make_fifo((std::string(name) + ".new").c_str());
      return std::to_string(supervise->add_death(2, kWhen, WaitStatus::exited(3)) +
                            supervise->show({State::Running, 7, kWhen}));
    });
  };
  CHECK(body("death_tally") == "0");
  CHECK(body("status") == "0");
  CHECK(unlink(tree.path("/supervise/lock").c_str()) == 0);
  make_fifo("lock");
  CHECK(body("none") == tree.path("/supervise/lock") + ": No such device or address");
}

TEST_CASE("a tally that cannot be read for want of descriptors is not begun anew") {
  const Tree tree;
  const auto body = [&] {
    const Result<Supervise> supervise = Supervise::open(tree.path("/supervise"));
    supervise->add_death(9, kWhen, WaitStatus::exited(3));
    const rlimit64 none{0, 0};
    os::sys::setrlimit(RLIMIT_NOFILE, &none);
    return std::to_string(supervise->add_death(9, kWhen, WaitStatus::exited(3)));
  };
  CHECK(in_child(body) == std::to_string(EMFILE));
  CHECK(content_of(tree.path("/supervise/death_tally")).size() == 14);
}

TEST_CASE("a supervise that another user has made a link leads nowhere") {
  Tree tree;
  tree.directory("/service").directory("/target").link("../target/new", "/service/supervise");
  REQUIRE(chmod(tree.path().c_str(), 0755) == 0);
  REQUIRE(chown(tree.path("/service").c_str(), 1000, 1000) == 0);
  CHECK(why_not(tree.path("/service/supervise")) ==
        tree.path("/service/supervise") + ": Too many levels of symbolic links");
  CHECK(names_in(tree.path("/target")).empty());
  // Its state is somewhere else then.
  CHECK(*find_supervise(tree.path("/service"), tree.path("/state")) == tree.path("/state/supervise"));
}

// A file system without locks, or a filter of system calls.
TEST_CASE("a lock that cannot be had is not reported as held") {
  const Tree tree;
  const auto body = [&] {
    refuse_call(SYS_flock, ENOSYS);
    const Result<Supervise> supervise = Supervise::open(tree.path("/supervise"));
    return supervise ? "opened" : supervise.error().message;
  };
  CHECK(in_child(body) == tree.path("/supervise/lock cannot be locked: Function not implemented"));
}
