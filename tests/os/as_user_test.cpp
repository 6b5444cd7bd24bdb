#include "os/as_user.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include "forked.hpp"
#include "fuse_server.hpp"
#include "os/clock.hpp"
#include "os/trusted_path.hpp"
#include "user_tree.hpp"

using namespace cinit::test;
using namespace std::chrono_literals;
namespace os = cinit::os;
using What = os::FileTask::What;

namespace {

const os::Identity kOwn;

os::Identity user(uid_t uid) { return {uid, uid, {uid}}; }

cinit::Result<os::FileYield> answer_of(os::FileProcess& process) {
  if (process.fd() < 0) return *process.take();
  for (int turns = 0; turns < 1000; ++turns) {
    pollfd wanted{process.fd(), POLLIN, 0};
    poll(&wanted, 1, 10000);
    if (auto answer = process.take()) return *std::move(answer);
  }
  throw std::runtime_error("a busy loop");
}

// As it is used: for a place that is not trusted.
class Work {
 public:
  Work(const std::string& path, What what, const os::Identity& who, std::uint32_t max_files = 3)
      : place_(*os::find_place(path)) {
    if (place_.trusted) throw std::runtime_error(path + " is trusted");
    task_ = {what, place_.directory.get(), place_.name, max_files, 1 << 20, who};
  }
  cinit::Result<os::FileYield> result() const {
    os::FileProcess process(task_);
    auto answer = answer_of(process);
    end_of(-1);
    return answer;
  }
  const os::FileTask& task() const { return task_; }

 private:
  os::Place place_;
  os::FileTask task_;
};

std::string put(const cinit::Result<os::FileYield>& result, const std::string& text) {
  if (!result) return result.error().message;
  return write(result->file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? "written"
                                                                                                  : "not written";
}

std::string log_to(const std::string& path, const os::Identity& who) {
  return put(Work(path, What::OpenLog, who).result(), "line\n");
}

std::string read(const std::string& path, const os::Identity& who) {
  const auto result = Work(path, What::Read, who).result();
  return result ? result->content : result.error().message;
}

// A process of the user's that has a write lease on the file, so that no other process opens it.
pid_t hold(const std::string& path, uid_t who) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("pipe");
  const pid_t holder = fork_process([&] {
    signal(SIGIO, SIG_IGN);
    if (setresuid(who, who, who) != 0) _exit(1);
    const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fcntl(file, F_SETLEASE, F_WRLCK) != 0 || write(ends[1], "x", 1) != 1) _exit(2);
    while (true) pause();
  });
  close(ends[1]);
  char byte = 0;
  const bool holds = ::read(ends[0], &byte, 1) == 1;
  close(ends[0]);
  if (!holds) throw std::runtime_error("no lease");
  return holder;
}

// The last child that was made.
pid_t last_child() {
  std::ifstream file("/proc/thread-self/children");
  pid_t pid = 0;
  while (file >> pid) {
  }
  return pid;
}

// Whether the process has got as far as using that user's rights.
bool acts_as(pid_t pid, uid_t who) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  uid_t real = 0;
  uid_t effective = 0;
  while (file >> word && word != "Uid:") {
  }
  return file >> real >> effective && real == 0 && effective == who;
}

}  // namespace

TEST_CASE(
    "a log in a user's directory is made with that user's rights, belongs to the user, and is appended to later") {
  const UserTree tree;
  const auto first = Work(tree / "home/logs/web.log", What::OpenLog, user(kUser)).result();
  CHECK(put(first, "one\n") == "written");
  CHECK((fcntl(first->file.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(log_to(tree / "home/logs/web.log", user(kUser)) == "written");
  CHECK(tree.text("home/logs/web.log") == "one\nline\n");
  CHECK(tree.owner("home/logs/web.log") == kUser);
}

TEST_CASE("a user's links lead no further than that user may go") {
  const UserTree tree;
  tree.link(tree / "root/secret", "home/secret", kUser);
  tree.link(tree / "root/new", "home/dangling", kUser);
  tree.link(tree / "root", "home/directory", kUser);
  tree.link("../logs/own.log", "home/logs/own", kUser);
  CHECK(log_to(tree / "home/secret", user(kUser)) == "Permission denied");
  CHECK(log_to(tree / "home/dangling", user(kUser)) == "Permission denied");
  CHECK(log_to(tree / "home/directory/new", user(kUser)) == "Permission denied");
  CHECK(log_to(tree / "home/logs/own", user(kUser)) == "written");
  CHECK(read(tree / "home/secret", user(kUser)) == "Permission denied");
  CHECK(tree.text("root/secret") == "root's\n");
  CHECK(tree.text("root/new") == "(missing)");
  CHECK(tree.text("home/logs/own.log") == "line\n");
}

TEST_CASE("where others may change names no link of theirs is followed, neither by root nor by another user") {
  const UserTree tree;
  tree.file("home/mine", kUser, "mine\n");
  tree.link(tree / "home/mine", "shared/link", kOther);
  tree.link(tree / "root/secret", "shared/secret", kOther);
  tree.link(tree / "root", "shared/directory", kOther);
  tree.link(tree / "root/secret", "tmp/secret", kOther);
  CHECK(log_to(tree / "shared/link", user(kUser)) == "it is a symbolic link");
  for (const char* name : {"shared/secret", "tmp/secret"}) {
    CAPTURE(name);
    CHECK(log_to(tree / name, kOwn) == "it is a symbolic link");
    CHECK(read(tree / name, kOwn) == "it is a symbolic link");
  }
  CHECK(log_to(tree / "shared/directory/new", kOwn) == "a directory on the way is a symbolic link, or no directory");
  CHECK(tree.text("home/mine") == "mine\n");
  CHECK(tree.text("root/secret") == "root's\n");
  CHECK(tree.text("root/new") == "(missing)");
}

TEST_CASE("root's own log in a place of others is made, and appended to") {
  const UserTree tree;
  for (const char* name : {"shared/log", "tmp/log", "home/logs/log"}) {
    CAPTURE(name);
    CHECK(log_to(tree / name, kOwn) == "written");
    if (name != std::string("tmp/log")) CHECK(log_to(tree / name, kOwn) == "written");
    CHECK(tree.owner(name) == 0);
  }
  CHECK(tree.text("home/logs/log") == "line\nline\n");
}

TEST_CASE("a hard link is no log: another name may be the true one") {
  const UserTree tree;
  REQUIRE(link((tree / "root/secret").c_str(), (tree / "home/log").c_str()) == 0);
  REQUIRE(link((tree / "root/secret").c_str(), (tree / "tmp/log").c_str()) == 0);
  CHECK(log_to(tree / "home/log", kOwn) == "it has another name, too (a hard link)");
  CHECK(log_to(tree / "tmp/log", kOwn) == "it has another name, too (a hard link)");
  CHECK(log_to(tree / "home/log", user(kUser)) == "Permission denied");
  CHECK(read(tree / "home/log", kOwn) == "it has another name, too (a hard link)");
}

TEST_CASE("what could make the writer wait is no log") {
  const UserTree tree;
  tree.link("/dev/null", "home/null", kUser);
  tree.link("/dev/zero", "home/zero", kUser);
  make_directories(tree / "home/directory");
  CHECK(log_to(tree / "home/null", user(kUser)) == "written");
  CHECK(log_to(tree / "home/zero", user(kUser)) == "it is no regular file");
  CHECK(log_to(tree / "home/directory", user(kUser)) == "Is a directory");
  CHECK(log_to(tree / "home/directory/", user(kUser)) == "Is a directory");
  const auto body = [&] {
    const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) return std::string("no terminal");
    const std::string name = ptsname(terminal);
    if (chown(name.c_str(), kUser, kUser) != 0) return std::string("chown");
    tree.link(name, "home/terminal", kUser);
    setsid();
    return log_to(tree / "home/terminal", user(kUser)) + "; " + read(tree / "home/terminal", user(kUser)) + "; " +
           (open("/dev/tty", O_RDWR) < 0 ? "no terminal of ours" : "now it is ours");
  };
  CHECK(in_child(body) == "it is no regular file; it is no regular file; no terminal of ours");
}

TEST_CASE("a FIFO waits for no reader, and one of another user is none of root's logs") {
  const UserTree tree;
  REQUIRE(mkfifo((tree / "home/fifo").c_str(), 0600) == 0);
  tree.give("home/fifo", kUser);
  const auto result = Work(tree / "home/fifo", What::OpenLog, user(kUser)).result();
  CHECK(put(result, "line\n") == "written");
  CHECK((fcntl(result->file.get(), F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == (O_RDWR | O_NONBLOCK));
  CHECK(log_to(tree / "home/fifo", kOwn) == "it is a FIFO of another user");
  CHECK(read(tree / "home/fifo", user(kUser)) == "it is no regular file");
}

TEST_CASE("the user's supplementary groups count, and root's do not") {
  const UserTree tree;
  REQUIRE(chown((tree / "shared").c_str(), 0, 4321) == 0);
  REQUIRE(chmod((tree / "shared").c_str(), 0770) == 0);
  CHECK(log_to(tree / "shared/log", user(kUser)) == "Permission denied");
  CHECK(log_to(tree / "shared/log", {kUser, kUser, {kUser, 4321}}) == "written");
}

TEST_CASE("a log is put aside by its user, and a link in its place is not") {
  const UserTree tree;
  for (const char* text : {"first\n", "second\n", "third\n"}) {
    tree.file("home/logs/log", kUser, text);
    CHECK(put(Work(tree / "home/logs/log", What::RotateLog, user(kUser)).result(), "new\n") == "written");
  }
  CHECK(tree.text("home/logs/log") == "new\n");
  CHECK(tree.text("home/logs/log.1") == "third\n");
  CHECK(tree.text("home/logs/log.2") == "second\n");
  CHECK(tree.text("home/logs/log.3") == "(missing)");
  CHECK(tree.owner("home/logs/log") == kUser);
  tree.link(tree / "root/secret", "shared/log", kOther);
  CHECK(put(Work(tree / "shared/log", What::RotateLog, kOwn).result(), "") == "it is no regular file");
  tree.link(tree / "root", "home/directory", kUser);
  CHECK(put(Work(tree / "home/directory/secret", What::RotateLog, user(kUser)).result(), "") == "Permission denied");
  CHECK(tree.text("root/secret") == "root's\n");
}

TEST_CASE("a file is read up to the size that is allowed") {
  const UserTree tree;
  const std::string text = std::string((1 << 20) - 4, 'x') + "end\n";
  tree.file("home/env", kUser, text);
  CHECK((read(tree / "home/env", user(kUser)) == text));
  CHECK((read(tree / "home/env", kOwn) == text));
  tree.file("home/env", kUser, text + "x");
  CHECK(read(tree / "home/env", user(kUser)) == "it is longer than 1048576 bytes");
  CHECK(read(tree / "home/missing", user(kUser)) == "No such file or directory");
  tree.file("home/empty", kUser);
  CHECK(read(tree / "home/empty", user(kUser)).empty());
}

TEST_CASE("the process is not the user's to stop or to kill, and one that was killed may be tried again") {
  const UserTree tree;
  tree.file("home/log", kUser);
  const auto body = [&] {
    const pid_t holder = hold(tree / "home/log", kUser);
    os::FileProcess process(Work(tree / "home/log", What::OpenLog, user(kUser)).task());
    const pid_t child = last_child();
    if (!eventually([&] { return acts_as(child, kUser); })) return std::string("not begun");
    const std::string attack = end_of(fork_process([&] {
      if (setresgid(kUser, kUser, kUser) != 0 || setresuid(kUser, kUser, kUser) != 0) _exit(1);
      for (const int signal : {SIGSTOP, SIGKILL, SIGTERM}) {
        if (kill(child, signal) == 0 || errno != EPERM) _exit(2);
      }
      if (open(("/proc/" + std::to_string(child) + "/mem").c_str(), O_RDWR) >= 0) _exit(3);
      if (open(("/proc/" + std::to_string(child) + "/fd/3").c_str(), O_RDWR) >= 0) _exit(4);
    }));
    const bool is_under_way = !process.take();
    kill(child, SIGKILL);
    const auto answer = answer_of(process);
    kill(holder, SIGKILL);
    return attack + (is_under_way ? ", under way, " : ", ") + answer.error().message + ", " +
           std::to_string(answer.error().code == EINTR);
  };
  CHECK(in_child(body) == "code 0, under way, the process that tried was killed, 1");
}

TEST_CASE("what is held up by a lease is given up after a while, and works when that is over") {
  const UserTree tree;
  tree.file("home/log", kUser);
  const auto body = [&] {
    const pid_t holder = hold(tree / "home/log", kUser);
    const std::string refused = log_to(tree / "home/log", user(kUser));
    kill(holder, SIGKILL);
    end_of(holder);
    return refused + ", " + log_to(tree / "home/log", user(kUser));
  };
  CHECK(in_child(body) == "Resource temporarily unavailable, written");
}

TEST_CASE("a process that is stopped is given up in time, and ends itself") {
  const UserTree tree;
  tree.file("home/log", kUser);
  const auto body = [&] {
    const pid_t holder = hold(tree / "home/log", kUser);
    os::FileProcess process(Work(tree / "home/log", What::OpenLog, user(kUser)).task(), 300ms);
    const pid_t child = last_child();
    if (!eventually([&] { return acts_as(child, kUser); })) return std::string("not begun");
    kill(child, SIGSTOP);
    int status = 0;
    waitpid(child, &status, 0);
    kill(holder, SIGKILL);
    if (!WIFSIGNALED(status)) return std::string("not killed");
    return "signal " + std::to_string(WTERMSIG(status)) + ", " + answer_of(process).error().message;
  };
  CHECK(in_child(body) == "signal 9, the process that tried was killed");
}

// ---- File systems of a user's own

TEST_CASE("a file system that answers only when its user likes is the process's problem, and its files are no logs") {
  const auto body = [](bool answers) {
    const UserTree tree;
    enter_mount_namespace();
    const FuseServer server(tree / "home/logs", kUser, answers);
    os::FileProcess process(Work(tree / "home/logs/log", What::OpenLog, user(kUser)).task(), 1s);
    const auto answer = answer_of(process);
    return answer ? "opened" : answer.error().message;
  };
  CHECK(in_child([&] { return body(false); }) == "the process that tried was killed");
  CHECK(in_child([&] { return body(true); }) == "it lies in a file system that a user has mounted");
}

TEST_CASE("none of our descriptors stays open in the process") {
  const UserTree tree;
  tree.file("home/log", kUser);
  const auto body = [&] {
    const pid_t holder = hold(tree / "home/log", kUser);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return std::string("pipe2");
    const os::FileProcess process(Work(tree / "home/log", What::OpenLog, user(kUser)).task());
    close(ends[1]);
    pollfd wanted{ends[0], POLLIN, 0};
    const bool is_closed = poll(&wanted, 1, 10000) == 1;
    const bool is_there = kill(last_child(), 0) == 0;
    kill(holder, SIGKILL);
    return std::to_string(is_closed) + std::to_string(is_there);
  };
  CHECK(in_child(body) == "11");
}
