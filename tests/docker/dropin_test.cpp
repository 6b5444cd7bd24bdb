// `docker run --init` with cinit as the engine's docker-init: dockerd's --init-path.
#include <doctest/doctest.h>

#include <chrono>

#include "container.hpp"
#include "terminal.hpp"

using namespace cinit::docker;
using namespace std::chrono_literals;

namespace {

// cinit is not in the image's ENTRYPOINT, and must not read what the image has for it.
Container& with_init(Container& container) {
  return container.options({"--init", "--entrypoint", "app"}).config("this is [broken");
}

}  // namespace

TEST_CASE("docker info shows that docker-init is cinit") {
  CHECK(ask(docker(), {"info", "--format", "{{.InitCommit.ID}}"}) == "cinit\n");
  CHECK(ask(docker(), {"info"}).find("init version: cinit") != std::string::npos);
}

TEST_CASE("docker run --init: the command is the child of docker-init, in a process group of its own") {
  Container container;
  const Result result = with_init(container).run_to_end({"place"});
  CHECK(result.code == 0);
  CHECK(count_in(result.output, "parent: PID 1\ngroup: own\nsession: the parent's\nforeground: nobody's\n") == 1);
  CHECK(count_in(result.output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n") == 1);
}

TEST_CASE("docker run --init -t: the command has the terminal's foreground") {
  Container container;
  container.options({"-t"});
  const Result result = with_init(container).run_to_end({"place"});
  CHECK(result.code == 0);
  CHECK(count_in(result.output, "foreground: own\r\ncontrolling terminal: yes\r\nits foreground: own\r\n") == 1);
}

TEST_CASE("docker run --init: the command's code, 128 + its signal, 127 and 126") {
  struct Case {
    std::string program;
    Arguments arguments;
    int code;
  };
  const Case cases[] = {
      {"app", {"exit", "3"}, 3}, {"app", {"raise", "9"}, 137}, {"nosuch", {}, 127}, {"/etc", {}, 126}};
  for (const Case& one : cases) {
    CAPTURE(one.program);
    Container container;
    container.options({"--init", "--entrypoint", one.program});
    CHECK(container.run_to_end(one.arguments).code == one.code);
  }
}

TEST_CASE("docker stop with --init: SIGTERM reaches the command, and nothing else is waited for") {
  Container container;
  SUBCASE("without a terminal") {}
  SUBCASE("with one") { container.options({"-t"}); }
  with_init(container).options({"--read-only", "--user", "1000:1000", "--cap-drop", "ALL"}).run({"app1", "main"});
  container.wait_for("main: ready");
  const End end = container.stop();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
  CHECK(container.count("main: handle signal: terminated") == 1);
}

TEST_CASE("docker run --init -it: Ctrl-C reaches the command once") {
  Container container;
  with_init(container).options({"-i", "-t"});
  Terminal terminal(container.run_words({"app1", "main"}));
  terminal.wait_for("main: ready");
  terminal.type(kCtrlC);
  terminal.wait_for("main: app exit normally");
  CHECK(terminal.wait_exit() == 0);
  CHECK(container.count("handle signal: interrupt") == 1);
}

TEST_CASE("docker run --init: TINI_KILL_PROCESS_GROUP reaches docker-init") {
  Container container;
  with_init(container).options({"-e", "TINI_KILL_PROCESS_GROUP=1"}).run({"pair"});
  container.wait_for("ready", 2);
  container.kill("USR1");
  container.wait_for("got 10", 2);
  CHECK(container.stop().code == 0);
}

TEST_CASE("podman run --init with cinit in catatonit's place: the command's end, and its stop") {
  const std::string init = std::string(CINIT_ENGINE) + "/docker-init";
  Container container(podman());
  container.options({"--init", "--init-path", init, "--entrypoint", "app"}).config("this is [broken");
  SUBCASE("a code") { CHECK(container.run_to_end({"exit", "3"}).code == 3); }
  SUBCASE("no such program") {
    container.options({"--entrypoint", "nosuch"});
    const Result result = container.run_to_end();
    CHECK(result.code == 1);  // as with catatonit
    CHECK(count_in(result.output, "ERROR (catatonit:1): failed to exec pid1: No such file or directory") == 1);
  }
  SUBCASE("podman stop") {
    container.run({"app1", "main"});
    container.wait_for("main: ready");
    CHECK(container.stop().code == 0);
    CHECK(container.count("main: handle signal: terminated") == 1);
  }
}
