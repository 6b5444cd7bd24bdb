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

TEST_CASE("asked: shutdown ends the container from inside, with the exit code that is asked for") {
  Container container;
  Arguments command;
  Arguments shutdown{"cinit", "shutdown"};
  int code = 0;
  SUBCASE("services") {}
  SUBCASE("services, and a code") { shutdown.push_back(std::to_string(code = 7)); }
  SUBCASE("a main command that would not end") {
    command = {"--", "app", "app2", "main"};
    shutdown.push_back(std::to_string(code = 3));
  }
  container.config("[cinit]\nstop-timeout = '1s'\n" + kOther)
      .cinit(command)
      .wait_for("ready\n", command.empty() ? 1 : 2);
  CHECK(container.exec({"cinit", "shutdown", "many"}).code == 64);
  CHECK(container.exec({"cinit", "--as", "s6-setuidgid", "1000:1000", "cinit", "shutdown"}).code == 77);
  const Output output = container.exec(shutdown);
  CHECK(output.code == 0);
  CHECK(output.text == "the container is stopping\n");
  CHECK(container.wait_exit().code == code);
  CHECK(container.logged("cinit: stopping: cinit shutdown\n"));
}

TEST_CASE("asked: shutdown ends one command without configuration as docker stop does") {
  Container container;
  container.cinit({"--", "app", "app1", "main"}).wait_for("main: ready\n");
  CHECK(container.exec({"cinit", "shutdown", "3"}).code == 69);
  CHECK(container.running());
  CHECK(container.exec({"cinit", "shutdown"}).code == 0);
  container.wait_exit();
  CHECK(container.logged("main: handle signal: terminated\n"));
}

TEST_CASE("asked: commands of other programs are answered with cinit's own") {
  Container container;
  container.config(kOther).cinit().wait_for("ready\n");
  const std::string none = " is none of cinit's commands, and a cinit runs in this container already; cinit has ";
  for (const auto& [word, own] : {std::pair("ps", "status"),
                                  {"reread", "check"},
                                  {"tail", "logs -f"},
                                  {"down", "stop NAME"},
                                  {"halt", "shutdown"}}) {
    const std::string given = word;
    CAPTURE(given);
    const Output output = container.exec({"cinit", given});
    CHECK(output.code == 64);
    CHECK(output.text.starts_with("cinit: \"" + given + "\"" + none));
    CHECK(output.text.find("cinit " + std::string(own)) != std::string::npos);
  }
  const Output all = container.exec({"cinit", "restart", "all"});
  CHECK(all.code == 64);
  CHECK(all.text == "cinit: there is no service \"all\"; all of them are '*'\n");
  const Output stop = container.exec({"cinit", "stop"});
  CHECK(stop.code == 64);
  CHECK(stop.text.find("`cinit shutdown` ends the container") != std::string::npos);
}

TEST_CASE("asked: every command has its own help, and the whole help has every command") {
  Container container;
  container.config(kOther).cinit().wait_for("ready\n");
  const Output whole = container.exec({"cinit", "--help"});
  CHECK(whole.code == 0);
  for (const std::string command : {"status", "start", "stop", "restart", "signal", "logs", "health", "shutdown"}) {
    CAPTURE(command);
    CHECK(whole.text.find("\n  " + command + " ") != std::string::npos);
    const Output own = container.exec({"cinit", command, "--help"});
    CHECK(own.code == 0);
    CHECK(own.text.starts_with("Usage: cinit " + command + " "));
    CHECK(container.exec({"cinit", "help", command}).text == own.text);
  }
  CHECK(container.exec({"cinit", "logs", "--help"}).text.find("  -n, --lines LINES") != std::string::npos);
}

TEST_CASE("asked: RESTARTS counts what cinit restarted by itself") {
  Container container;
  container.config(kOther + service("flaky", "app wait-for /shared/go; mv /shared/go /shared/gone; exit 1",
                                    "restart-delay = '1ms'\n"));
  container.cinit().wait_for("ready\n");
  const auto restarts = [&](const std::string& name, const std::string& count) {
    return container.exec({"cinit", "status", "--json", name}).text.find("\"restarts\":" + count + ",") !=
           std::string::npos;
  };
  CHECK(container.exec({"cinit", "restart", "other", "flaky"}).code == 0);
  CHECK(restarts("other", "0"));
  CHECK(restarts("flaky", "0"));
  container.exec({"touch", "/shared/go"});
  container.wait_until([&] { return restarts("flaky", "1"); }, "the restart is counted");
}

TEST_CASE("asked: an image whose command has the name of one of cinit's is told how to run it") {
  Container container;
  container.config(kOther).cinit({"start"});
  CHECK(container.wait_exit().code == 69);
  CHECK(container.logged(
      "cinit: no other cinit runs here that could be asked (to run a program of that name: cinit -- start)"));
}

TEST_CASE("asked: on a machine with an init of its own the client says what it needs, and no word is run") {
  Container container;
  container.file("/init", "#!/bin/sh\necho up\nwhile :; do sleep 9; done\n", 0755);
  container.config(kOther).start({"/init"}).wait_for("up\n");
  const Output status = container.exec({"cinit", "status"});
  CHECK(status.code == 69);
  CHECK(status.text == "cinit: no cinit runs here. For that of a container: docker exec CONTAINER cinit status\n");
  const Output word = container.exec({"cinit", "echo", "ran"});
  CHECK(word.code == 64);
  CHECK(word.text.starts_with("cinit: this is no container, but a machine with an init of its own. "));
}
