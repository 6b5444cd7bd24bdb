// The commands, through `docker exec`; and what the engine makes of `cinit health`.
#include <doctest/doctest.h>

#include "container.hpp"

using namespace cinit::docker;
using namespace std::chrono_literals;

namespace {

constexpr char kTwoServices[] =
    "[cinit]\nlog-prefix = 'name'\n"
    "[service.database]\ncommand = ['app', 'app1', 'database']\n"
    "[service.web]\ncommand = ['app', 'app1', 'web']\nrequires = ['database']\n"
    "health = { exec = ['sh', '-c', '! ls /shared/ill'], interval = '20ms', retries = 2, action = 'ignore' }\n";

// What `docker exec CONTAINER cinit WORDS` says.
Result ask(const Container& container, const Arguments& words) { return container.exec(join({"/sbin/cinit"}, words)); }

bool has(const Result& result, const std::string& text) { return result.output.find(text) != std::string::npos; }

}  // namespace

TEST_CASE("docker exec cinit status shows the services, health and logs say how they are and what they wrote") {
  Container container;
  container.config(kTwoServices).run().wait_for("web | web: ready\n");
  container.wait_until([&] { return has(ask(container, {"status"}), " healthy"); }, "web is healthy");
  const Result status = ask(container, {"status"});
  MESSAGE(status.output);
  CHECK(status.code == 0);
  CHECK(count_in(status.output, " running ") == 2);
  CHECK(ask(container, {"status", "--json"}).output.starts_with("[{\"name\":\"database\","));
  CHECK(ask(container, {"logs", "-n", "1", "web"}).output == "web: ready\n");

  CHECK(ask(container, {"health"}).code == 0);
  container.write_shared("ill");
  container.wait_until([&] { return ask(container, {"health"}).code == 1; }, "web is unhealthy");
  CHECK(ask(container, {"health"}).output.starts_with("web: unhealthy: "));
}

TEST_CASE("docker exec cinit restart comes back when the service is up again, and stop leaves the container up") {
  Container container;
  container.config(kTwoServices).run().wait_for("web | web: ready\n");
  const Result restarted = ask(container, {"restart", "database"});
  CHECK(restarted.code == 0);
  CHECK(restarted.output == "database: restarted\n");
  container.wait_for("database | database: ready\n", 2);
  CHECK(container.count("web | web: ready\n") == 1);

  CHECK(ask(container, {"stop", "*"}).code == 0);
  CHECK(container.running());
  CHECK(count_in(ask(container, {"status"}).output, " stopped ") == 2);
  CHECK(ask(container, {"start", "web"}).output == "web: started\n");
  CHECK(container.stop().code == 0);
}

TEST_CASE("docker exec as another user is refused, and with a read-only root commands work all the same") {
  Container container;
  container.options({"--read-only", "--tmpfs", "/run"}).config(kTwoServices).run().wait_for("web | web: ready\n");
  CHECK(ask(container, {"status"}).code == 0);
  const Result refused = call(docker(), {"exec", "--user", "65534", container.name(), "/sbin/cinit", "status"});
  CHECK(refused.code == 77);
}

TEST_CASE("a read-only root without /run: commands work through /dev/shm") {
  Container container;
  container.options({"--read-only"}).config(kTwoServices).run().wait_for("web | web: ready\n");
  CHECK(!container.logged("will not work"));
  CHECK(ask(container, {"status"}).code == 0);
  CHECK(container.stop().code == 0);
}

TEST_CASE("docker pause for longer than a service may be unhealthy restarts nothing") {
  Container container;
  container.config(
      "[cinit]\nlog-prefix = 'name'\n[service.web]\ncommand = ['app', 'app1', 'web']\n"
      "health = { exec = ['sh', '-c', 'echo checked > /proc/1/fd/2; sleep 0.05'], interval = '100ms', "
      "timeout = '300ms', retries = 2 }\n");
  container.run().wait_for("checked\n", 2);
  for (int times = 0; times < 3; ++times) {
    CHECK(call(docker(), {"pause", container.name()}).code == 0);
    const Clock::time_point end = Clock::now() + 1500ms;
    container.wait_until([&] { return Clock::now() >= end; }, "the pause is over");
    CHECK(container.inspect("{{.State.Status}}") == "paused");
    const int checks = container.count("checked\n");
    CHECK(call(docker(), {"unpause", container.name()}).code == 0);
    container.wait_for("checked\n", checks + 3);
  }
  CHECK(container.count("web: ready\n") == 1);
  CHECK(!container.logged("health check failed"));
  CHECK(!container.logged("unhealthy"));
  CHECK(ask(container, {"health"}).code == 0);
}

TEST_CASE("HEALTHCHECK with cinit health makes the container unhealthy, and healthy again") {
  Container container;
  container.options({"--health-cmd", "/sbin/cinit health", "--health-interval", "200ms", "--health-retries", "2"});
  SUBCASE("root") {}
  SUBCASE("a user, and a read-only root") { container.options({"--user", "12345:12345", "--read-only"}); }
  SUBCASE("a read-only root that has a /run") { container.options({"--read-only", "--tmpfs", "/run:ro"}); }
  container.config(kTwoServices).run();
  const auto wait_for_health = [&](const std::string& health) {
    container.wait_until([&] { return container.inspect("{{.State.Health.Status}}") == health; }, health);
  };
  wait_for_health("healthy");
  container.write_shared("ill");
  wait_for_health("unhealthy");
  CHECK(container.inspect("{{(index .State.Health.Log 0).Output}}{{json .State.Health.Log}}").find("web: unhealthy") !=
        std::string::npos);
  container.exec({"sh", "-c", "busybox rm /shared/ill"});
  wait_for_health("healthy");
}
