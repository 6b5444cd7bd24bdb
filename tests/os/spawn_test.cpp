// What the child of os::spawn() is when its program starts, and what a failure leaves.
#include "os/spawn.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

#include "files.hpp"
#include "forked.hpp"
#include "launch.hpp"
#include "os/file.hpp"
#include "os/signals.hpp"

using namespace cinit::test;
namespace os = cinit::os;
namespace sys = cinit::os::sys;
using cinit::StartStage;
using Leadership = cinit::os::ChildSetup::Leadership;

namespace {

// pid, process group and session of a child, as it reads them itself, and those of its parent.
struct Identity {
  pid_t pid = 0, group = 0, session = 0;
};

Identity identity_with(Leadership leadership) {
  Launch launch({"/bin/cat", "/proc/self/stat"});
  launch.setup.leadership = leadership;
  std::istringstream fields(launch.run());
  Identity read;
  std::string name, state;
  pid_t parent = 0;
  fields >> read.pid >> name >> state >> parent >> read.group >> read.session;
  CHECK(parent == getpid());
  return read;
}

std::size_t open_descriptors() { return names_in("/proc/self/fd").size(); }

}  // namespace

TEST_CASE("the result is the pid of the program, which is a child") {
  Launch launch(shell("echo $$"));
  const os::SpawnResult result = launch.start();
  REQUIRE(result.pid > 0);
  CHECK(launch.output() == std::to_string(result.pid) + "\n");
  CHECK(end_of(result.pid) == "code 0");
}

TEST_CASE("the program gets its arguments and its environment, and nothing else") {
  Launch launch({"/usr/bin/env", "printenv", "A", "B"}, {"A=1", "B=two words", "PATH=/usr/bin:/bin"});
  CHECK(launch.run() == "1\ntwo words\n[code 0]");
  Launch all({"/usr/bin/env"}, {"X=y"});
  CHECK(all.run() == "X=y\n[code 0]");
}

TEST_CASE("a service leads a session, a main command a process group, and others neither") {
  const Identity service = identity_with(Leadership::Session);
  CHECK(service.group == service.pid);
  CHECK(service.session == service.pid);
  const Identity main = identity_with(Leadership::ProcessGroup);
  CHECK(main.group == main.pid);
  CHECK(main.session == getsid(0));
  const Identity other = identity_with(Leadership::None);
  CHECK(other.group == getpgrp());
  CHECK(other.session == getsid(0));
}

// ---- Descriptors

TEST_CASE("standard input, output and error go where they are sent") {
  const TemporaryDirectory directory;
  write_file(directory.path() + "/in", "asked");
  const os::Fd in(sys::open(AT_FDCWD, (directory.path() + "/in").c_str(), O_RDONLY | O_CLOEXEC));
  const os::Fd err(sys::open(AT_FDCWD, (directory.path() + "/err").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  Launch launch(shell("cat; echo oops >&2"));
  launch.setup.stdin_fd = in.get();
  launch.setup.stderr_fd = err.get();
  CHECK(launch.run() == "asked[code 0]");
  CHECK(read_file(directory.path() + "/err") == "oops\n");
}

TEST_CASE("standard error can go where standard output goes") {
  Launch launch(shell("echo out; echo err >&2"));
  launch.setup.stderr_to_stdout = true;
  CHECK(launch.run() == "out\nerr\n[code 0]");
}

TEST_CASE("input and output may be the same descriptor") {
  const os::Fd null = os::open_null();
  Launch launch(shell("readlink /proc/$$/fd/0; readlink /proc/$$/fd/2"));
  launch.setup.stdin_fd = null.get();
  launch.setup.stderr_fd = null.get();
  CHECK(launch.run() == "/dev/null\n/dev/null\n[code 0]");
}

TEST_CASE("of the other descriptors only those that are to be kept reach the program") {
  const auto body = [] {
    os::take_inherited_descriptors();
    for (const int fd : {20, 21, 22}) {
      if (sys::dup3(0, fd, O_CLOEXEC) != fd) return std::string("dup3");
    }
    Launch launch(shell("for i in 3 4 5 6 7 8 20 21 22; do [ -e /proc/self/fd/$i ] && echo $i; done; true"));
    const std::array<int, 2> kept{20, 22};
    launch.setup.kept_fds = kept.data();
    launch.setup.kept_fds_count = kept.size();
    const std::string text = launch.run();
    return text + (fcntl(20, F_GETFD) == FD_CLOEXEC ? " and still ours" : " and open for all");
  };
  CHECK(in_child(body) == "20\n22\n[code 0] and still ours");
}

TEST_CASE("a descriptor that is not open fails at the stream that it was for") {
  constexpr int kClosed = 9999;
  Launch in({"/bin/true"});
  in.setup.stdin_fd = kClosed;
  CHECK(in.run() == failed_at(StartStage::Stdin, EBADF));
  Launch out({"/bin/true"});
  out.setup.stdout_fd = kClosed;
  CHECK(out.run() == failed_at(StartStage::Stdout, EBADF));
  Launch err({"/bin/true"});
  err.setup.stderr_fd = kClosed;
  CHECK(err.run() == failed_at(StartStage::Stderr, EBADF));
}

// ---- Signals

TEST_CASE("the program starts with the mask of the setup, although its parent blocks everything") {
  const auto body = [] {
    os::block_signals();
    return status_fields({"SigBlk:"}) +
           status_fields({"SigBlk:"}, [](os::ChildSetup& setup) { setup.mask = os::SignalSet::of(SIGUSR1); });
  };
  CHECK(in_child(body) == "SigBlk: 0000000000000000\nSigBlk: 0000000000000200\n");
}

TEST_CASE("the program starts with default dispositions once the inherited ones are reset") {
  const auto body = [] {
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    os::reset_ignored_signals();
    return status_fields({"SigIgn:", "SigCgt:"});
  };
  CHECK(in_child(body) == "SigIgn: 0000000000000000\nSigCgt: 0000000000000000\n");
}

TEST_CASE("a signal that is sent right after the start reaches the program") {
  const auto body = [] {
    os::block_signals();
    std::string ends;
    for (int i = 0; i < 50; ++i) {
      Launch launch({"/bin/sleep", "30"});
      const os::SpawnResult result = launch.start();
      kill(result.pid, SIGTERM);
      const std::string end = end_of(result.pid);
      if (end != "signal 15") ends += end + "; ";
    }
    return ends;
  };
  CHECK(in_child(body) == "");
}

TEST_CASE("a signal that the program starts with as blocked is kept for it") {
  const auto body = [] {
    os::block_signals();
    // It waits for its standard input, so that the signal is there before it looks.
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return std::string("pipe2");
    Launch waiting(shell("read line; exec grep ^ShdPnd: /proc/self/status"));
    waiting.setup.stdin_fd = ends[0];
    waiting.setup.mask = os::SignalSet::of(SIGTERM);
    const os::SpawnResult result = waiting.start();
    kill(result.pid, SIGTERM);
    if (write(ends[1], "\n", 1) != 1) return std::string("write");
    const std::string text = waiting.output();
    return text + end_of(result.pid);
  };
  CHECK(in_child(body) == "ShdPnd:\t0000000000004000\ncode 0");
}

// ---- Limits, user, surroundings

TEST_CASE("limits are set, soft and hard") {
  const os::ResourceLimit limits[] = {{RLIMIT_NOFILE, {77, 88}}, {RLIMIT_CORE, {0, 0}}};
  Launch launch(shell("ulimit -Sn; ulimit -Hn; ulimit -Hc"));
  launch.setup.limits = limits;
  launch.setup.limits_count = 2;
  CHECK(launch.run() == "77\n88\n0\n[code 0]");
}

TEST_CASE("a limit above the hard limit is refused without privilege, and the result says which one it was") {
  const auto body = [] {
    become_nobody();
    const rlimit low{50, 50};
    setrlimit(RLIMIT_NOFILE, &low);
    const os::ResourceLimit limits[] = {{RLIMIT_CORE, {0, 0}}, {RLIMIT_NOFILE, {60, 60}}};
    Launch launch({"/bin/true"});
    launch.setup.limits = limits;
    launch.setup.limits_count = 2;
    const os::SpawnResult result = launch.start();
    return failed_at(result.stage, result.error) + ", limit " + std::to_string(result.limit);
  };
  CHECK(in_child(body) == failed_at(StartStage::Limits, EPERM) + ", limit 1");
}

TEST_CASE("user, group and supplementary groups are what the setup says, in all of their forms") {
  const std::array<gid_t, 2> groups{4001, 4002};
  const auto become = [&](os::ChildSetup& setup) {
    setup.groups = groups.data();
    setup.groups_count = groups.size();
    setup.set_gid = true;
    setup.gid = 4000;
    setup.set_uid = true;
    setup.uid = 3000;
  };
  CHECK(status_fields({"Uid:", "Gid:", "Groups:", "CapEff:"}, become) ==
        "Uid: 3000 3000 3000 3000\nGid: 4000 4000 4000 4000\nGroups: 4001 4002\nCapEff: 0000000000000000\n");
}

TEST_CASE("no supplementary groups are not the same as unchanged ones") {
  const auto body = [] {
    const std::array<gid_t, 1> own{4003};
    setgroups(own.size(), own.data());
    static constexpr gid_t kUnused = 0;
    return status_fields({"Groups:"}) +
           status_fields({"Groups:"}, [](os::ChildSetup& setup) { setup.groups = &kUnused; });
  };
  CHECK(in_child(body) == "Groups: 4003\nGroups:\n");
}

TEST_CASE("without privilege another identity fails at its own step") {
  const auto attempt = [](void (*change)(os::ChildSetup&)) {
    return in_child([&] {
      become_nobody();
      Launch launch({"/bin/true"});
      change(launch.setup);
      return launch.run();
    });
  };
  static const gid_t group = 0;
  CHECK(attempt([](os::ChildSetup& setup) {
          setup.groups = &group;
          setup.groups_count = 1;
        }) == failed_at(StartStage::Groups, EPERM));
  CHECK(attempt([](os::ChildSetup& setup) { setup.set_gid = true; }) == failed_at(StartStage::Group, EPERM));
  CHECK(attempt([](os::ChildSetup& setup) { setup.set_uid = true; }) == failed_at(StartStage::User, EPERM));
  CHECK(attempt([](os::ChildSetup& setup) {
          setup.set_uid = true;
          setup.uid = kNobody;
        }) == "[code 0]");
}

TEST_CASE("starting as another user leaves /proc/PID of the parent open to its own user") {
  // A child that shares our memory changes its identity: the kernel then takes that memory for secret (PR_SET_DUMPABLE), and
  // /proc/1/fd/1, a common place for logs, could not be opened by the container's own root any more.
  const auto body = [] {
    Launch launch({"/bin/true"});
    launch.setup.set_uid = true;
    launch.setup.uid = kNobody;
    return in_order({launch.run(), " dumpable ", std::to_string(prctl(PR_GET_DUMPABLE))});
  };
  CHECK(in_child(body) == "[code 0] dumpable 1");
}

TEST_CASE("the working directory is looked up as the user that the program has") {
  const TemporaryDirectory directory;
  make_directories(directory.path() + "/closed");
  write_program(directory.path() + "/file", "", 0644);
  Launch there(shell("pwd"));
  const std::string path = directory.path();
  there.setup.working_dir = path.c_str();
  CHECK(there.run() == path + "\n[code 0]");

  const auto fails = [&](const std::string& name) {
    const std::string where = directory.path() + name;
    Launch launch(shell("pwd"));
    launch.setup.working_dir = where.c_str();
    launch.setup.set_uid = true;
    launch.setup.uid = kNobody;
    return launch.run();
  };
  CHECK(fails("/closed") == failed_at(StartStage::WorkingDir, EACCES));  // mkdtemp(3) makes it for its owner alone
  Launch missing({"/bin/true"});
  missing.setup.working_dir = "/nonexistent";
  CHECK(missing.run() == failed_at(StartStage::WorkingDir, ENOENT));
  Launch file({"/bin/true"});
  const std::string file_path = directory.path() + "/file";
  file.setup.working_dir = file_path.c_str();
  CHECK(file.run() == failed_at(StartStage::WorkingDir, ENOTDIR));
}

TEST_CASE("the umask is inherited, or what the setup says, and never the parent's loss") {
  const auto body = [] {
    umask(0027);
    Launch inherited(shell("umask"));
    Launch given(shell("umask"));
    given.setup.set_umask = true;
    given.setup.umask = 0077;
    std::ostringstream text;
    text << inherited.run() << given.run() << std::oct << umask(0);
    return text.str();
  };
  CHECK(in_child(body) == "0027\n[code 0]0077\n[code 0]27");
}

TEST_CASE("the program finds its own pid where the setup wants it, at every start") {
  std::string variable = "LISTEN_PID=" + std::string(12, '0');
  Launch launch(shell("[ \"$LISTEN_PID\" = $$ ] && echo same"), {variable});
  launch.setup.pid_text = launch.setup.envp[0] + std::string("LISTEN_PID=").size();
  for (int i = 0; i < 2; ++i) {
    const os::SpawnResult result = launch.start();
    REQUIRE(result.pid > 0);
    CHECK(std::string(launch.setup.pid_text) == std::to_string(result.pid));
    CHECK(end_of(result.pid) == "code 0");
  }
  CHECK(launch.output() == "same\nsame\n");
}

// ---- What is left behind

TEST_CASE("when there is no room for another process, it fails at the fork") {
  const auto body = [] {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_NPROC, &none);
    become_nobody();
    return Launch({"/bin/true"}).run();
  };
  CHECK(in_child(body) == failed_at(StartStage::Fork, EAGAIN));
}

TEST_CASE("a failed start leaves no child, at whatever step it fails") {
  const auto body = [] {
    Launch exec({"/nonexistent"});
    Launch directory({"/bin/true"});
    directory.setup.working_dir = "/nonexistent";
    Launch input({"/bin/true"});
    input.setup.stdin_fd = 9999;
    std::string text = exec.run() + "; " + directory.run() + "; " + input.run() + "; ";
    return text + (waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD ? "no child" : "a child");
  };
  CHECK(in_child(body) == failed_at(StartStage::Exec, ENOENT) + "; " + failed_at(StartStage::WorkingDir, ENOENT) +
                              "; " + failed_at(StartStage::Stdin, EBADF) + "; no child");
}

TEST_CASE("a failed start can be told from a program that exits with 127") {
  CHECK(Launch(shell("exit 127")).run() == "[code 127]");
}

TEST_CASE("a thousand starts, failed ones among them, leave no descriptor behind") {
  Launch works({"/bin/true"});
  Launch fails({"/nonexistent"});
  const std::size_t before = open_descriptors();
  int failed = 0;
  for (int i = 0; i < 1000; ++i) {
    const os::SpawnResult result = i % 4 == 0 ? fails.start() : works.start();
    if (result.pid == 0) ++failed;
    if (result.pid != 0) end_of(result.pid);
  }
  CHECK(failed == 250);
  CHECK(open_descriptors() == before);
}

// ---- A start that is not waited for

TEST_CASE("a child that is stopped before its exec keeps nobody waiting, and SIGKILL ends the start") {
  // Its user stops it: that is what kill(-1, SIGSTOP) of another process does. A lease on its program is as good.
  const TemporaryDirectory directory;
  write_program(directory.path() + "/program", "#!/bin/sh\n");
  const os::Fd leased(os::sys::open(AT_FDCWD, (directory.path() + "/program").c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(fcntl(leased.get(), F_SETLEASE, F_WRLCK) == 0);
  signal(SIGIO, SIG_IGN);
  Launch launch({directory.path() + "/program"});
  os::PendingSpawn pending(launch.setup);
  REQUIRE(pending.pid() > 0);
  CHECK(!pending.result());
  kill(pending.pid(), SIGKILL);
  CHECK(end_of(pending.pid()) == "signal 9");
  const auto result = pending.result();  // its end has closed the pipe
  REQUIRE(result);
  CHECK(result->pid == pending.pid());
}

TEST_CASE("what fails between clone and exec is told with its step, whether the child shares our memory or not") {
  for (const bool other_user : {false, true}) {
    CAPTURE(other_user);
    Launch launch({"/nonexistent/program"});
    launch.setup.set_uid = other_user;
    launch.setup.uid = kNobody;
    const os::SpawnResult result = launch.start();
    CHECK(result.pid == 0);
    CHECK(result.stage == StartStage::Exec);
    CHECK(result.error == ENOENT);
    CHECK(std::string(result.reason) == "/nonexistent/program: No such file or directory");
  }
}

TEST_CASE("many starts under way at once each have their own result") {
  constexpr int kCount = 40;
  std::vector<std::unique_ptr<Launch>> launches;
  std::vector<std::unique_ptr<os::PendingSpawn>> pending;
  for (int i = 0; i < kCount; ++i) {
    launches.push_back(std::make_unique<Launch>(i % 2 == 0
                                                    ? shell("exit " + std::to_string(i))
                                                    : std::vector<std::string>{"/nonexistent/" + std::to_string(i)}));
    pending.push_back(std::make_unique<os::PendingSpawn>(launches.back()->setup));
  }
  for (int i = 0; i < kCount; ++i) {
    const auto at = static_cast<std::size_t>(i);
    CAPTURE(i);
    const std::string end = end_of(pending[at]->pid());
    const auto result = pending[at]->result();
    REQUIRE(result);
    if (i % 2 == 0) CHECK(end == "code " + std::to_string(i));
    if (i % 2 != 0)
      CHECK(std::string(result->reason) == "/nonexistent/" + std::to_string(i) + ": No such file or directory");
  }
}

TEST_CASE("the descriptor for readiness may have the number of the report") {
  std::array<int, 2> ends{};
  REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
  // The pipe of the report gets the next two free numbers, of which the child has the second one.
  const int number = os::Fd(fcntl(0, F_DUPFD_CLOEXEC, 3)).get() + 3;
  Launch launch({"/nonexistent"});
  launch.setup.extra_fd = ends[1];
  launch.setup.extra_number = number;
  CHECK(launch.run() == failed_at(StartStage::Exec, ENOENT));
  close(ends[0]);
  close(ends[1]);
}
