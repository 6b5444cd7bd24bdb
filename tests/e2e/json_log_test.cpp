// A container's log in which every line is JSON.
#include <doctest/doctest.h>

#include <csignal>

#include "../fuzz/json.hpp"
#include "container.hpp"

using namespace cinit::e2e;

namespace {

const std::string kJson = "[cinit]\nlog-format = 'json'\nlog-prefix = 'json'\n";

bool is_json(const std::string& log) {
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = log.find('\n', begin)) != std::string::npos; begin = end + 1) {
    if (log[begin] != '{' || !cinit::fuzz::is_json(std::string_view(log).substr(begin, end - begin))) return false;
  }
  return begin == log.size();
}

}  // namespace

TEST_CASE("json: an object that a service writes is passed on with its service, and cinit's events have fields") {
  Container container;
  container.config(
      kJson +
      "[service.web]\ncommand = ['sh', '-c', 'echo \"{\\\"level\\\":\\\"warn\\\"}\"; echo plain; exec sleep 99']\n"
      "[service.bad]\ncommand = ['sh', '-c', 'exit 3']\nstart-limit-burst = 2\nrestart-delay = '10ms'\n"
      "on-failure = 'ignore'\n");
  container.cinit();
  container.wait_for("\"service\":\"web\",\"stream\":\"stdout\",\"level\":\"warn\"}\n");
  container.wait_for("\"service\":\"web\",\"stream\":\"stdout\",\"message\":\"plain\"}\n");
  container.wait_for("\"service\":\"bad\",\"event\":\"exited\",");
  container.wait_for(",\"code\":3,\"duration\":0.0");
  container.wait_for(",\"attempt\":2,\"delay\":0.0");
  container.wait_for("\"service\":\"web\",\"event\":\"started\",\"message\":\"started\",\"pid\":");
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("\"message\":\"stopping: got SIGTERM\",\"signal\":\"SIGTERM\"}\n"));
  CHECK(container.logged("\"service\":\"web\",\"event\":\"exited\",\"message\":\"ended by SIGTERM after "));
  CHECK(is_json(container.log()));
}

TEST_CASE("json: with log-json escape an object is a message like any other line") {
  Container container;
  container.config(kJson + "log-json = 'escape'\n[service.web]\ncommand = ['sh', '-c', 'echo {}; exec sleep 99']\n");
  container.cinit().wait_for("\"stream\":\"stdout\",\"message\":\"{}\"}\n");
}

TEST_CASE("json: the main command's lines are wrapped like all others, and can be read again") {
  Container container;
  container.config(kJson);
  container.cinit({"--", "sh", "-c", "echo one; echo two >&2; app wait-for /shared/go; exit 5"});
  container.wait_for("\"service\":\"sh\",\"stream\":\"stdout\",\"message\":\"one\"}\n");
  container.wait_for("\"service\":\"sh\",\"stream\":\"stderr\",\"message\":\"two\"}\n");
  CHECK(container.exec({"cinit", "logs", "sh"}).text.find("one\n") != std::string::npos);
  container.exec({"touch", "/shared/go"});
  CHECK(container.wait_exit().code == 5);
  CHECK(is_json(container.log()));
}

TEST_CASE("json: a main command with a terminal has it to itself") {
  Container container;
  container.config(kJson);
  container.cinit({"--", "sh", "-c", "echo one; exit 5"}, {.tty = true});
  CHECK(container.wait_exit().code == 5);
  CHECK(container.log().find("one\r\n") != std::string::npos);
  CHECK(container.log().find("\"message\":\"one\"") == std::string::npos);
}
