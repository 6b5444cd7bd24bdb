// Zombies.
#include <doctest/doctest.h>

#include "both_loops.hpp"
#include "container.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

void wait_until_reaped(Container& container, const std::string& what) {
  const Clock::time_point start = Clock::now();
  container.wait_until([&] { return container.zombies() == 0; }, "no zombie is left");
  MESSAGE(what, ": none was left ", milliseconds(Clock::now() - start), " ms after the last had been made");
}

}  // namespace

TEST_CASE("ten thousand orphans that have ended already are reaped at once") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "app", "zombies", "10000"}).wait_for("zombies: ready\n");
  wait_until_reaped(container, "ten thousand zombies");
  CHECK(container.processes().size() == 2);
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
}

TEST_CASE("a stream of orphans is reaped as it comes, next to a service that crashes meanwhile") {
  Container container;
  container.config(
      "[service.flaky]\ncommand = ['app', 'exit', '1']\nrestart-delay = '1ms'\nrestart-max-delay = '10ms'\n"
      "start-limit-burst = 0\n"
      "[service.stream]\ncommand = ['app', 'stream', '2000']\n");
  container.cinit().wait_for("stream: ready\n");
  const int restarts = container.count("cinit: flaky: exited with code 1");
  CHECK(restarts > 2);
  container.wait_for("cinit: flaky: exited with code 1", restarts + 2);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("S34: a process that was entered from outside is reaped by whoever entered it, its orphans by PID 1") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "app", "app1", "main"}).wait_for("main: ready\n");
  const Output output = container.exec({"sh", "-c", "app daemon guest; exit 3"});
  CHECK(output.code == 3);
  CHECK(output.text == "guest: ready\n");
  CHECK(container.zombies() == 0);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}
