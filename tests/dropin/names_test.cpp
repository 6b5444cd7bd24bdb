// How cinit is told which program to be, and that it then is nothing else.
#include <doctest/doctest.h>

#include "container.hpp"

using namespace cinit::e2e;

namespace {

// What each of them says of a program that is not there.
struct Named {
  const char* name;
  const char* message;
};

constexpr Named kNames[] = {
    {"tini", "[FATAL tini (1)] exec nosuch failed"},
    {"tini-static", "[FATAL tini (1)] exec nosuch failed"},
    {"docker-init", "[FATAL tini (1)] exec nosuch failed"},
    {"dumb-init", "[dumb-init] nosuch: No such file"},
    {"catatonit", "ERROR (catatonit:1): failed to exec pid1"},
    {"podman-init", "ERROR (catatonit:1): failed to exec pid1"},
    {"my_init", "*** Booting runit daemon...\n*** Runit started as PID 1\n*** Running nosuch...\n"},
};

void check(const Named& named, const Arguments& command) {
  CAPTURE(named.name);
  Container container;
  container.link("cinit", std::string("/sbin/") + named.name).start(command);
  container.wait_exit();
  CHECK(container.log().find(named.message) == 0);
}

}  // namespace

TEST_CASE("a link with its name is that program") {
  for (const Named& named : kNames) check(named, {named.name, "--", "nosuch"});
}

TEST_CASE("whoever is called by its path has the same name") {
  for (const Named& named : kNames) check(named, {std::string("/sbin/") + named.name, "--", "nosuch"});
}

TEST_CASE("--as names the program") {
  for (const Named& named : kNames) check(named, {"cinit", "--as", named.name, "--", "nosuch"});
}

TEST_CASE("the place of Docker's init before 19.03 is tini's") {
  check(kNames[0], {"app", "with", "name=/dev/init", "--", "/sbin/cinit", "--", "nosuch"});
}

TEST_CASE("a name that begins like one of them is cinit's own") {
  Container container;
  container.link("cinit", "/sbin/tini2").start({"tini2", "--", "nosuch"});
  CHECK(container.wait_exit().code == 127);
  CHECK(container.logged("cinit: nosuch: not found"));
}

TEST_CASE("--as with another name is a usage error that lists them") {
  Container container;
  SUBCASE("a name") { container.start({"cinit", "--as", "runit", "--", "true"}); }
  SUBCASE("no name") { container.start({"cinit", "--as"}); }
  CHECK(container.wait_exit().code == 64);
  CHECK(
      container.logged("tini, tini-static, docker-init, dumb-init, catatonit, podman-init, my_init, runsvdir, "
                       "with-contenv, s6-setuidgid"));
}

TEST_CASE("no configuration is read, be it as broken as it may") {
  Container container;
  container.config("this is [broken").file("/etc/my_init.d/10", "#!/bin/sh\necho hook\n", 0755);
  SUBCASE("as any of them") {
    container.link("cinit", "/sbin/tini").start({"tini", "--", "echo", "runs"});
    CHECK(container.wait_exit().code == 0);
    CHECK(container.log() == "runs\n");
  }
  SUBCASE("as the one that has hooks") {
    container.link("cinit", "/sbin/my_init").start({"my_init", "--quiet", "--", "echo", "runs"});
    CHECK(container.wait_exit().code == 0);
    CHECK(container.log() == "hook\nruns\n");
  }
  SUBCASE("as itself it is") {
    container.cinit({"--", "echo", "runs"});
    CHECK(container.wait_exit().code == 78);
  }
}
