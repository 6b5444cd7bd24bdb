// Oneshots of s6-rc, whose command lines are execline's; Debian's execline is there or not.
#include <doctest/doctest.h>

#include "../e2e/in_order.hpp"
#include "comparison.hpp"
#include "s6_comparison.hpp"

using namespace cinit::s6_test;
namespace e2e = cinit::e2e;

namespace {

const std::string kSources = "/etc/s6-overlay/s6-rc.d/";
const e2e::Options kLibraries{.env = {{"COLOUR", "green"}}, .volumes = {"/lib:/lib", "/lib64:/lib64"}};

// A container with nothing but oneshots ends after them.
void add_longrun(Container& container) {
  container.file(kSources + "user/contents.d/stays", "").file(kSources + "stays/type", "longrun\n");
  container.file(kSources + "stays/run", "#!/bin/sh\nexec sleep 99\n", 0755);
}

void add_oneshot(Container& container, const std::string& name, const std::string& up, const std::string& down = "") {
  container.file(kSources + "user/contents.d/" + name, "").file(kSources + name + "/type", "oneshot\n");
  container.file(kSources + name + "/up", up);
  if (!down.empty()) container.file(kSources + name + "/down", down);
}

}  // namespace

TEST_CASE("s6-rc: blocks and substitution of execline are run by execlineb") {
  Container container;
  install_s6(container);
  add_longrun(container);
  container.link("/sbin/cinit", "/usr/bin/with-contenv");
  add_oneshot(container, "init",
              "#!/command/execlineb -P\nwith-contenv\nimportas -D red COLOUR COLOUR\nif { mkdir -p /tmp/logs }\n"
              "ifelse { eltest -e /tmp/never } { exit 1 }\nforeground { echo \"init: ok ${COLOUR}\" }\n"
              "importas NAME RC_NAME\necho \"name: ${NAME}\"\n",
              "foreground { echo down: first } echo down: last");
  add_oneshot(container, "away", "cd /tmp sh -c pwd");
  add_oneshot(container, "fails", "if { eltest -e /no } echo not reached");
  container.cinit({}, kLibraries).wait_for("name: init\n");
  container.wait_for("fails: exited with code 1");
  container.wait_for("/tmp\n");
  container.wait_for("cinit: init: done\n");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  CHECK(e2e::in_order(container.log(), {"init: ok green\n", "name: init\n", "down: first\n", "down: last\n"}));
  CHECK(!container.logged("not reached"));
}

TEST_CASE("s6-rc: exec in front of a command needs no execline") {
  Container container;
  add_longrun(container);
  container.file("/etc/init.sh", "#!/bin/sh\necho $0 runs as $RC_NAME, ${COLOUR-bare}\n", 0755);
  container.file("/etc/env.sh", "#!/bin/sh\necho env: ${RC_NAME-none}\n", 0755);
  add_oneshot(container, "init", "#!/bin/sh\nexec /etc/init.sh\n", "exec echo undone");
  add_oneshot(container, "name", "exec -l -a ash sh -c \"echo named $0\"");
  add_oneshot(container, "empty", "exec -c /etc/env.sh");
  container.cinit().wait_for("/etc/init.sh runs as init, bare\n");
  container.wait_for("named -ash\n");
  container.wait_for("env: none\n");
  container.wait_for("cinit: init: done\n");
  CHECK(!container.logged("warning"));
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("undone\n"));
}

TEST_CASE("s6-rc: oneshots run in a directory of their own in /run, as those of s6-rc do") {
  Container container;
  add_longrun(container);
  add_oneshot(container, "up", "sh -c pwd", "sh -c \"echo down in $PWD\"");
  e2e::Options options;
  SUBCASE("") {}
  SUBCASE("on a read-only root") { options.read_only = true; }
  container.cinit({}, options).wait_for("/run/s6-rc/servicedirs/s6rc-oneshot-runner\n");
  container.wait_for("cinit: up: done\n");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("down in /run/s6-rc/servicedirs/s6rc-oneshot-runner\n"));
}

TEST_CASE("exec: what its options do, beside execline's") {
  const auto compare = [](const std::string& name, const std::string& line) {
    INFO(name);
    std::string texts[2];
    int codes[2] = {};
    for (int i = 0; i < 2; ++i) {
      Container container;
      install_s6(container);
      container.start({"app", "app1"}, kLibraries);
      const std::string exec = i == 0 ? "/usr/lib/execline/bin/exec " : "cinit --as exec ";
      const e2e::Output output = container.exec({"sh", "-c", "COLOUR=green " + exec + line + " 2>/dev/null"});
      texts[i] = output.text;
      codes[i] = output.code;
    }
    CHECK(texts[0] == texts[1]);
    CHECK(codes[0] == codes[1]);
  };
  compare("plain", "sh -c 'echo $0 $COLOUR'");
  compare("empty environment", "-c env");
  compare("login", "-l sh -c 'echo $0'");
  compare("another name", "-a ash sh -c 'echo $0'");
  compare("all", "-cla ash sh -c 'echo $0; env'");
  compare("name in one word", "-aash -l sh -c 'echo $0'");
  compare("end of options", "-c -- env");
  compare("exit code", "sh -c 'exit 7'");
  compare("no such program", "nosuch");
  compare("an option that it does not have", "-x env");
}
