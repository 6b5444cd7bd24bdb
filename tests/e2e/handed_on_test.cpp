// `[cinit] signals`, and the STOPSIGNAL of images.
#include <doctest/doctest.h>

#include "container.hpp"

using namespace cinit::e2e;

namespace {

// A service that says which signals it gets.
std::string saying(const std::string& name, const std::string& more = "") {
  return "[service." + name + "]\ncommand = ['sh', '-c', '''\ntrap 'echo " + name + " got HUP' HUP\ntrap 'echo " +
         name + " got USR1' USR1\ntrap 'echo " + name + " got WINCH; exit 0' WINCH\ntrap 'exit 0' TERM\necho " + name +
         " is here\nwhile :; do sleep 0.05; done''']\n" + more;
}

}  // namespace

TEST_CASE("a signal of the container is handed on to the service that the configuration names") {
  Container container;
  container.config(
      "[cinit]\nsignals = { SIGHUP = 'a', USR2 = ['b', 'reload'], QUIT = ['a', 'SIGUSR1'], INT = ['b', 'restart'] }\n" +
      saying("a") + saying("b"));
  container.cinit();
  container.wait_for("a is here");
  container.wait_for("b is here");
  container.signal(SIGHUP);
  container.wait_for("a got HUP");
  container.signal(SIGUSR2);
  container.wait_for("b got HUP");
  container.signal(SIGQUIT);  // it would be a stop signal
  container.wait_for("a got USR1");
  container.signal(SIGINT);
  container.wait_for("b is here", 2);
  CHECK(container.count("a got HUP") == 1);
  CHECK(container.count("SIGUSR2 is handed on as SIGHUP") == 1);
  CHECK(container.running());
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("a signal that is handed on is not one of the main command, and one that has nobody is told") {
  Container container;
  container.config("[cinit]\nsignals = { SIGHUP = 'a', SIGUSR1 = 'off' }\n" + saying("a") +
                   saying("off", "autostart = false\n"));
  container.cinit(
      {"--", "sh", "-c", "trap 'echo main got it' HUP USR1; echo main is here; while :; do sleep 0.05; done"});
  container.wait_for("main is here");
  container.signal(SIGHUP);
  container.wait_for("a got HUP");
  container.signal(SIGUSR1);
  container.wait_for("off: SIGUSR1 is not handed on: it has no process now");
  CHECK(!container.logged("main got it"));
}

TEST_CASE("the stop signal of a service stops the container, as the STOPSIGNAL of its image does") {
  Container container;
  SUBCASE("without a word about it") {
    container.config(saying("a", "stop-signal = 'SIGWINCH'\n"));
    container.cinit();
    container.wait_for("a is here");
    container.signal(SIGWINCH);
    CHECK(container.wait_exit().code == 0);
    CHECK(container.logged("a got WINCH"));
  }
  SUBCASE("but not where stop-signals says which do, and then the way out is told") {
    container.config("[cinit]\nstop-signals = ['SIGTERM', 'SIGINT']\n" + saying("a", "stop-signal = 'SIGWINCH'\n"));
    container.cinit();
    container.wait_for("a is here");
    container.signal(SIGWINCH);
    container.wait_for("SIGWINCH is ignored: it is not in [cinit] stop-signals");
    CHECK(container.logged("[cinit] signals hands it on to a service"));
    CHECK(container.running());
  }
}
