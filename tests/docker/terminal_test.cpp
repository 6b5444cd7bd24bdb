// Signals that come from outside: `docker kill`, and somebody at a terminal with `docker attach` or `docker run -it`.
#include "terminal.hpp"

#include <doctest/doctest.h>

#include "container.hpp"

using namespace cinit::docker;
using namespace std::chrono_literals;

namespace {

const char* kService = "[service.web]\ncommand = ['app', 'app1', 'web']\n";

// The container is as it was: the command still answers, and nobody else has heard anything.
void check_that_all_is_well(Container& container) {
  container.kill("USR1");
  container.wait_for("main: handle signal: usr1");
  CHECK(container.running());
  CHECK(container.count("main: handle signal: interrupt") == 1);
  CHECK(!container.logged("web: handle signal"));
}

Arguments attach(const Container& container) { return join(docker().client, {"attach", container.name()}); }

}  // namespace

TEST_CASE("S15: docker kill -s INT reaches the command once, and a command that handles it goes on") {
  Container container;
  SUBCASE("alone") {}
  SUBCASE("next to a service") { container.config(kService); }
  container.run_command({"app", "app2", "main"}).wait_for("main: ready\n");
  container.kill("INT");
  container.wait_for("main: handle signal: interrupt\n");
  check_that_all_is_well(container);
}

TEST_CASE("S15: without a command, docker kill -s INT starts the graceful stop") {
  Container container;
  container.config(kService).run().wait_for("web: ready\n");
  container.kill("INT");
  CHECK(container.wait_exit().code == 0);
  CHECK(container.count("web: handle signal: terminated\n") == 1);
  CHECK(container.count("web: app exit normally\n") == 1);
}

TEST_CASE("S15: Ctrl-C and Ctrl-D in docker attach do not end a container that runs with -it") {
  Container container;
  SUBCASE("alone") {}
  SUBCASE("next to a service") { container.config(kService); }
  container.options({"-i", "-t"}).run_command({"app", "app2", "main"}).wait_for("main: ready");
  Terminal terminal(attach(container));
  // Only what is said after the client has attached appears on its screen.
  container.wait_until(
      [&] {
        container.kill("USR2");
        return terminal.shows("usr2");
      },
      "the client is attached");
  terminal.type(kCtrlC);
  terminal.wait_for("main: handle signal: interrupt");
  terminal.type(kCtrlD);
  check_that_all_is_well(container);
}

TEST_CASE("S15: Ctrl-C and Ctrl-D in docker attach do not end a container that runs without -t") {
  Container container;
  SUBCASE("with -i") { container.options({"-i"}); }
  SUBCASE("without") {}
  container.config(kService).run_command({"app", "app2", "main"}).wait_for("main: ready\n");
  Terminal terminal(attach(container));
  container.wait_until(
      [&] {
        container.kill("USR2");
        return terminal.shows("usr2");
      },
      "the client is attached");
  terminal.type(kCtrlD);
  terminal.type(kCtrlC);
  container.wait_for("main: handle signal: interrupt\n");
  check_that_all_is_well(container);
}

TEST_CASE("S15: Ctrl-C in docker run -it reaches the command once, and one that ends by it gives docker run its code") {
  Container container;
  container.options({"-i", "-t"}).image(kCommandImage);
  Terminal terminal(container.run_words({"app", "app1", "main"}));
  terminal.wait_for("main: ready");
  terminal.type(kCtrlC);
  terminal.wait_for("main: app exit normally");
  CHECK(terminal.wait_exit() == 0);
  CHECK(container.count("handle signal: interrupt") == 1);
}

TEST_CASE("S15: without a command, Ctrl-C in docker run -it starts the graceful stop") {
  Container container;
  container.options({"-i", "-t"}).config(kService);
  Terminal terminal(container.run_words({}));
  terminal.wait_for("web: ready");
  terminal.type(kCtrlC);
  CHECK(terminal.wait_exit() == 0);
  CHECK(container.count("web: handle signal: terminated") == 1);
  CHECK(container.count("web: app exit normally") == 1);
}

TEST_CASE("docker run -it of a shell: it has job control, and its code is the container's") {
  Container container;
  container.options({"-i", "-t"}).config(kService);
  Terminal terminal(container.run_words({"--no-services", "sh", "-i"}));
  terminal.wait_for("# ");
  terminal.type("echo $((6 * 7)); exit 5\n");
  CHECK(terminal.wait_exit() == 5);
  CHECK(container.logged("42\r\n"));
  CHECK(!container.logged("job control"));
  CHECK(!container.logged("web: "));
}
