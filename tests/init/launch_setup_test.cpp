#include "init/launch_setup.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "base/capability.hpp"
#include "files.hpp"
#include "forked.hpp"
#include "init/env_files.hpp"
#include "os/file.hpp"

using namespace cinit;
using namespace cinit::init;
using namespace cinit::test;
using Leadership = os::ChildSetup::Leadership;

namespace {

// A service, what surrounds it, and what is put together from both.
struct Launched {
  Launched() {
    service.spec.name = "web";
    service.spec.command = {"/bin/true"};
    inherited.null = os::open_null();
  }

  LaunchSetup::Failed prepare() {
    setup.emplace(service, config, inherited);
    if (LaunchSetup::Failed failed = setup->identify()) return failed;
    EnvFiles files(setup->env_files(), setup->user());
    if (LaunchSetup::Failed failed = setup->take_env_files(files.take())) return failed;
    return setup->prepare();
  }
  // Why it cannot be prepared, "" when it can.
  std::string problem() {
    const LaunchSetup::Failed failed = prepare();
    return failed ? failed->detail : "";
  }
  // What the program would find in its environment, "NAME=VALUE;" in the order of the names.
  std::string environment() {
    const std::string wrong = problem();
    if (!wrong.empty()) return wrong;
    std::string text;
    for (char* const* variable = setup->child().envp; *variable; ++variable) text += std::string(*variable) + ";";
    return text;
  }
  const os::ChildSetup& child() {
    REQUIRE(problem() == "");
    return setup->child();
  }
  std::string explain(StartStage stage, int error, std::size_t limit = 0) {
    return setup->explain({0, stage, error, limit}).detail;
  }
  std::string explain_capability(StartStage stage, int error, const char* name) {
    return setup->explain({0, stage, error, 0, *parse_capability(name)}).detail;
  }

  core::PlannedService service;
  config::Config config;
  Inherited inherited;
  std::optional<LaunchSetup> setup;
};

constexpr char kPasswd[] =
    "root:x:0:0:root:/root:/bin/bash\n"
    "web:x:3000:4000:Web:/var/www:/usr/sbin/nologin\n";
constexpr char kGroup[] =
    "root:x:0:\n"
    "web:x:4000:\n"
    "logs:x:4001:web\n"
    "tty:x:4002:web\n";

// Runs `body` where /etc/passwd and /etc/group are those above.
std::string with_accounts(const Body& body) {
  return in_child([&] {
    enter_mount_namespace();
    replace_file("/etc/passwd", kPasswd);
    replace_file("/etc/group", kGroup);
    return body();
  });
}

// Who the child is to be: "uid U, gid G, groups G G", without what is unchanged.
std::string identity(Launched& launched) {
  const std::string wrong = launched.problem();
  if (!wrong.empty()) return wrong;
  const os::ChildSetup& child = launched.setup->child();
  std::string text;
  if (child.set_uid) text += "uid " + std::to_string(child.uid) + " ";
  if (child.set_gid) text += "gid " + std::to_string(child.gid) + " ";
  if (child.groups) text += "groups ";
  for (std::size_t i = 0; i < child.groups_count; ++i) text += std::to_string(child.groups[i]) + " ";
  return text;
}

}  // namespace

// ---- Command and role

TEST_CASE("the command is the exact argv, with a writable slot in front") {
  Launched launched;
  launched.service.spec.command = {"/bin/echo", "two words", ""};
  const os::ChildSetup& child = launched.child();
  CHECK(std::string(child.argv[0]) == "/bin/echo");
  CHECK(std::string(child.argv[1]) == "two words");
  CHECK(std::string(child.argv[2]).empty());
  CHECK(child.argv[3] == nullptr);
  child.argv[-1] = child.argv[0];
}

TEST_CASE("a service leads a session, has no input and inherits no descriptor") {
  Launched launched;
  launched.inherited.descriptors = {7, 8};
  const os::ChildSetup& child = launched.child();
  CHECK(child.leadership == Leadership::Session);
  CHECK_FALSE(child.take_terminal);
  CHECK(child.stdin_fd == launched.inherited.null.get());
  CHECK(child.kept_fds_count == 0);
  CHECK(child.mask.bits == 0);
}

TEST_CASE("a main command leads a process group, takes the terminal and keeps input and descriptors") {
  Launched launched;
  launched.service.role = core::Role::MainCommand;
  launched.service.spec.input = config::Input::Inherit;
  launched.inherited.descriptors = {7, 8};
  const os::ChildSetup& child = launched.child();
  CHECK(child.leadership == Leadership::ProcessGroup);
  CHECK(child.take_terminal);
  CHECK(child.stdin_fd == -1);
  REQUIRE(child.kept_fds_count == 2);
  CHECK(child.kept_fds[0] == 7);
  CHECK(child.kept_fds[1] == 8);
}

TEST_CASE("umask and working directory are unchanged, or what the service says") {
  Launched plain;
  CHECK_FALSE(plain.child().set_umask);
  CHECK(plain.child().working_dir == nullptr);
  Launched launched;
  launched.service.spec.umask = config::FileMode{0027};
  launched.service.spec.working_dir = "/srv";
  CHECK(launched.child().set_umask);
  CHECK(launched.child().umask == 0027);
  CHECK(std::string(launched.child().working_dir) == "/srv");
}

TEST_CASE("limits go to the resource of their name, and nothing means unlimited") {
  Launched launched;
  launched.service.spec.limits = {{"nofile", {1024, 4096}}, {"core", {0, std::nullopt}}};
  const os::ChildSetup& child = launched.child();
  REQUIRE(child.limits_count == 2);
  CHECK(child.limits[0].resource == RLIMIT_CORE);
  CHECK(child.limits[0].value.rlim_cur == 0);
  CHECK(child.limits[0].value.rlim_max == RLIM64_INFINITY);
  CHECK(child.limits[1].resource == RLIMIT_NOFILE);
  CHECK(child.limits[1].value.rlim_cur == 1024);
  CHECK(child.limits[1].value.rlim_max == 4096);
}

TEST_CASE("nice, OOM score and privileges are unchanged, or what the service says") {
  Launched plain;
  CHECK_FALSE(plain.child().set_nice);
  CHECK_FALSE(plain.child().set_oom_score_adj);
  CHECK_FALSE(plain.child().set_capabilities);
  CHECK_FALSE(plain.child().no_new_privileges);
  Launched launched;
  launched.service.spec.nice = -5;
  launched.service.spec.oom_score_adj = 0;
  launched.service.spec.capabilities = {"cap_kill", "cap_chown"};
  launched.service.spec.no_new_privileges = true;
  const os::ChildSetup& child = launched.child();
  CHECK(child.set_nice);
  CHECK(child.nice == -5);
  CHECK(child.set_oom_score_adj);
  CHECK(child.oom_score_adj == 0);
  CHECK(child.set_capabilities);
  CHECK(child.capabilities.bits == 0b100001);
  CHECK(child.no_new_privileges);
}

TEST_CASE("an empty list of capabilities is none, and false is no wish for no new privileges") {
  Launched launched;
  launched.service.spec.capabilities.emplace();
  launched.service.spec.no_new_privileges = false;
  CHECK(launched.child().set_capabilities);
  CHECK(launched.setup->child().capabilities.bits == 0);
  CHECK_FALSE(launched.setup->child().no_new_privileges);
}

TEST_CASE("an unknown capability is a failed start") {
  Launched launched;
  launched.service.spec.capabilities = {"cap_chown", "cap_fly"};
  CHECK(launched.problem() == "there is no capability \"cap_fly\"");
}

TEST_CASE("a service of another user starts with what its configuration gives it") {
  const TemporaryDirectory directory;
  Launched launched;
  launched.service.spec.command = {
      "/bin/sh", "-c",
      "nice; cat /proc/self/oom_score_adj; " +
          std::string("grep -E '^(Uid|Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs)' /proc/self/status")};
  launched.service.spec.output = {config::Output::Kind::File, directory.path() + "/log"};
  launched.service.spec.user = "3000";
  launched.service.spec.nice = 3;
  launched.service.spec.oom_score_adj = 700;
  launched.service.spec.capabilities = {"cap_net_bind_service"};
  launched.service.spec.no_new_privileges = true;
  const os::SpawnResult result = os::spawn(launched.child());
  REQUIRE(result.pid > 0);
  CHECK(end_of(result.pid) == "code 0");
  CHECK(read_file(directory.path() + "/log") ==
        "3\n700\nUid:\t3000\t3000\t3000\t3000\n"
        "CapPrm:\t0000000000000400\nCapEff:\t0000000000000400\nCapBnd:\t0000000000000400\n"
        "CapAmb:\t0000000000000400\nNoNewPrivs:\t1\n");
}

// ---- User and groups

TEST_CASE("without a user nothing changes") {
  Launched launched;
  CHECK(identity(launched) == "");
  CHECK_FALSE(launched.setup->account());
}

TEST_CASE("a user brings the group of passwd, and the groups that name it") {
  CHECK(with_accounts([] {
          Launched launched;
          launched.service.spec.user = "web";
          return identity(launched);
        }) == "uid 3000 gid 4000 groups 4000 4001 4002 ");
}

TEST_CASE("group and groups of the service win over those of the user") {
  CHECK(with_accounts([] {
          Launched launched;
          launched.service.spec.user = "web";
          launched.service.spec.group = "tty";
          return identity(launched);
        }) == "uid 3000 gid 4002 groups 4002 4001 ");
  CHECK(with_accounts([] {
          Launched launched;
          launched.service.spec.user = "web";
          launched.service.spec.groups = std::vector<std::string>{"logs", "77"};
          return identity(launched);
        }) == "uid 3000 gid 4000 groups 4001 77 ");
  CHECK(with_accounts([] {
          Launched launched;
          launched.service.spec.user = "web";
          launched.service.spec.groups = std::vector<std::string>{};
          return identity(launched);
        }) == "uid 3000 gid 4000 groups ");
}

TEST_CASE("a group or groups without a user change nothing else") {
  CHECK(with_accounts([] {
          Launched launched;
          launched.service.spec.group = "logs";
          return identity(launched);
        }) == "gid 4001 ");
  CHECK(with_accounts([] {
          Launched launched;
          launched.service.spec.groups = std::vector<std::string>{"logs"};
          return identity(launched);
        }) == "groups 4001 ");
}

TEST_CASE("a number without an entry is a user, too") {
  CHECK(with_accounts([] {
          Launched launched;
          launched.service.spec.user = "5555";
          return identity(launched) + launched.environment();
        }) == "uid 5555 gid 5555 groups 5555 HOME=/;SHELL=/bin/sh;");
}

TEST_CASE("one's own user is no change, and so needs no privilege") {
  CHECK(with_accounts([] {
          if (setgroups(0, nullptr) != 0 || setresuid(3000, 3000, 3000) != 0) return std::string("setresuid");
          Launched launched;
          launched.service.spec.user = "web";
          return identity(launched) + "|" + launched.environment();
        }) == "|HOME=/var/www;LOGNAME=web;SHELL=/usr/sbin/nologin;USER=web;");
}

TEST_CASE("an unknown user or group is a failed start, which is not tried again") {
  Launched user;
  user.service.spec.user = "no-such-user";
  const LaunchSetup::Failed failed = user.prepare();
  REQUIRE(failed);
  CHECK(failed->stage == StartStage::Prepare);
  CHECK(failed->detail == "there is no user \"no-such-user\" in /etc/passwd");
  CHECK_FALSE(failed->transient);
  CHECK(failed->exit_code() == 126);
  Launched group;
  group.service.spec.group = "no-such-group";
  CHECK(group.problem() == "there is no group \"no-such-group\" in /etc/group");
  Launched groups;
  groups.service.spec.groups = std::vector<std::string>{"root", "no-such-group"};
  CHECK(groups.problem() == "there is no group \"no-such-group\" in /etc/group");
}

// ---- Environment

TEST_CASE("a user, a group or an environment file that cannot be looked at is tried again, and is no other identity") {
  const TemporaryDirectory directory;
  write_file(directory.path() + "/env", "A=1\n");
  const auto prepare_without_descriptors = [&](const std::function<void(config::Service&)>& ask) {
    return with_accounts([&] {
      Launched launched;
      ask(launched.service.spec);
      const rlimit64 none{3, 3};
      os::sys::setrlimit(RLIMIT_NOFILE, &none);
      const LaunchSetup::Failed failed = launched.prepare();
      if (!failed) return std::string("prepared");
      return (failed->transient ? "later: " : "never: ") + failed->detail;
    });
  };
  const std::string passwd = "later: /etc/passwd cannot be read: Too many open files";
  const std::string group = "later: /etc/group cannot be read: Too many open files";
  using Spec = config::Service;
  CHECK(prepare_without_descriptors([](Spec& spec) { spec.user = "web"; }) == passwd);
  CHECK(prepare_without_descriptors([](Spec& spec) { spec.user = "3000"; }) == passwd);
  CHECK(prepare_without_descriptors([](Spec& spec) { spec.group = "web"; }) == group);
  CHECK(prepare_without_descriptors([](Spec& spec) { spec.groups = {{"5", "logs"}}; }) == group);
  CHECK(prepare_without_descriptors([&](Spec& spec) {
          spec.env_file = config::EnvFile{directory.path() + "/env", true};
        }) == "later: env-file " + directory.path() + "/env: Too many open files");
}

TEST_CASE("the groups of a user that cannot be looked at are not left out") {
  const auto body = [] {
    Launched launched;
    launched.service.spec.user = "web";
    // Regular, and read(2) fails with EIO.
    if (mount("/proc/self/mem", "/etc/group", nullptr, MS_BIND, nullptr) != 0) return std::string("mount");
    const LaunchSetup::Failed failed = launched.prepare();
    return failed ? (failed->transient ? "later: " : "never: ") + failed->detail : "prepared";
  };
  CHECK(in_child([&] {
          enter_mount_namespace();
          replace_file("/etc/passwd", kPasswd);
          return body();
        }) == "later: /etc/group cannot be read: Input/output error");
}

TEST_CASE("an id that means unchanged is a failed start, and not root") {
  const auto prepare_with = [](const std::string& passwd, const std::string& group) {
    return in_child([&] {
      enter_mount_namespace();
      replace_file("/etc/passwd", passwd);
      replace_file("/etc/group", group);
      Launched launched;
      launched.service.spec.user = "u";
      return identity(launched);
    });
  };
  const std::string end = "which is no number from 0 to 4294967294";
  CHECK(prepare_with("u:x:4294967295:1000::/:\n", "") == "/etc/passwd:1: the uid of \"u\" is \"4294967295\", " + end);
  CHECK(prepare_with("u:x:1000:4294967295::/:\n", "") == "/etc/passwd:1: the gid of \"u\" is \"4294967295\", " + end);
  CHECK(prepare_with("u:x:1000:1000::/:\n", "g:x:4294967295:u\n") ==
        "/etc/group:1: the gid of \"g\" is \"4294967295\", " + end);
}

TEST_CASE("the environment grows from the container's own to the service's, each stronger than the one before") {
  const TemporaryDirectory directory;
  write_file(directory.path() + "/all", "C=all-file\nD=all-file\nE=all-file\n");
  write_file(directory.path() + "/own", "D=own-file\nE=own-file\n");
  Launched launched;
  launched.inherited.environment = {{"A", "container"}, {"B", "container"}, {"C", "container"}};
  launched.config.env = {{"B", "env"}, {"C", "env"}, {"D", "env"}};
  launched.config.container.env_file = config::EnvFile{directory.path() + "/all", false};
  launched.service.spec.env_file = config::EnvFile{directory.path() + "/own", false};
  launched.service.spec.env = {{"E", "service"}};
  CHECK(launched.environment() == "A=container;B=env;C=all-file;D=own-file;E=service;");
}

TEST_CASE("HOME and its like follow the user, and give way to what the configuration says") {
  CHECK(with_accounts([] {
          Launched launched;
          launched.inherited.environment = {{"HOME", "/root"}, {"USER", "root"}, {"PWD", "/"}};
          launched.service.spec.user = "web";
          launched.service.spec.env = {{"SHELL", "/bin/own"}};
          return launched.environment();
        }) == "HOME=/var/www;LOGNAME=web;PWD=/;SHELL=/bin/own;USER=web;");
  Launched without_user;
  without_user.inherited.environment = {{"HOME", "/root"}};
  CHECK(without_user.environment() == "HOME=/root;");
}

TEST_CASE("clear-env leaves the container's own variables out, and nothing else") {
  Launched launched;
  launched.inherited.environment = {{"SECRET", "1"}, {"PATH", "/opt/bin"}};
  launched.config.env = {{"A", "env"}};
  launched.service.spec.clear_env = true;
  launched.service.spec.env = {{"B", "service"}};
  CHECK(launched.environment() == "A=env;B=service;");
  CHECK(launched.setup->child().search_path == nullptr);
}

TEST_CASE("variables about cinit's own descriptors do not reach a service") {
  const config::Variables own = {
      {"LISTEN_PID", std::to_string(getpid())}, {"LISTEN_FDS", "1"}, {"LISTEN_FDNAMES", "x"}, {"NOTIFY_SOCKET", "/s"}};
  Launched launched;
  launched.inherited.environment = own;
  CHECK(launched.environment() == "");
  CHECK(launched.setup->child().pid_text == nullptr);
}

TEST_CASE("a main command that inherits sockets finds its own pid in LISTEN_PID") {
  Launched launched;
  launched.service.role = core::Role::MainCommand;
  launched.inherited.environment = {{"LISTEN_PID", std::to_string(getpid())}, {"LISTEN_FDS", "2"}};
  CHECK(launched.environment() == "LISTEN_FDS=2;LISTEN_PID=000000000000;");
  REQUIRE(launched.setup->child().pid_text != nullptr);
  CHECK(launched.setup->child().pid_text == launched.setup->child().envp[1] + 11);
}

TEST_CASE("sockets that were meant for somebody else stay so") {
  Launched launched;
  launched.service.role = core::Role::MainCommand;
  launched.inherited.environment = {{"LISTEN_PID", "1234567"}, {"LISTEN_FDS", "2"}};
  CHECK(launched.environment() == "LISTEN_FDS=2;LISTEN_PID=1234567;");
  CHECK(launched.setup->child().pid_text == nullptr);
}

TEST_CASE("a program is searched for in the PATH that it gets") {
  Launched launched;
  launched.inherited.environment = {{"PATH", "/container"}};
  launched.service.spec.env = {{"PATH", "/service"}};
  REQUIRE(launched.child().search_path != nullptr);
  CHECK(std::string(launched.child().search_path) == "/service");
}

TEST_CASE("an environment file that is missing ends the start, unless it may be missing") {
  Launched launched;
  launched.service.spec.env_file = config::EnvFile{"/nonexistent/env", false};
  CHECK(launched.problem() == "env-file /nonexistent/env: No such file or directory");
  launched.service.spec.env_file->optional = true;
  CHECK(launched.problem() == "");
}

// ---- Outputs

TEST_CASE("outputs are inherited, or go where the service says") {
  Launched inherited;
  CHECK(inherited.child().stdout_fd == -1);
  CHECK(inherited.child().stderr_fd == -1);
  CHECK_FALSE(inherited.child().stderr_to_stdout);

  Launched null;
  null.service.spec.output.kind = config::Output::Kind::Null;
  null.service.spec.error.kind = config::Output::Kind::Stdout;
  CHECK(null.child().stdout_fd == null.inherited.null.get());
  CHECK(null.child().stderr_fd == -1);
  CHECK(null.child().stderr_to_stdout);
}

TEST_CASE("a log file is made for the user of the service, and is closed with the setup") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  int fd = -1;
  {
    Launched launched;
    launched.service.spec.user = "3000";
    launched.service.spec.group = "4000";
    launched.service.spec.output = {config::Output::Kind::File, path};
    fd = launched.child().stdout_fd;
    struct stat status {};
    REQUIRE(fstat(fd, &status) == 0);
    CHECK(status.st_uid == 3000);
    CHECK(status.st_gid == 4000);
  }
  CHECK(fcntl(fd, F_GETFD) == -1);
}

TEST_CASE("a log file that cannot be opened says which, for which stream, and why") {
  Launched launched;
  launched.service.spec.error = {config::Output::Kind::File, "/nonexistent/log"};
  const LaunchSetup::Failed failed = launched.prepare();
  REQUIRE(failed);
  CHECK(failed->stage == StartStage::Stderr);
  CHECK(failed->error == ENOENT);
  CHECK(failed->detail == "cannot open /nonexistent/log for its output: No such file or directory");
  CHECK_FALSE(failed->transient);
}

// ---- Failures of the start

TEST_CASE("a failed start says which step it was, and what about") {
  Launched launched;
  launched.service.spec.working_dir = "/srv";
  launched.service.spec.user = "3000";
  launched.service.spec.limits = {{"core", {0, 0}}, {"nofile", {1024, std::nullopt}}};
  REQUIRE(launched.problem() == "");
  CHECK(launched.explain(StartStage::Stdin, EBADF) == "cannot connect its standard input: Bad file descriptor");
  CHECK(launched.explain(StartStage::Stdout, EBADF) == "cannot connect its standard output: Bad file descriptor");
  CHECK(launched.explain(StartStage::Stderr, EBADF) == "cannot connect its standard error: Bad file descriptor");
  CHECK(launched.explain(StartStage::Fork, EAGAIN) == "cannot make a process (fork): Resource temporarily unavailable");
  CHECK(launched.explain(StartStage::Session, EPERM) ==
        "cannot get a session or process group of its own: Operation not permitted");
  CHECK(launched.explain(StartStage::Terminal, ENOTTY) ==
        "cannot become the terminal's foreground: Inappropriate ioctl for device");
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  REQUIRE(limit.rlim_max != RLIM_INFINITY);
  CHECK(launched.explain(StartStage::Limits, EPERM, 1) ==
        "limits.nofile cannot be set to 1024:unlimited: Operation not permitted (above the hard limit of " +
            std::to_string(limit.rlim_max) + ": docker run --ulimit nofile=-1)");
  CHECK(launched.explain(StartStage::Limits, EPERM, 0) == "limits.core cannot be set to 0:0: Operation not permitted");
  CHECK(launched.explain(StartStage::WorkingDir, ENOENT) ==
        "cannot change to directory /srv: No such file or directory");
  CHECK(launched.explain(StartStage::Prepare, EIO) == "cannot be prepared: Input/output error");
}

TEST_CASE("why a user cannot be changed to depends on who cinit is") {
  Launched launched;
  launched.service.spec.user = "3000";
  REQUIRE(launched.problem() == "");
  const std::string groups = "its supplementary groups cannot be set (setgroups): ";
  const std::string no_capability =
      "Operation not permitted (the container lacks CAP_SETUID or CAP_SETGID: docker run --cap-add SETUID --cap-add "
      "SETGID)";
  CHECK(launched.explain(StartStage::Groups, EPERM) == groups + no_capability);
  CHECK(launched.explain(StartStage::Group, EPERM) == "cannot change to group 3000 (setgid): " + no_capability);
  CHECK(launched.explain(StartStage::User, EPERM) == "cannot change to user \"3000\" (setuid 3000): " + no_capability);
  // Every id is mapped outside of a user namespace.
  CHECK(launched.explain(StartStage::Groups, EINVAL) == groups + "Invalid argument");
}

TEST_CASE("what only a capability allows says which one, and how the container gets it") {
  Launched launched;
  launched.service.spec.nice = -5;
  launched.service.spec.oom_score_adj = -500;
  REQUIRE(launched.problem() == "");
  CHECK(launched.explain(StartStage::Nice, EACCES) ==
        "cannot set nice to -5: Permission denied (CAP_SYS_NICE is needed: docker run --cap-add SYS_NICE)");
  CHECK(launched.explain(StartStage::OomScore, EACCES) ==
        "cannot set oom-score-adj to -500 (/proc/self/oom_score_adj): Permission denied "
        "(CAP_SYS_RESOURCE is needed: docker run --cap-add SYS_RESOURCE)");
  CHECK(launched.explain(StartStage::OomScore, ENOENT) ==
        "cannot set oom-score-adj to -500 (/proc/self/oom_score_adj): No such file or directory");
  CHECK(launched.explain_capability(StartStage::BoundingSet, EPERM, "chown") ==
        "cannot take the capability cap_chown away from it: Operation not permitted "
        "(CAP_SETPCAP is needed: docker run --cap-add SETPCAP)");
  CHECK(launched.explain_capability(StartStage::Capabilities, EPERM, "sys_admin") ==
        "cannot give it the capability cap_sys_admin: Operation not permitted "
        "(the container does not have it; docker run --cap-add SYS_ADMIN)");
  CHECK(launched.explain_capability(StartStage::Capabilities, EINVAL, "bpf") ==
        "cannot give it the capability cap_bpf: Invalid argument (this kernel does not know it)");
  CHECK(launched.explain(StartStage::NoNewPrivileges, EINVAL) == "cannot set no-new-privileges: Invalid argument");
}

TEST_CASE("what only a capability allows is not promised to a cinit that is not root") {
  CHECK(in_child([] {
          become_nobody();
          Launched launched;
          launched.service.spec.nice = -5;
          return in_order({launched.problem(), launched.explain(StartStage::Nice, EACCES)});
        }) ==
        "cannot set nice to -5: Permission denied (CAP_SYS_NICE is needed: cinit runs as uid 65534, who does not have "
        "it)");
  CHECK(in_child([] {
          become_nobody();
          Launched launched;
          return in_order({launched.problem(), launched.explain_capability(StartStage::Capabilities, EPERM, "kill")});
        }) ==
        "cannot give it the capability cap_kill: Operation not permitted (cinit runs as uid 65534, who does not have "
        "it)");
}

TEST_CASE("an exec that failed says what exec_reason says, with the search path of the service") {
  Launched launched;
  launched.service.spec.command = {"nosuch"};
  launched.service.spec.env = {{"PATH", "/nowhere"}};
  REQUIRE(launched.problem() == "");
  CHECK(launched.setup->explain(os::spawn(launched.setup->child())).detail == "nosuch: not found in /nowhere");
}

TEST_CASE("what may succeed later is told from what will not") {
  Launched launched;
  REQUIRE(launched.problem() == "");
  const auto transient = [&](StartStage stage, int error) {
    return launched.setup->explain({0, stage, error, 0}).transient;
  };
  CHECK(transient(StartStage::Fork, EAGAIN));
  CHECK(transient(StartStage::Fork, ENOMEM));
  CHECK(transient(StartStage::Exec, ETXTBSY));
  CHECK(transient(StartStage::Exec, ENFILE));
  CHECK_FALSE(transient(StartStage::Exec, ENOENT));
  CHECK_FALSE(transient(StartStage::Exec, EACCES));
  CHECK_FALSE(transient(StartStage::User, EPERM));
}

TEST_CASE("127 is for a program that was not found, 126 for every other reason") {
  Launched launched;
  REQUIRE(launched.problem() == "");
  CHECK(launched.setup->explain({0, StartStage::Exec, ENOENT, 0}).exit_code() == 127);
  CHECK(launched.setup->explain({0, StartStage::Exec, EACCES, 0}).exit_code() == 126);
  CHECK(launched.setup->explain({0, StartStage::WorkingDir, ENOENT, 0}).exit_code() == 126);
}
