// Containers that are not as usual: another PID 1, no privileges, no /proc, nobody who reads.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "both_loops.hpp"
#include "container.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

TEST_CASE("not PID 1: its own descendants are reaped and stopped, a process beside it is left alone") {
  Container container;
  Arguments command{"--", "sh", "-c", "app daemon descendant; exec app app1 main"};
  SUBCASE("with a command") {}
  SUBCASE("with a service") {
    container.config("[service.main]\ncommand = ['sh', '-c', 'app daemon descendant; exec app app1 main']\n");
    command = {};
  }
  std::string line = "app app1 neighbour & cinit";
  for (const std::string& word : command) line += " '" + word + "'";
  container.start({"/bin/sh", "-c", line + " & echo cinit is $!; wait $!; echo cinit ended with $?; wait"});
  container.wait_for("neighbour: ready\n");
  container.wait_for("main: ready\n");
  container.wait_for("cinit is ");
  const std::size_t at = container.log().find("cinit is ") + 9;
  const std::string pid = container.log().substr(at, container.log().find('\n', at) - at);
  container.exec({"kill", "-TERM", pid});
  container.wait_for("cinit ended with 0\n");
  CHECK(container.count("main: app exit normally\n") == 1);
  CHECK(container.count("descendant: app exit normally\n") == 1);
  CHECK(container.running());
  CHECK(!container.logged("neighbour: handle signal"));
  CHECK(container.processes().size() == 2);  // the shell and the neighbour
}

TEST_CASE("S33: in a user namespace, uid 0 that has no power over the host runs a command all the same") {
  Container container;
  Arguments arguments{"--", "app", "app1"};
  SUBCASE("a command") {}
  SUBCASE("a service") {
    container.config("[service.web]\ncommand = ['app', 'app1']\n");
    arguments = {};
  }
  std::string line = "exec unshare -U -r cinit";
  for (const std::string& word : arguments) line += " " + word;
  container.start({"/bin/sh", "-c", line}).wait_for("ready\n");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("S35: a random uid, a read-only root, no capabilities: a command and a service run, and stop gracefully") {
  Container container;
  Arguments arguments{"--", "app", "app1"};
  SUBCASE("a command") {}
  SUBCASE("a service") {
    container.config("[service.web]\ncommand = ['app', 'app1']\n");
    arguments = {};
  }
  container.cinit(arguments, {.user = "1000660000:0", .read_only = true}).wait_for("ready\n");
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
  CHECK(container.logged("app exit normally\n"));
}

TEST_CASE("S35: `user` that is the own uid needs no privilege") {
  Container container;
  container.config("[service.web]\nuser = 'app'\ncommand = ['app', 'app1']\n");
  container.cinit({}, {.user = "1000:1000"}).wait_for("ready\n");
}

TEST_CASE("S36: a service as www-data opens /dev/stdout and /dev/stderr by name") {
  for (const bool tty : {false, true}) {
    CAPTURE(tty);
    Container container;
    container.config("[service.web]\nuser = 'www-data'\nrestart = 'no'\ncommand = ['app', 'open-stdout']\n");
    container.cinit({}, {.tty = tty});
    CHECK(container.wait_exit().code == 0);
    CHECK(container.logged("written to /dev/stdout"));
    CHECK(container.logged("written to /dev/stderr"));
  }
}

TEST_CASE("without /proc a command is run and stopped, together with its orphans") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "sh", "-c", "app daemon daemon; exec app app1 main"}, {.no_proc = true})
      .wait_for("main: ready\n");
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
  CHECK(container.logged("daemon: app exit normally\n"));
}

TEST_CASE("an image with nothing but cinit and the program") {
  Container container;
  for (const char* path : {"/bin/busybox", "/bin/sh", "/etc/passwd", "/etc/group"}) container.remove(path);
  in_both_loops(container);
  container.cinit({"--", "/bin/app", "app1"}).wait_for("ready\n");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("a command keeps the descriptors that cinit inherited, and gets none of cinit's own") {
  Container container;
  in_both_loops(container);
  container.start({"/bin/sh", "-c", "exec 5</etc/passwd; exec cinit -- app state"});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("\ndescriptors=0 1 2 5\n"));
}

TEST_CASE("what cinit inherited is the command's alone once it runs: PID 1 holds none of it") {
  Container container;
  in_both_loops(container);
  container.start(
      {"/bin/sh", "-c", "exec 5</etc/passwd 7</etc/group; exec cinit -- sh -c 'echo runs; exec sleep 1000'"});
  container.wait_for("runs\n");
  const std::string descriptors = "/proc/" + std::to_string(container.host_pid()) + "/fd";
  container.wait_until(
      [&] {
        for (const auto& entry : std::filesystem::directory_iterator(descriptors)) {
          std::error_code gone;
          const std::string target = std::filesystem::read_symlink(entry, gone).string();
          if (target.ends_with("/etc/passwd") || target.ends_with("/etc/group")) return false;
        }
        return true;
      },
      "PID 1 has closed them");
}

TEST_CASE("sockets that were handed to cinit are the command's: LISTEN_PID names it") {
  Container container;
  in_both_loops(container);
  container.start({"/bin/sh", "-c", "exec env LISTEN_FDS=1 LISTEN_PID=1 cinit -- sh -c 'echo mine: $LISTEN_PID $$'"});
  CHECK(container.wait_exit().code == 0);
  const std::size_t at = container.log().find("mine: ") + 6;
  const std::string line = container.log().substr(at, container.log().find('\n', at) - at);
  CHECK(line.substr(0, line.find(' ')) == line.substr(line.find(' ') + 1));
}

TEST_CASE("cinit starts with its standard descriptors closed") {
  Container container;
  in_both_loops(container);
  container.start({"/bin/sh", "-c", "exec cinit -- sh -c 'app wait-for /shared/go' <&- >&- 2>&-"});
  container.exec({"touch", "/shared/go"});
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("a reader of stderr that has gone away does not end PID 1") {
  Container container;
  container.config("[service.web]\ncommand = ['app', 'app1']\nstdout = 'file:/shared/log'\nrestart-delay = '1ms'\n");
  container.start({"/bin/sh", "-c", "exec cinit 2>&1 | true"}, {});
  container.wait_until([&] { return container.read_shared("log") == "ready\n"; }, "the service is ready");
}

TEST_CASE("a pipe that nobody reads does not keep PID 1 from its work") {
  Container container;
  container.file("/run.sh", "mkfifo /shared/log\nexec 8<>/shared/log\nexec cinit -t 2s 2>&8 8<&-\n", 0755);
  // The service fills the pipe, and cinit has a line to say about each of its ends.
  container.config(
      "[service.noisy]\ncommand = ['sh', '-c', 'echo x >> /shared/starts; echo a line for nobody >&2; exit 1']\n"
      "restart-delay = '1ms'\nrestart-max-delay = '1ms'\nstart-limit-burst = 0\n"
      "[service.full]\ncommand = ['app', 'flood', '1000000']\n"
      "[service.web]\ncommand = ['app', 'app1']\nstdout = 'file:/shared/web'\n");
  container.start({"/bin/sh", "/run.sh"});
  container.wait_until([&] { return container.read_shared("web") == "ready\n"; }, "the service is ready");
  container.watch_for(300ms);
  container.signal(SIGTERM);
  container.wait_until([&] { return container.read_shared("web").ends_with("app exit normally\n"); }, "it was stopped");
  CHECK(container.wait_exit().took < 5s);
}
