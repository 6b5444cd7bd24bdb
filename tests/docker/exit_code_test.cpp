// Exit codes, as `docker run` shows them.
#include <doctest/doctest.h>

#include "container.hpp"

using namespace cinit::docker;

namespace {

struct Case {
  Arguments arguments;
  int code;
  std::string text;  // what is printed
};

void check_codes(const Engine& engine) {
  const Case cases[] = {
      {{"--", "app", "exit", "0"}, 0, ""},
      {{"--", "app", "exit", "3"}, 3, ""},
      {{"--", "app", "raise", "11"}, 139, ""},
      {{"--", "nginx-is-not-here"}, 127, "nginx-is-not-here"},
      {{"--", "/etc/passwd"}, 126, "/etc/passwd"},
      {{"--", "/etc"}, 126, "/etc"},
      {{}, 64, "/etc/cinit.toml"},
      {{"--no-servces", "--", "app"}, 64, "--no-services"},
      {{"-t", "soon", "--", "app"}, 64, "\"soon\""},
      {{"-c", "/etc/nothing.toml"}, 78, "/etc/nothing.toml"},
  };
  for (const Case& one : cases) {
    Container container(engine);
    const Result result = container.run_to_end(one.arguments);
    CAPTURE(result.output);
    CHECK(result.code == one.code);
    CHECK(result.output.find(one.text) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("docker run shows the command's exit code, and 126, 127, 64 or 78 with the reason") { check_codes(docker()); }

TEST_CASE("podman run shows the same") { check_codes(podman()); }

TEST_CASE("docker run shows 78 for a mistake in the configuration, with its place, and runs nothing") {
  Container container;
  container.config("[service.other]\ncommand = ['echo', 'ran']\n[service.web]\ncomand = ['true']\n");
  const Result result = container.run_to_end();
  CAPTURE(result.output);
  CHECK(result.code == 78);
  CHECK(count_in(result.output, "/etc/cinit.toml:4:1") == 1);
  CHECK(count_in(result.output, "ran\n") == 0);
}

TEST_CASE("docker run shows the code of a service that has failed, and 127 when its program is not there") {
  Container container;
  int expected = 0;
  SUBCASE("its own code") {
    container.config("[service.web]\nrestart = 'no'\ncommand = ['app', 'exit', '5']\n");
    expected = 5;
  }
  SUBCASE("not found") {
    container.config("[service.web]\ncommand = ['/usr/sbin/nginx']\n");
    expected = 127;
  }
  SUBCASE("every service has ended with success") { container.config("[service.web]\ncommand = ['true']\n"); }
  CHECK(container.run_to_end().code == expected);
}

TEST_CASE("docker run's --restart on-failure sees the code") {
  Container container;
  container.options({"--restart", "on-failure:2"});
  container.run({"--", "sh", "-c", "echo started; exit 4"});
  container.wait_until([&] { return container.inspect("{{.RestartCount}} {{.State.Status}}") == "2 exited"; },
                       "started twice more");
  CHECK(container.exit_code() == 4);
  CHECK(container.count("started\n") == 3);
}
