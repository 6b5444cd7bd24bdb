// `docker run -it`: a terminal as PID 1's controlling terminal.
#include <doctest/doctest.h>

#include "both_loops.hpp"
#include "container.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

constexpr const char* kCtrlC = "\x03";
constexpr const char* kCtrlBackslash = "\x1c";
constexpr const char* kCtrlZ = "\x1a";

const Options kTerminal{.tty = true};

}  // namespace

TEST_CASE("S15: Ctrl-C reaches the command once, and a command that handles it goes on") {
  Container container;
  SUBCASE("alone") {}
  SUBCASE("next to a service") { container.config("[service.web]\ncommand = ['app', 'app1', 'web']\n"); }
  container.cinit({"--", "app", "app2", "main"}, kTerminal).wait_for("main: ready");
  container.write(kCtrlC);
  container.wait_for("main: handle signal: interrupt");
  container.write(kCtrlBackslash);
  container.wait_for("main: handle signal: quit");
  container.signal(SIGUSR1);
  container.wait_for("main: handle signal: usr1");
  CHECK(container.count("main: handle signal: interrupt") == 1);
  CHECK(container.count("main: handle signal: quit") == 1);
  CHECK(!container.logged("web: handle signal"));
  CHECK(container.running());
}

TEST_CASE("S15: without a command, Ctrl-C starts the graceful stop") {
  Container container;
  container.config("[service.web]\ncommand = ['app', 'app1', 'web']\n").cinit({}, kTerminal).wait_for("web: ready");
  container.write(kCtrlC);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.count("web: handle signal: terminated") == 1);
  CHECK(!container.logged("interrupt"));
}

TEST_CASE("the command has the terminal's foreground, in a process group of its own") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "app", "state"}, kTerminal);
  CHECK(container.wait_exit().code == 0);
  const std::string& log = container.log();
  const auto value = [&](const std::string& key) {
    const std::size_t at = log.find("\n" + key + "=") + key.size() + 2;
    return log.substr(at, log.find('\r', at) - at);
  };
  CHECK(value("pgrp") != "1");
  CHECK(value("foreground") == value("pgrp"));
  CHECK(value("sid") == "1");
}

TEST_CASE("a service does not get the terminal") {
  Container container;
  container.config("[service.web]\ncommand = ['sh', '-c', 'cat </dev/tty; echo done']\n").cinit({}, kTerminal);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("done"));
  CHECK(container.logged("/dev/tty"));  // No such device or address
}

TEST_CASE("Ctrl-Z suspends the command, which is left alone, and SIGCONT resumes it") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "app", "app1", "main"}, kTerminal).wait_for("main: ready");
  container.write(kCtrlZ);
  container.wait_for("suspended by SIGTSTP");
  CHECK(container.processes().back().state == 'T');
  container.signal(SIGCONT);
  container.wait_until([&] { return container.processes().back().state == 'S'; }, "the command goes on");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("main: app exit normally"));
}

TEST_CASE("an interactive shell has job control, and its code is the container's") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "sh", "-i"}, kTerminal).wait_for("# ");
  container.write("echo $((6 * 7)) $$; exit 5\n");
  CHECK(container.wait_exit().code == 5);
  CHECK(container.logged("42 "));
  CHECK(!container.logged("job control"));
}

TEST_CASE("the terminal hangs up: the command hears of it") {
  Container container;
  container.cinit({"--", "sh", "-c", "app app1 main >/shared/log"}, kTerminal);
  container.wait_until([&] { return container.read_shared("log") == "main: ready\n"; }, "the command is ready");
  container.close_input();
  container.wait_exit();
  CHECK(container.read_shared("log") == "main: ready\nmain: handle signal: hangup\nmain: app exit normally\n");
}

TEST_CASE("the terminal hangs up: without a command the services are stopped") {
  Container container;
  container.config("[service.web]\ncommand = ['app', 'app1', 'web']\nstdout = 'file:/shared/log'\n")
      .cinit({}, kTerminal);
  container.wait_until([&] { return container.read_shared("log") == "web: ready\n"; }, "the service is ready");
  container.close_input();
  CHECK(container.wait_exit().code == 0);
  CHECK(container.read_shared("log") == "web: ready\nweb: handle signal: terminated\nweb: app exit normally\n");
}
