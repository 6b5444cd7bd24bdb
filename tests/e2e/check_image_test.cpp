// `cinit check`: what the start of an image would say is said before it, at the key that it is about.
#include <doctest/doctest.h>

#include <fstream>

#include "container.hpp"

using namespace cinit::e2e;

namespace {

// The exit code of a command of cinit's in this image, and what it has said.
struct Answer {
  int code;
  std::string text;
  bool says(std::string_view part) const { return text.find(part) != std::string::npos; }
};

Answer ask(Container& image, const Arguments& command, const Options& options = {}) {
  image.cinit(command, options);
  const End end = image.wait_exit();
  return {end.code, image.log()};
}

std::string program_of(int machine) {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  std::string head(4096, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head[18] = static_cast<char>(machine & 0xff);
  head[19] = static_cast<char>(machine >> 8);
  return head;
}

}  // namespace

TEST_CASE("check says of every program what its start would say, at the line of its key") {
  Container image;
  image.file("/opt/crlf", "#!/bin/sh\r\nexit 0\r\n", 0755)
      .file("/opt/perl", "#!/usr/bin/perl6\n", 0755)
      .file("/opt/plain", "#!/bin/sh\n", 0644)
      .file("/opt/foreign", program_of(183), 0755)
      .file("/opt/picture", std::string("\x89PNG\0\0", 6), 0755)
      .file("/opt/dir/.keep", "");
  image.config(
      "[service.a]\nuser = 'nobody'\ncommand = ['nginxx', '-g']\n"
      "[service.b]\ncommand = '/opt/crlf'\n"
      "[service.c]\ncommand = 'sleep 9'\npre-start = ['/opt/perl x']\npost-stop = ['/opt/dir']\n"
      "[service.d]\ncommand = '/opt/foreign'\nready = { exec = '/opt/picture' }\n"
      "[service.e]\ncommand = ['sleep', '9']\nstop-command = 'nonesuch'\nhealth = { exec = '/opt/plain' }\n"
      "[service.f]\ncommand = ['sh', '-c', 'nonesuch']\n"
      "[hooks]\npre-start = ['migrate-it']\n");
  const Answer answer = ask(image, {"check"});
  CAPTURE(answer.text);
  CHECK(answer.code == 0);
  CHECK(answer.says("/etc/cinit.toml:3:11: warning: [service.a] command: nginxx: not found in "));
  CHECK(answer.says("/etc/cinit.toml:5:11: warning: [service.b] command: /opt/crlf: its first line ends with CR LF"));
  CHECK(
      answer.says("/etc/cinit.toml:8:13: warning: [service.c] pre-start: /opt/perl: its interpreter /usr/bin/perl6 "
                  "does not exist"));
  CHECK(answer.says("/etc/cinit.toml:9:13: warning: [service.c] post-stop: /opt/dir is a directory"));
  CHECK(answer.says("/etc/cinit.toml:11:11: warning: [service.d] command: /opt/foreign is a program for aarch64"));
  CHECK(answer.says("warning: [service.d] ready: /opt/picture is neither a program nor a text"));
  CHECK(answer.says("/etc/cinit.toml:15:16: warning: [service.e] stop-command: nonesuch: not found in "));
  CHECK(answer.says("warning: [service.e] health: /opt/plain is not executable (chmod +x)"));
  CHECK(answer.says("warning: [hooks] pre-start: migrate-it: not found in "));
  CHECK(answer.says("6 services, 9 warnings"));
}

TEST_CASE("check says of everything else of a start what it would say, and leaves nothing behind") {
  Container image;
  image.config(
      "[service.a]\ncommand = 'sleep 9'\nworking-dir = '/srv/missing'\nenv-file = '/missing.env'\n"
      "stdout = 'file:/var/log/missing/a.log'\nstderr = 'file:/a.log'\n"
      "[service.b]\ncommand = 'nonesuch'\nuser = 'ghost'\n"
      "[service.c]\ncommand = 'sleep 9'\ngroups = ['ghosts']\n"
      "[service.d]\ncommand = 'sleep ${SECONDS_OF_IT}'\nworking-dir = '/${PLACE}'\n"
      "[defaults]\npre-stop = ['/nowhere']\n"
      "[sysctl]\nset = { 'not a key' = 1, '../../../x' = 2 }\nfiles = ['/missing.conf']\n");
  image.file("/etc/my_init.d/10-no-mode", "#!/bin/sh\n", 0644).file("/etc/my_init.d/20-bad", "#!/bin/bush\n", 0755);
  const Answer answer = ask(image, {"check", "--strict"});
  CAPTURE(answer.text);
  CHECK(answer.code == 1);
  CHECK(answer.says(
      "/etc/cinit.toml:3:15: warning: [service.a] working-dir: cannot change to directory /srv/missing: No such"));
  CHECK(answer.says("/etc/cinit.toml:4:12: warning: [service.a] env-file: /missing.env: "));
  CHECK(
      answer.says("/etc/cinit.toml:5:10: warning: [service.a] stdout: cannot open /var/log/missing/a.log for its "
                  "output: /var/log/missing: "));
  CHECK(!answer.says("stderr"));
  CHECK(answer.says("/etc/cinit.toml:9:8: warning: [service.b] user: "));
  CHECK(answer.says("/etc/cinit.toml:8:11: warning: [service.b] command: nonesuch: not found in "));
  CHECK(answer.says("/etc/cinit.toml:12:10: warning: [service.c] groups: "));
  CHECK(answer.says("/etc/cinit.toml:17:12: warning: [service.d] pre-stop: /nowhere: No such file or directory"));
  CHECK(!answer.says("[service.d] working-dir: cannot"));
  CHECK(answer.says("the key not a key has a blank"));
  CHECK(answer.says("../../../x is no path below /proc/sys"));
  CHECK(answer.says("/missing.conf: warning: cannot be read"));
  CHECK(answer.says("/etc/my_init.d/10-no-mode is not executable"));
  CHECK(answer.says("/etc/my_init.d/20-bad: warning: cannot be run: "));
}

TEST_CASE("check looks with the rights that a service will have") {
  Container image;
  image.file("/root/app/run", "#!/bin/sh\n", 0755)
      .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n");
  image.config("[service.a]\nuser = 'app'\ncommand = '/root/app/run'\n");
  SUBCASE("those of its user") {
    // The directory of this container is 0755, so one is made for the test.
    image.file("/opt/closed/run", "#!/bin/sh\n", 0700);
    image.config("[service.a]\nuser = 'app'\ncommand = '/opt/closed/run'\n");
    const Answer answer = ask(image, {"check"});
    CAPTURE(answer.text);
    CHECK(answer.says("/etc/cinit.toml:3:11: warning: [service.a] command: /opt/closed/run: uid 1000 may not run it"));
  }
  SUBCASE("a user that cinit cannot become") {
    const Answer answer = ask(image, {"check"}, {.user = "2000:2000"});
    CAPTURE(answer.text);
    CHECK(answer.says("/etc/cinit.toml:2:8: warning: [service.a] user: "));
    CHECK(answer.says("cinit runs as uid 2000, and only root may change it"));
  }
}

TEST_CASE("check tells of every cycle, beside the other mistakes") {
  Container image;
  image.config(
      "[service.a]\ncommand = 'sleep 9'\nafter = ['b']\n[service.b]\ncommand = 'sleep 9'\nrequires = ['a']\n"
      "[service.c]\ncommand = 'sleep 9'\nafter = ['c']\n"
      "[service.x]\ncommand = 'sleep 9'\nafter = ['y']\nbefore = ['y']\n[service.y]\ncommand = 'sleep 9'\n");
  const Answer answer = ask(image, {"check"});
  CAPTURE(answer.text);
  CHECK(answer.code == 78);
  CHECK(answer.says("services wait for each other: a -> b -> a"));
  CHECK(answer.says("/etc/cinit.toml:6:12: error: services wait"));
  CHECK(answer.says("services wait for each other: x -> y -> x"));
  CHECK(answer.says("/etc/cinit.toml:9:10: error: after in [service.c]: a service cannot depend on itself"));
}

TEST_CASE("an image that is right passes check --strict, also by a named file") {
  Container image;
  image.file("/opt/text", "exit 0\n", 0755).file("/srv/other.toml", "[service.z]\ncommand = 'nonesuch'\n");
  image.config(
      "[service.a]\ncommand = 'sh -c :'\npre-start = ['/opt/text']\nworking-dir = '/srv'\n"
      "stdout = 'file:/a.log'\nlimits = { nofile = 99999999 }\nnice = -5\n");
  SUBCASE("its own") {
    const Answer answer = ask(image, {"check", "--strict"});
    CAPTURE(answer.text);
    CHECK(answer.code == 0);
    CHECK(answer.says("1 service, 0 warnings"));
    CHECK(image.leftovers().empty());
  }
  SUBCASE("a file") {
    const Answer answer = ask(image, {"check", "--strict", "/srv/other.toml"});
    CAPTURE(answer.text);
    CHECK(answer.code == 1);
    CHECK(answer.says("/srv/other.toml:2:11: warning: [service.z] command: nonesuch: not found in"));
  }
}
