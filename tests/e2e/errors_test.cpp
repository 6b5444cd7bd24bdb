// Mistakes, and what cinit says about them.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "both_loops.hpp"
#include "container.hpp"
#include "spawn.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

TEST_CASE("nothing to run: exit code 64, and the places where it looked") {
  Container container;
  container.cinit();
  CHECK(container.wait_exit().code == 64);
  CHECK(container.logged("/etc/cinit.toml"));
}

TEST_CASE("an unknown option: exit code 64, and the nearest that there is") {
  Container container;
  container.cinit({"--no-servces", "--", "true"});
  CHECK(container.wait_exit().code == 64);
  CHECK(container.logged("--no-services"));
}

TEST_CASE("a stop timeout that is none: exit code 64") {
  Container container;
  container.cinit({"-t", "soon", "--", "true"});
  CHECK(container.wait_exit().code == 64);
  CHECK(container.logged("\"soon\""));
}

TEST_CASE("a command that does not exist: exit code 127") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "nginx-is-not-here", "-g"});
  CHECK(container.wait_exit().code == 127);
  CHECK(container.logged("nginx-is-not-here"));
}

TEST_CASE("a command that may not be executed: exit code 126") {
  Container container;
  container.file("/bin/plain", "#!/bin/sh\necho hello\n", 0644);
  in_both_loops(container);
  container.cinit({"--", "/bin/plain"});
  CHECK(container.wait_exit().code == 126);
  CHECK(container.logged("/bin/plain"));
}

TEST_CASE("a directory as a command: exit code 126") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "/etc"});
  CHECK(container.wait_exit().code == 126);
}

TEST_CASE("a script whose first line ends with a carriage return: the message says so") {
  Container container;
  container.file("/entrypoint.sh", "#!/bin/sh\r\necho hello\r\n", 0755);
  in_both_loops(container);
  container.cinit({"--", "/entrypoint.sh"});
  const int code = container.wait_exit().code;
  CHECK((code == 126 || code == 127));
  CHECK(container.logged("CR LF"));
}

TEST_CASE("a script whose interpreter is not there: the message names it") {
  Container container;
  container.file("/entrypoint.sh", "#!/bin/bash\necho hello\n", 0755);
  in_both_loops(container);
  container.cinit({"--", "/entrypoint.sh"});
  const int code = container.wait_exit().code;
  CHECK((code == 126 || code == 127));
  CHECK(container.logged("/bin/bash"));
}

TEST_CASE("a script without a shebang is run by /bin/sh") {
  Container container;
  container.file("/entrypoint.sh", "echo hello from $0 $1\n", 0755);
  in_both_loops(container);
  container.cinit({"--", "/entrypoint.sh", "arg"});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("hello from /entrypoint.sh arg\n"));
}

namespace {

// Files that the kernel does not take for a program, and no shell may take for a script.
struct NoText {
  std::string text;
  std::string reason;  // behind the file's name
};

// This machine's own program, said to be another machine's.
std::string foreign_program() {
  std::string program = read_file(CINIT_E2E_APP);
  program[18] = program[18] == '\xb7' ? '\x3e' : '\xb7';
  return program;
}

std::vector<NoText> no_texts() {
  return {{foreign_program(), " is a program for "},
          {read_file(CINIT_E2E_APP).substr(0, 30), " is no complete program (cut off?)"},
          {std::string("echo given to a shell #\0\n", 25), " is neither a program nor a text"},
          {"#!/python\necho given to a shell\n", ": its interpreter /python is a program for "}};
}

// Runs `start` in a container that has `file` at `path`, once for each kind of file.
void never_for_a_shell(const std::string& path, const std::function<void(Container&)>& start) {
  for (const NoText& file : no_texts()) {
    CAPTURE(file.reason);
    Container container;
    container.file(path, file.text, 0755).file("/python", foreign_program(), 0755);
    start(container);
    container.wait_for(file.reason);
    CHECK_FALSE(container.logged("given to a shell"));
    CHECK_FALSE(container.logged("yntax error"));
  }
}

}  // namespace

TEST_CASE("what is no text is never given to a shell: as the command, exit code 126") {
  never_for_a_shell("/prog", [](Container& container) {
    container.cinit({"--", "/prog"});
    CHECK(container.wait_exit().code == 126);
  });
}

TEST_CASE("what is no text is never given to a shell: as a service, by its path or found in PATH, exit code 126") {
  for (const char* command : {"prog", "/usr/bin/prog"}) {
    never_for_a_shell("/usr/bin/prog", [&](Container& container) {
      container.config("[service.a]\ncommand = '" + std::string(command) + "'\nrestart = 'no'\n").cinit();
      CHECK(container.wait_exit().code == 126);
    });
  }
}

TEST_CASE("what is no text is never given to a shell: as the run of a service directory") {
  never_for_a_shell("/etc/service/a/run", [](Container& container) { container.cinit(); });
}

TEST_CASE("what is no text is never given to a shell: as a hook") {
  never_for_a_shell("/etc/my_init.d/hook", [](Container& container) {
    container.config("[service.a]\ncommand = 'true'\n").cinit();
    CHECK(container.wait_exit().code == 1);
  });
}

TEST_CASE("what is no text is never given to a shell: as a probe") {
  never_for_a_shell("/prog", [](Container& container) {
    container
        .config(
            "[service.a]\ncommand = ['sleep', '1000']\n"
            "health = { exec = '/prog', interval = '10ms', retries = 1 }\n")
        .cinit();
  });
}

TEST_CASE("an environment that is too long: which variable, how long, and what the kernel takes") {
  Container container;
  container.file("/big.env", "HUGE=" + std::string(200000, 'y') + "\n");
  container.config("[service.a]\ncommand = 'true'\nenv-file = '/big.env'\nrestart = 'no'\n").cinit();
  CHECK(container.wait_exit().code != 0);
  CHECK(container.logged("the variable HUGE is 200006 bytes long, more than the 131072 that the kernel takes"));
}

TEST_CASE("a directory above the program that the user may not enter is named") {
  Container container;
  container.file("/root/app/run", "#!/bin/sh\n", 0755);
  container
      .config(
          "[hooks]\npre-start = ['chmod 0700 /root']\n[service.a]\ncommand = '/root/app/run'\nuser = "
          "'www-data'\nrestart = 'no'\n")
      .cinit();
  CHECK(container.wait_exit().code == 126);
  CHECK(container.logged("/root/app/run: uid 33 may not enter /root (mode 0700, of uid 0)"));
}

TEST_CASE("a directory above the working directory that the user may not enter is named") {
  Container container;
  container.file("/root/app/file", "");
  container
      .config(
          "[hooks]\npre-start = ['chmod 0700 /root']\n[service.a]\ncommand = 'true'\nworking-dir = "
          "'/root/app'\nuser = 'www-data'\nrestart = 'no'\n")
      .cinit();
  container.wait_exit();
  CHECK(container.logged(
      "cannot change to directory /root/app: Permission denied (uid 33 may not enter /root (mode 0700, of uid 0))"));
}

TEST_CASE("a service whose program is not there is not tried again, and ends the container with 127") {
  Container container;
  container.config(
      "[service.other]\ncommand = ['app', 'app1', 'other']\n"
      "[service.web]\ncommand = ['/usr/sbin/nginx']\n");
  container.cinit();
  CHECK(container.wait_exit().code == 127);
  CHECK(container.logged("cinit: web: failed: "));
  CHECK(container.logged("/usr/sbin/nginx"));
  CHECK(!container.logged("restarting"));
}

TEST_CASE("a service whose working directory is not there: the message names the step and the directory") {
  Container container;
  container.config("[service.web]\ncommand = ['true']\nworking-dir = '/srv/nothing'\n").cinit();
  CHECK(container.wait_exit().code == 126);
  CHECK(container.logged("/srv/nothing"));
}

TEST_CASE("a service with an unknown user is a failed start that is not tried again") {
  Container container;
  container.config("[service.web]\ncommand = ['true']\nuser = 'stranger'\n").cinit();
  CHECK(container.wait_exit().code == 126);
  CHECK(container.logged("stranger"));
  CHECK(!container.logged("restarting"));
}

TEST_CASE("an unknown key: exit code 78 before anything runs, with file, line, column and the nearest key") {
  Container container;
  container.config("[service.other]\ncommand = ['echo', 'ran']\n[service.web]\ncommand = ['true']\nrestrat = 'no'\n");
  container.cinit();
  CHECK(container.wait_exit().code == 78);
  CHECK(container.logged("/etc/cinit.toml:5:1"));
  CHECK(container.logged("restrat"));
  CHECK(container.logged("restart"));
  CHECK(!container.logged("ran\n"));
}

TEST_CASE("TOML that is none: exit code 78, with file and line") {
  Container container;
  container.config("[service.web]\ncommand = [true\n").cinit();
  CHECK(container.wait_exit().code == 78);
  CHECK(container.logged("/etc/cinit.toml:"));
}

TEST_CASE("a dependency cycle: exit code 78, and the way round") {
  Container container;
  container.config(
      "[service.a]\ncommand = ['true']\nafter = ['b']\n"
      "[service.b]\ncommand = ['true']\nafter = ['c']\n"
      "[service.c]\ncommand = ['true']\nafter = ['a']\n");
  container.cinit();
  CHECK(container.wait_exit().code == 78);
  CHECK(container.logged("a -> b -> c -> a"));
}

TEST_CASE("an undefined variable: exit code 78, naming service and key") {
  Container container;
  container.config("[service.web]\ncommand = ['echo', '${DATABASE_URL}']\n").cinit();
  CHECK(container.wait_exit().code == 78);
  CHECK(container.logged("DATABASE_URL"));
  CHECK(container.logged("service.web"));
  CHECK(container.logged("command"));
}

TEST_CASE("a value is never printed, even where it is a mistake") {
  Container container;
  container.config("[service.web]\ncommand = ['echo', '${TOKEN:?is needed}']\nenv = { T = '${TOKEN}${MISSING}' }\n");
  container.cinit({}, {.env = {{"TOKEN", "s3cr3t"}}});
  CHECK(container.wait_exit().code == 78);
  CHECK(!container.logged("s3cr3t"));
}

TEST_CASE("requiring a service that is not enabled: exit code 78") {
  Container container;
  container.config(
      "[service.database]\ncommand = ['true']\nenabled = false\n"
      "[service.web]\ncommand = ['true']\nrequires = ['database']\n");
  container.cinit();
  CHECK(container.wait_exit().code == 78);
  CHECK(container.logged("database"));
}

TEST_CASE("-c names the file, which then must be there") {
  Container container;
  container.file("/opt/mine.toml", "[service.web]\ncommand = ['echo', 'from mine']\n");
  container.cinit({"-c", "/opt/mine.toml"});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("from mine\n"));

  Container another;
  another.cinit({"-c", "/opt/mine.toml"});
  CHECK(another.wait_exit().code == 78);
  CHECK(another.logged("/opt/mine.toml"));
}

TEST_CASE("`cinit check` finds the mistakes without running anything") {
  Container container;
  container.config("[service.web]\ncommand = ['echo', 'ran']\nstop-timeout = 'soon'\n").cinit({"check"});
  CHECK(container.wait_exit().code == 78);
  CHECK(container.logged("/etc/cinit.toml:3:"));
  CHECK(!container.logged("ran\n"));

  Container good;
  good.config("[service.web]\ncommand = ['echo', 'ran']\n").cinit({"check"});
  CHECK(good.wait_exit().code == 0);
  CHECK(!good.logged("ran\n"));
}

TEST_CASE("after `--` nothing is a subcommand") {
  Container container;
  container.file("/bin/check", "#!/bin/sh\necho my own check\n", 0755);
  container.cinit({"--", "check"});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("my own check\n"));
}

TEST_CASE("--version and --help print to standard output, and end with 0") {
  for (const char* option : {"--version", "--help"}) {
    CAPTURE(option);
    Container container;
    container.cinit({option});
    CHECK(container.wait_exit().code == 0);
    CHECK(container.logged("cinit"));
  }
}
