// Boot hooks of an image.
#include <doctest/doctest.h>

#include "container.hpp"

using namespace cinit::docker;
using namespace std::chrono_literals;

namespace {

void add_hook(Container& container, const std::string& name, const std::string& script) {
  container.file("/etc/my_init.d/" + name, "#!/bin/sh\n" + script + "\n", 0755);
}

constexpr const char* kService = "[service.web]\ncommand = ['sh', '-c', 'echo web; exec app app1 web']\n";

}  // namespace

TEST_CASE(
    "S20: docker run of an image with hooks: each to its end, in the order of the C locale, before the services") {
  Container container;
  for (const char* name : {"b", "10_a", "Z", "9_a"}) {
    add_hook(container, name, std::string("echo ") + name + " begins; app exit 0; echo " + name + " ends");
  }
  container.config(kService).run();
  for (int times = 1; times <= 2; ++times) {
    if (times > 1) container.start_again();
    container.wait_for("web: ready\n", times);
    const std::string log = container.log();
    std::size_t at = times == 1 ? 0 : log.rfind("10_a begins\n");
    for (const char* line : {"10_a begins\n", "10_a ends\n", "9_a begins\n", "9_a ends\n", "Z begins\n", "Z ends\n",
                             "b begins\n", "b ends\n", "web\n"}) {
      CAPTURE(line);
      at = log.find(line, at);
      REQUIRE(at != std::string::npos);
    }
    CHECK(container.stop().code == 0);
  }
}

TEST_CASE("S21: a hook that fails gives docker run the exit code 1, after what runs was stopped gracefully") {
  Container container;
  add_hook(container, "10_daemon", "app daemon daemon");
  add_hook(container, "20_fails", "exit 255");
  add_hook(container, "30_later", "echo later ran");
  container.config(kService);
  const Result result = container.run_to_end();
  CAPTURE(result.output);
  CHECK(result.code == 1);
  CHECK(count_in(result.output, "cinit: /etc/my_init.d/20_fails: exited with code 255") == 1);
  CHECK(count_in(result.output, "daemon: handle signal: terminated\n") == 1);
  CHECK(count_in(result.output, "daemon: app exit normally\n") == 1);
  CHECK(count_in(result.output, "later ran") == 0);
  CHECK(count_in(result.output, "web: ready") == 0);
}

TEST_CASE("S22: docker stop reaches what a hook has left in the background") {
  Container container;
  add_hook(container, "10_daemon", "app daemon daemon");
  add_hook(container, "20_background", "app app1 background &");
  container.config(kService).run().wait_for("ready\n", 3);
  const End end = container.stop();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
  for (const char* name : {"daemon", "background", "web"}) {
    CHECK(container.count(name + std::string(": handle signal: terminated\n")) == 1);
    CHECK(container.count(name + std::string(": app exit normally\n")) == 1);
  }
}

TEST_CASE("S23: docker stop ends a hook that never ends, and nothing further is started") {
  Container container;
  add_hook(container, "10_endless", "exec app app1 hook");
  add_hook(container, "20_later", "echo later ran");
  container.config(kService).run().wait_for("hook: ready\n");
  const End end = container.stop();
  CHECK(end.took < 2s);
  CHECK(container.logged("hook: app exit normally\n"));
  CHECK(!container.logged("later ran"));
  CHECK(!container.logged("web: ready"));
}
