// with-contenv, by its name, by --as, and as the interpreter of scripts.
#include <doctest/doctest.h>

#include <fstream>

#include "container.hpp"
#include "temporary_directory.hpp"

using namespace cinit::e2e;

namespace {

constexpr const char* kScript = "/etc/cont-init.d/10-colours";

// A container whose environment directory has COLOUR=green and SHAPE=round, and takes AWAY away.
struct Fixture {
  Fixture() {
    container.link("/sbin/cinit", "/usr/bin/with-contenv").link("/sbin/cinit", "/command/with-contenv");
    variable("COLOUR", "green\n");
    variable("SHAPE", "round");
    variable("AWAY", "");
  }
  void variable(const std::string& name, const std::string& content) { std::ofstream(directory / name) << content; }
  void script(const std::string& first_line, const std::string& text) {
    container.file(kScript, first_line + "\n" + text, 0755);
  }
  // What the command prints as PID 1, and its exit code.
  std::string run(const Arguments& command, const std::map<std::string, std::string>& env = {}) {
    container.start(command, {.env = env, .volumes = {directory.path() + ":/run/s6/container_environment"}});
    const int code = container.wait_exit().code;
    return container.log() + std::to_string(code);
  }

  TemporaryDirectory directory;
  Container container;
};

const std::string kPrint = "echo \"$COLOUR,$SHAPE,${AWAY-unset},$SIZE\"\n";
const Arguments kPrintCommand{"/usr/bin/with-contenv", "sh", "-c", kPrint};
const std::map<std::string, std::string> kEnv{{"COLOUR", "blue"}, {"AWAY", "here"}, {"SIZE", "small"}};

}  // namespace

TEST_CASE("with-contenv: variables of the directory win, an empty file takes one away, the others stay") {
  Fixture with;
  CHECK(with.run(kPrintCommand, kEnv) == "green,round,unset,small\n0");
}

TEST_CASE("with-contenv: --as names it") {
  Fixture with;
  CHECK(with.run({"cinit", "--as", "with-contenv", "sh", "-c", kPrint}, kEnv) == "green,round,unset,small\n0");
}

TEST_CASE("with-contenv: it is the interpreter of scripts") {
  Fixture with;
  SUBCASE("in the place of s6-overlay 2") { with.script("#!/usr/bin/with-contenv sh", kPrint + "echo $0 $1; exit 7"); }
  SUBCASE("in that of s6-overlay 3") { with.script("#!/command/with-contenv sh", kPrint + "echo $0 $1; exit 7"); }
  CHECK(with.run({kScript, "argument"}, kEnv) == std::string("green,round,unset,small\n") + kScript + " argument\n7");
}

TEST_CASE("with-contenv: the program is looked for in the PATH of the directory") {
  Fixture with;
  with.container.file("/opt/tools/tool", "#!/bin/sh\necho found\n", 0755);
  with.variable("PATH", "/opt/tools:/bin");
  CHECK(with.run({"/usr/bin/with-contenv", "tool"}) == "found\n0");
}

TEST_CASE("with-contenv: without the directory the environment is as it was") {
  Container container;
  container.link("/sbin/cinit", "/usr/bin/with-contenv").start(kPrintCommand, {.env = kEnv});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.log() == "blue,,here,small\n");
}

TEST_CASE("with-contenv: the directory may be in the old place") {
  Container container;
  container.link("/sbin/cinit", "/usr/bin/with-contenv").file("/var/run/s6/container_environment/COLOUR", "green");
  container.start({"/usr/bin/with-contenv", "sh", "-c", "echo $COLOUR"});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.log() == "green\n");
}

TEST_CASE("with-contenv: S6_KEEP_ENV leaves the directory alone, unless it is 0") {
  const auto with_keep = [](const std::string& value) {
    Fixture with;
    std::map<std::string, std::string> env = kEnv;
    env["S6_KEEP_ENV"] = value;
    return with.run(kPrintCommand, env);
  };
  CHECK(with_keep("1") == "blue,,here,small\n0");
  CHECK(with_keep("10") == "blue,,here,small\n0");
  CHECK(with_keep("0") == "green,round,unset,small\n0");
  CHECK(with_keep("") == "green,round,unset,small\n0");
}

TEST_CASE("with-contenv: what cannot be run is told, with the code of a shell") {
  Fixture with;
  std::string expected;
  Arguments command{"/usr/bin/with-contenv"};
  SUBCASE("not found") {
    with.variable("PATH", "/bin");
    command.emplace_back("nosuch");
    expected = "with-contenv: nosuch: not found in /bin\n127";
  }
  SUBCASE("not executable") {
    command.emplace_back("/etc/passwd");
    expected = "with-contenv: /etc/passwd is not executable (chmod +x)\n126";
  }
  SUBCASE("line ends of Windows") {
    with.script("#!/usr/bin/with-contenv sh\r", "true\r\n");
    command = {kScript};
    expected = "with-contenv: the first line of the script ends with CR LF; convert the file to Unix line ends\n127";
  }
  SUBCASE("nothing") { expected = "with-contenv: usage: with-contenv PROGRAM ARGS...\n100"; }
  CHECK(with.run(command) == expected);
}
