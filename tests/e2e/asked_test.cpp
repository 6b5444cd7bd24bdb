// What start, stop, restart and shutdown promise to the client that asks, and what the log of a long stop names.
#include <doctest/doctest.h>

#include <csignal>

#include "container.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

const std::string kOther = "[service.other]\ncommand = ['app', 'app1', 'other']\n";

std::string service(const std::string& name, const std::string& script, const std::string& keys = "") {
  return "[service." + name + "]\ncommand = ['sh', '-c', '" + script + "']\non-failure = 'ignore'\n" + keys;
}

}  // namespace

TEST_CASE("asked: a start of a program that ends at once says how it ended, and fails") {
  Container container;
  container.config(kOther + service("bad", "exit 4", "autostart = false\nrestart = 'no'\n") +
                   service("again", "exit 5", "autostart = false\nrestart-delay = '9s'\n") +
                   service("late", "app wait-for /shared/go; exit 6", "autostart = false\nrestart = 'no'\n"));
  container.cinit().wait_for("other: ready\n");
  const Output bad = container.exec({"cinit", "start", "bad"});
  CHECK(bad.code == 1);
  CHECK(bad.text.starts_with("cinit: bad: failed: exited with code 4"));
  const Output again = container.exec({"cinit", "restart", "again"});
  CHECK(again.code == 1);
  CHECK(again.text.starts_with("cinit: again: failed: exited with code 5"));
  const Output late = container.exec({"sh", "-c",
                                      "cinit start late & pid=$!; until cinit status late | grep -q running; "
                                      "do :; done; touch /shared/go; wait $pid"});
  CHECK(late.code == 1);
  CHECK(late.text.starts_with("cinit: late: failed: exited with code 6"));
}

TEST_CASE("asked: a start of a program that stays waits for a moment, and one with readiness until that") {
  Container container;
  container.config(kOther + service("stays", "exec app app1 stays", "autostart = false\n") +
                   service("tells", "touch /shared/runs; app wait-for /shared/go; echo here; exec sleep 99",
                           "autostart = false\nready = { log = 'here' }\n"));
  container.cinit().wait_for("other: ready\n");
  const Clock::time_point begin = Clock::now();
  const Output stays = container.exec({"cinit", "start", "stays"});
  CHECK(stays.code == 0);
  CHECK(stays.text == "stays: started\n");
  CHECK(Clock::now() - begin >= 1s);
  CHECK(container.exec({"cinit", "start", "stays"}).text == "stays: up already\n");
  const Output tells = container.exec({"sh", "-c",
                                       "cinit start tells & app wait-for /shared/runs; "
                                       "cinit status tells | grep -q starting || echo too early; "
                                       "touch /shared/go; wait $!"});
  CHECK(tells.code == 0);
  CHECK(tells.text == "tells: started\n");
}

TEST_CASE("asked: a stop and a restart say that a service had to be killed") {
  Container container;
  container.config(kOther + "[service.deaf]\ncommand = ['app', 'app2', 'deaf']\nstop-timeout = '300ms'\n");
  container.cinit().wait_for("ready\n", 2);
  const Output restart = container.exec({"cinit", "restart", "deaf", "other"});
  CHECK(restart.code == 0);
  CHECK(restart.text.find("deaf: restarted; it had to be killed, because it did not end when it was asked to\n") !=
        std::string::npos);
  CHECK(restart.text.find("other: restarted\n") != std::string::npos);
  container.wait_for("ready\n", 4);
  const Output stop = container.exec({"cinit", "stop", "deaf"});
  CHECK(stop.code == 0);
  CHECK(stop.text == "deaf: stopped; it had to be killed, because it did not end when it was asked to\n");
}

TEST_CASE("asked: a long stop names after a second what it waits for, and then ever more rarely") {
  Container container;
  container.config("[cinit]\nstop-timeout = '6s'\n" + kOther +
                   "[service.deaf]\ncommand = ['app', 'app2', 'deaf']\nbefore = ['other']\n");
  container.cinit().wait_for("ready\n", 2);
  container.signal(SIGTERM);
  container.wait_for("waiting for deaf\n");
  CHECK(!container.logged("waiting for deaf, other"));
  CHECK(container.running());
  CHECK(container.wait_exit().code == 137);
  CHECK(container.count("cinit: stopping for ") == 3);
}

TEST_CASE("asked: a quick stop says nothing of that") {
  Container container;
  container.config(kOther).cinit().wait_for("ready\n");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  CHECK(!container.logged("stopping for "));
}
