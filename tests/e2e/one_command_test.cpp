// What `cinit -- COMMAND` promises does not depend on whether the image has a configuration.
#include <doctest/doctest.h>

#include <csignal>

#include "container.hpp"

using namespace cinit::e2e;

namespace {

int count_in(const std::string& text, const std::string& part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// With and without something that makes the whole of cinit run.
void with_or_without_configuration(Container& container) {
  SUBCASE("without configuration") {}
  SUBCASE("with kernel parameters to set") { container.file("/etc/sysctl.conf", "kernel.domainname = a\n"); }
}

}  // namespace

TEST_CASE("one command: a signal that ended it is told, on standard error and in /dev/termination-log") {
  Container container;
  with_or_without_configuration(container);
  container.file("/run.sh", R"sh(#!/bin/sh
: >/dev/termination-log
cinit -- sh -c 'kill -SEGV $$'
echo "code $?, left: $(cat /dev/termination-log)"
)sh",
                 0755);
  container.start({"sh", "/run.sh"}).wait_exit();
  CHECK(count_in(container.log(), "code 139, left: ") == 1);
  CHECK(count_in(container.log(), ": killed by SIGSEGV") >= 2);
}

TEST_CASE("one command: an end that was asked for is no news") {
  Container container;
  container.cinit({"--", "sh", "-c", "echo runs; exec sleep 99"}).wait_for("runs\n");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 143);
  CHECK(container.log() == "runs\n");
}

TEST_CASE("one command: exit codes speak for themselves, and are in /dev/termination-log") {
  Container container;
  container.file("/run.sh", R"sh(#!/bin/sh
: >/dev/termination-log
cinit -- sh -c 'exit 3'
echo "code $?, left: $(cat /dev/termination-log)"
)sh",
                 0755);
  container.start({"sh", "/run.sh"}).wait_exit();
  CHECK(container.log() == "code 3, left: cinit: sh: exited with code 3\n");
}

TEST_CASE("one command: a mistyped command of cinit's runs no program beside it") {
  Container container;
  with_or_without_configuration(container);
  container.cinit({"--", "sh", "-c", "echo runs; exec sleep 99"}).wait_for("runs\n");
  const Output mistyped = container.exec({"cinit", "statsu"});
  CHECK(mistyped.code == 64);
  CHECK(mistyped.text ==
        "cinit: \"statsu\" is none of cinit's commands, and a cinit runs in this container already; "
        "did you mean \"status\"? To run a program of that name: cinit -- statsu\n");
  CHECK(container.exec({"cinit", "kill", "-l"}).code == 64);
  CHECK(container.exec({"cinit", "--", "sh", "-c", "exit 5"}).code == 5);
  CHECK(container.exec({"cinit", "--no-services", "--skip-startup-files", "sh", "-c", "exit 6"}).code == 6);
}

TEST_CASE("one command without configuration: it is healthy as long as it runs, and there is nothing to ask for") {
  Container container;
  container.cinit({"--", "sh", "-c", "echo runs; exec sleep 99"}).wait_for("runs\n");
  const Output health = container.exec({"cinit", "health"});
  CHECK(health.code == 0);
  CHECK(health.text == "cinit: one command runs here, without configuration: there is nothing else to check\n");
  const Output status = container.exec({"cinit", "status"});
  CHECK(status.code == 69);
  CHECK(status.text ==
        "cinit: one command runs here, without configuration: there is no socket, and nothing to ask for\n");
}
