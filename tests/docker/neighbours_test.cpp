// cinit that is not PID 1: others are in its PID namespace, which are none of its business.
#include <doctest/doctest.h>

#include "container.hpp"

using namespace cinit::docker;
using namespace std::chrono_literals;

namespace {

const std::string kScript = "app daemon daemon; exec app app1 web";

void run_script(Container& container, bool as_service) {
  if (as_service) {
    container.config("[service.web]\ncommand = ['sh', '-c', '" + kScript + "']\n").run();
  } else {
    container.run_command({"sh", "-c", kScript});
  }
  container.wait_for("daemon: ready\n");
  container.wait_for("web: ready\n");
}

void check_that_all_stop(Container& container) {
  const End end = container.stop();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
  for (const char* name : {"web", "daemon"}) {
    CHECK(container.count(name + std::string(": handle signal: terminated\n")) == 1);
    CHECK(container.count(name + std::string(": app exit normally\n")) == 1);
  }
}

}  // namespace

// The PID namespace of another container stands for the machine's: a mistake reaches that container, and not the machine.
TEST_CASE("docker run --pid: nobody in a shared PID namespace gets a signal, and cinit stops what is its own") {
  bool as_service = false;
  SUBCASE("with a command") {}
  SUBCASE("with a service") { as_service = true; }
  Container neighbour;
  neighbour.run_command({"app", "app1", "neighbour"}).wait_for("neighbour: ready\n");
  neighbour.exec_in_background({"sh", "-c", "exec app app1 >/shared/guest.log"});
  neighbour.wait_until([&] { return neighbour.read_shared("guest.log") == "ready\n"; }, "the guest is ready");

  Container container;
  container.options({"--pid", "container:" + neighbour.name()});
  run_script(container, as_service);
  CHECK(container.exec({"ps"}).output.find("app app1 neighbour") != std::string::npos);
  check_that_all_stop(container);

  CHECK(neighbour.running());
  CHECK(!neighbour.logged("handle signal"));
  CHECK(neighbour.read_shared("guest.log") == "ready\n");
  CHECK(neighbour.stop().code == 0);
}

TEST_CASE("docker run --init: cinit below another init stops what is its own, and nobody else") {
  bool as_service = false;
  SUBCASE("with a command") {}
  SUBCASE("with a service") { as_service = true; }
  Container container;
  container.options({"--init"});
  run_script(container, as_service);
  container.exec_in_background({"sh", "-c", "exec app app1 >/shared/guest.log"});
  container.wait_until([&] { return container.read_shared("guest.log") == "ready\n"; }, "the guest is ready");
  check_that_all_stop(container);
  CHECK(container.read_shared("guest.log") == "ready\n");
}

TEST_CASE("docker run --init: the exit code is the command's") {
  Container container;
  container.options({"--init"});
  CHECK(container.run_to_end({"--", "app", "exit", "3"}).code == 3);
}
