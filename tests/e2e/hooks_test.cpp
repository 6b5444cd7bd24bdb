// Boot hooks and the hooks of the configuration.
#include <doctest/doctest.h>

#include "container.hpp"
#include "in_order.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

constexpr char kWeb[] = "[service.web]\ncommand = ['app', 'app1', 'web']\n";

std::string script(const std::string& body) { return "#!/bin/sh\n" + body + "\n"; }

Container& boot_hook(Container& container, const std::string& name, const std::string& body) {
  return container.file("/etc/my_init.d/" + name, script(body), 0755);
}

}  // namespace

TEST_CASE("S20: hooks run one by one in the order of the C locale, without arguments, before any service") {
  Container container;
  for (const char* name : {"Zed", "a_last", "10_a", ".hidden", "9_nine"}) {
    boot_hook(container, name, std::string("echo ") + name + " begins with $#; app exit 0; echo " + name + " ends");
  }
  container.config("[service.web]\ncommand = 'echo the service'\n").cinit();
  CHECK(container.wait_exit().code == 0);
  CHECK(in_order(container.log(), {".hidden begins with 0\n", ".hidden ends\n", "10_a begins with 0\n", "10_a ends\n",
                                   "9_nine begins with 0\n", "9_nine ends\n", "Zed begins with 0\n", "Zed ends\n",
                                   "a_last begins with 0\n", "a_last ends\n", "the service\n"}));
}

TEST_CASE("S20: a file that is not executable is named in a warning, and neither it nor a directory is run") {
  Container container;
  container.file("/etc/my_init.d/10_forgotten", script("echo forgotten ran"), 0644);
  container.file("/etc/my_init.d/20_directory/file", script("echo nested ran"), 0755);
  boot_hook(container, "30_good", "echo good ran");
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("cinit: /etc/my_init.d/10_forgotten is not executable"));
  CHECK(!container.logged("20_directory"));
  CHECK(!container.logged("forgotten ran"));
  CHECK(!container.logged("nested ran"));
  CHECK(container.logged("good ran\n"));
}

TEST_CASE("S20: directories, rc.local, pre-start, services, post-start, command: in this order") {
  Container container;
  boot_hook(container, "hook", "echo of my_init.d");
  container.file("/opt/hooks/hook", script("echo of opt"), 0755).file("/etc/rc.local", "echo of rc.local\n", 0755);
  container.config(
      "[hooks]\ndirectories = ['/etc/my_init.d', '/opt/hooks']\n"
      "pre-start = ['echo of pre-start', ['echo', 'of pre-start too']]\n"
      "post-start = ['echo of post-start', 'echo of post-start too']\n"
      "[service.web]\ntype = 'oneshot'\ncommand = 'echo of the service'\n");
  container.cinit({"--", "echo", "of the command"});
  CHECK(container.wait_exit().code == 0);
  CHECK(
      in_order(container.log(), {"of my_init.d\n", "of opt\n", "of rc.local\n", "of pre-start\n", "of pre-start too\n",
                                 "of the service\n", "of post-start\n", "of post-start too\n", "of the command\n"}));
}

TEST_CASE("hooks alone: exit code 0 when they are done") {
  Container container;
  SUBCASE("in my_init.d") { boot_hook(container, "hook", "echo hook ran"); }
  SUBCASE("rc.local") { container.file("/etc/rc.local", script("echo hook ran"), 0755); }
  SUBCASE("pre-start") { container.config("[hooks]\npre-start = ['echo hook ran']\n"); }
  SUBCASE("post-start") { container.config("[hooks]\npost-start = ['echo hook ran']\n"); }
  container.cinit();
  CHECK(container.wait_exit().code == 0);
  CHECK(container.count("hook ran\n") == 1);
}

TEST_CASE("a hook reads the container's standard input") {
  Container container;
  boot_hook(container, "hook", "read line; echo hook read $line");
  container.cinit({}, {.piped_input = true}).write("something\n");
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("hook read something\n"));
}

TEST_CASE("S21: a failing hook ends the boot: what runs is stopped gracefully, and nothing else is started") {
  Container container;
  boot_hook(container, "10_daemon", "app daemon daemon");
  Arguments arguments;
  std::string failing = "exit 3";
  std::string reported = "exited with code 3";
  SUBCASE("by its status") {}
  SUBCASE("by its status, before a command") { arguments = {"--", "echo", "later ran"}; }
  SUBCASE("by a signal") {
    failing = "kill -SEGV $$";
    reported = "killed by SIGSEGV";
  }
  boot_hook(container, "20_fails", "echo failing; " + failing);
  boot_hook(container, "30_later", "echo later ran");
  container.config(
      "[hooks]\npre-start = ['echo later ran']\npost-start = ['echo later ran']\n"
      "pre-stop = ['echo stop hook ran']\npost-stop = ['echo stop hook ran']\n"
      "[service.web]\ncommand = 'echo later ran'\n");
  container.cinit(arguments);
  CHECK(container.wait_exit().code == 1);
  CHECK(container.logged("failing\n"));
  CHECK(container.logged("cinit: /etc/my_init.d/20_fails: " + reported));
  CHECK(container.logged("daemon: handle signal: terminated\ndaemon: app exit normally\n"));
  CHECK(!container.logged("later ran"));
  CHECK(!container.logged("stop hook ran"));
}

TEST_CASE("S21: a failing pre-start or post-start hook ends the boot, too") {
  Container container;
  bool web_starts = false;
  SUBCASE("pre-start") { container.config(std::string("[hooks]\npre-start = ['app exit 5']\n") + kWeb); }
  SUBCASE("post-start") {
    container.config(std::string("[hooks]\npost-start = [['sh', '-c', 'app wait-for /tmp/web; exit 5']]\n") +
                     "[service.web]\ncommand = ['sh', '-c', 'touch /tmp/web; exec app app1 web']\n");
    web_starts = true;
  }
  container.cinit({"--", "echo", "command ran"});
  CHECK(container.wait_exit().code == 1);
  CHECK(container.logged("exited with code 5"));
  CHECK(!container.logged("command ran"));
  CHECK(container.logged("cinit: web: started") == web_starts);
}

TEST_CASE("S21: a hook that cannot be run ends the boot with exit code 1, and the message says why") {
  Container container;
  std::string why;
  SUBCASE("a carriage return") {
    container.file("/etc/my_init.d/hook", "#!/bin/sh\r\necho hello\r\n", 0755);
    why = "CR LF";
  }
  SUBCASE("no such interpreter") {
    container.file("/etc/my_init.d/hook", "#!/usr/bin/python3\nprint('hello')\n", 0755);
    why = "/usr/bin/python3";
  }
  SUBCASE("no such program") {
    container.config("[hooks]\npre-start = ['not-installed --now']\n");
    why = "not-installed";
  }
  container.cinit({"--", "echo", "command ran"});
  CHECK(container.wait_exit().code == 1);
  CHECK(container.logged(why));
  CHECK(!container.logged("command ran"));
}

TEST_CASE("S22: what a hook leaves behind goes on, zombies are reaped, and a daemon is part of the graceful stop") {
  Container container;
  boot_hook(container, "10_daemon", "app daemon daemon");
  boot_hook(container, "20_background", "app app1 background &");
  boot_hook(container, "30_zombies", "for i in $(seq 20); do (app exit 7 &); done");
  container.config(kWeb).cinit().wait_for("web: ready\n");
  container.wait_for("background: ready\n");
  // The twenty may still be on their way to their end.
  container.wait_until([&] { return container.zombies() == 0 && container.processes().size() == 4; }, "no zombies");
  CHECK(!container.logged("handle signal"));
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
  for (const char* name : {"web", "daemon", "background"}) {
    CHECK(container.count(name + std::string(": handle signal: terminated\n")) == 1);
    CHECK(container.count(name + std::string(": app exit normally\n")) == 1);
  }
}

TEST_CASE("S22: cinit waits for the hook itself only, not for who holds its output") {
  Container container;
  boot_hook(container, "hook", "app app1 background &");
  container.cinit({"--", "sh", "-c", "app wait-for /shared/go; echo command ran"});
  container.wait_for("background: ready\n");
  container.wait_for("main command): started");
  container.exec({"touch", "/shared/go"});
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("S23: SIGTERM ends a hook that never ends, and nothing else is started") {
  Container container;
  boot_hook(container, "10_endless", "exec app app1 hook");
  boot_hook(container, "20_later", "echo later ran");
  int code = 0;
  Arguments arguments;
  SUBCASE("without a command") {}
  SUBCASE("before a command") {
    code = 143;
    arguments = {"--", "echo", "later ran"};
  }
  container.config("[service.web]\ncommand = 'echo later ran'\n").cinit(arguments).wait_for("hook: ready\n");
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == code);
  CHECK(end.took < 2s);
  CHECK(container.logged("hook: handle signal: terminated\nhook: app exit normally\n"));
  CHECK(!container.logged("later ran"));
}

TEST_CASE("S23: a hook that ignores SIGTERM is killed in time") {
  Container container;
  boot_hook(container, "10_deaf", "exec app app2 hook");
  container.config("[cinit]\nstop-timeout = '1s'\n[service.web]\ncommand = 'echo later ran'\n").cinit();
  container.wait_for("hook: ready\n");
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.took >= 1s);
  CHECK(end.took < 2s);
  CHECK(end.code == 0);  // no service needed SIGKILL
  CHECK(container.count("hook: handle signal: terminated\n") >= 1);
  CHECK(container.logged("10_deaf: still running 1 s after SIGTERM; sending SIGKILL"));
  CHECK(!container.logged("later ran"));
}

TEST_CASE("S23: a hook that ignores SIGTERM before a lone command is killed in time, too") {
  Container container;
  boot_hook(container, "10_deaf", "exec app app2 hook");
  container.cinit({"-t", "1s", "--", "echo", "later ran"}).wait_for("hook: ready\n");
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.took >= 1s);
  CHECK(end.took < 2s);
  CHECK(end.code == 143);
  CHECK(!container.logged("later ran"));
}

TEST_CASE("a hook that takes longer than the hooks' timeout has failed") {
  Container container;
  std::string which = "app1";
  std::string stop_timeout = "[cinit]\nstop-timeout = '1s'\n";
  SUBCASE("one that obeys SIGTERM") {}
  SUBCASE("one that ignores it") { which = "app2"; }
  boot_hook(container, "10_slow", "exec app " + which + " hook");
  boot_hook(container, "20_later", "echo later ran");
  container.config(stop_timeout + "[hooks]\ntimeout = '500ms'\n[service.web]\ncommand = 'echo later ran'\n").cinit();
  const End end = container.wait_exit();
  CHECK(end.code == 1);
  CHECK(end.took >= 500ms);
  CHECK(end.took < 4s);
  CHECK(container.logged("hook: handle signal: terminated\n"));
  CHECK(container.logged("/etc/my_init.d/10_slow: has not finished within 5"));
  CHECK(!container.logged("later ran"));
}

TEST_CASE("pre-stop runs before the first service is stopped, post-stop when nothing else is left") {
  Container container;
  container.config(
      "[hooks]\npre-stop = ['echo pre-stop one', 'echo pre-stop two']\n"
      "post-stop = [['sh', '-c', 'echo post-stop sees $(ls -l /proc/[0-9]*/exe 2>&1 | grep -c bin/app)'], "
      "'echo post-stop too']\n"
      "[service.web]\ncommand = ['sh', '-c', 'app daemon daemon; exec app slow 200 web']\n");
  Arguments arguments;
  SUBCASE("with services") {}
  SUBCASE("with a command, too") { arguments = {"--", "app", "app1", "command"}; }
  container.cinit(arguments).wait_for("web: ready\n");
  container.wait_for("daemon: ready\n");
  if (!arguments.empty()) container.wait_for("command: ready\n");
  container.exec_in_background({"app", "slow", "200", "guest"});
  container.wait_for("guest: ready\n");
  CHECK(container.exec({"sh", "-c", "ls -l /proc/[0-9]*/exe 2>&1 | grep -c bin/app"}).text >= "3\n");
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 3s);
  const std::string& log = container.log();
  CAPTURE(log);
  // A zombie of whoever entered from outside may be there for a moment, but has no program any more.
  CHECK(in_order(log, {"pre-stop one\n", "pre-stop two\n", "web: handle signal", "web: app exit", "post-stop sees 0\n",
                       "post-stop too\n"}));
  CHECK(in_order(log, {"pre-stop two\n", "daemon: handle signal", "daemon: app exit", "post-stop sees 0\n"}));
  CHECK(in_order(log, {"pre-stop two\n", "guest: handle signal", "guest: app exit", "post-stop sees 0\n"}));
}

TEST_CASE("the stop hooks run when a command or a service has ended the container, and do not change its exit code") {
  Container container;
  const std::string hooks = "[hooks]\npre-stop = ['echo pre-stop ran']\npost-stop = ['echo post-stop ran']\n";
  Arguments arguments;
  SUBCASE("a command") {
    container.config(hooks);
    arguments = {"--", "app", "exit", "4"};
  }
  SUBCASE("a service") { container.config(hooks + "[service.web]\nrestart = 'no'\ncommand = 'app exit 4'\n"); }
  container.cinit(arguments);
  CHECK(container.wait_exit().code == 4);
  CHECK(in_order(container.log(), {"pre-stop ran\n", "post-stop ran\n"}));
}

TEST_CASE("a pre-stop hook that hangs does not delay the services' stop beyond a quarter of the budget") {
  Container container;
  container.config(std::string("[cinit]\nstop-timeout = '4s'\n") +
                   "[hooks]\npre-stop = ['app app2 hook', 'echo two']\n" + kWeb);
  container.cinit().wait_for("web: ready\n");
  container.signal(SIGTERM);
  container.wait_for("hook: ready\n");
  const Clock::time_point start = Clock::now();
  container.wait_for("web: handle signal: terminated\n");
  const Clock::duration took = Clock::now() - start;
  CHECK(took >= 800ms);
  CHECK(took < 1500ms);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 5s);
  CHECK(container.logged("web: app exit normally\n"));
  CHECK(!container.logged("two\n"));
}

TEST_CASE("a post-stop hook that hangs is killed at the end of the budget") {
  Container container;
  container.config(std::string("[cinit]\nstop-timeout = '1s'\n[hooks]\npost-stop = ['app app2 hook']\n") + kWeb);
  container.cinit().wait_for("web: ready\n");
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took >= 1s);
  CHECK(end.took < 2s);
  CHECK(in_order(container.log(), {"web: app exit normally\n", "hook: ready\n"}));
}

TEST_CASE("a failing pre-stop or post-stop hook prevents nothing") {
  Container container;
  container.config(std::string("[hooks]\npre-stop = ['app exit 5', 'not-installed', 'echo pre-stop ran']\n"
                               "post-stop = ['app exit 6', 'echo post-stop ran']\n") +
                   kWeb);
  container.cinit().wait_for("web: ready\n");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("exited with code 5"));
  CHECK(container.logged("not-installed"));
  CHECK(container.logged("exited with code 6"));
  CHECK(in_order(container.log(), {"pre-stop ran\n", "web: handle signal: terminated\n", "post-stop ran\n"}));
}

TEST_CASE("--skip-startup-files leaves out my_init.d and rc.local, and nothing else") {
  Container container;
  boot_hook(container, "hook", "echo startup file ran");
  container.file("/etc/rc.local", script("echo startup file ran"), 0755);
  container.config("[hooks]\npre-start = ['echo pre-start ran']\n[service.web]\ncommand = ['app', 'app1', 'web']\n");
  container.cinit({"--skip-startup-files", "--", "app", "app1", "command"}).wait_for("ready\n", 2);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  CHECK(!container.logged("startup file ran"));
  CHECK(container.logged("pre-start ran\n"));
}

TEST_CASE("--no-services leaves the hooks in") {
  Container container;
  boot_hook(container, "hook", "echo hook ran");
  container.config("[hooks]\npost-start = ['echo post-start ran']\n[service.web]\ncommand = 'echo service ran'\n");
  container.cinit({"--no-services", "--", "echo", "command ran"});
  CHECK(container.wait_exit().code == 0);
  CHECK(in_order(container.log(), {"hook ran\n", "post-start ran\n", "command ran\n"}));
  CHECK(!container.logged("service ran"));
}

TEST_CASE("a hook makes the user that a service runs as") {
  Container container;
  boot_hook(container, "hook",
            "echo 'fresh:x:4321:4321::/home/fresh:/bin/sh' >> /etc/passwd; echo 'fresh:x:4321:' >> /etc/group");
  container.config("[service.web]\nuser = 'fresh'\ncommand = 'app state'\n").cinit();
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("\nuid=4321\ngid=4321\n"));
  CHECK(container.logged("\nenv.HOME=/home/fresh\n"));
}
