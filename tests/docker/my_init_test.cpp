// S24: an image made for my_init, in Docker.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "container.hpp"
#include "terminal.hpp"

using namespace cinit::docker;
using namespace std::chrono_literals;

namespace {

constexpr const char* kMyInitImage = "cinit-test-my-init";

void write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
  std::filesystem::permissions(path, std::filesystem::perms(0755));
}

// `docker build` of one with a hook, rc.local, a variable, two services, and scripts of the shutdown.
void build_image() {
  const cinit::e2e::TemporaryDirectory context;
  write(context / "Dockerfile",
        "FROM cinit-test\n"
        "COPY image /\n"
        "COPY --from=cinit-test /sbin/cinit /sbin/my_init\n"
        "ENTRYPOINT [\"/sbin/my_init\", \"--\"]\n");
  const auto script = [&](const std::string& path, const std::string& body) {
    write(context / ("image/etc/" + path), "#!/bin/sh\n" + body + "\n");
  };
  script("my_init.d/10_hook", "echo hook; echo Hello >/etc/container_environment/GREETING");
  script("rc.local", "echo rc.local");
  script("service/web/run", "echo web has $GREETING and $OF_THE_IMAGE; exec app app1 web");
  script("service/cache/run", "exec app app1 cache");
  script("my_init.pre_shutdown.d/10", "echo pre_shutdown");
  script("my_init.post_shutdown.d/10", "echo post_shutdown");
  write(context / "image/etc/container_environment/OF_THE_IMAGE", "a file\n");
  const Engine client{"docker", join({"env", "DOCKER_BUILDKIT=0"}, docker().client), {}};
  const Result built = call(client, {"build", "--tag", kMyInitImage, context / "."});
  INFO(built.output);
  REQUIRE(built.code == 0);
}

// Debian's sv, with what it needs.
Container& with_sv(Container& container) {
  build_image();
  for (const char* volume : {"/usr/bin/sv:/bin/sv:ro", "/lib:/lib:ro", "/lib64:/lib64:ro"}) {
    container.options({"--volume", volume});
  }
  return container.image(kMyInitImage);
}

// The first of these texts comes before the second, and so on.
bool in_order(const std::string& log, const std::vector<std::string>& texts) {
  std::size_t at = 0;
  for (const std::string& text : texts) {
    at = log.find(text, at);
    if (at == std::string::npos) return false;
  }
  return true;
}

void check_services(const Container& container) {
  CHECK(container.logged("web has Hello and a file\n"));
  const Result status = container.exec({"sh", "-c", "sv status /etc/service/*"});
  CHECK(status.code == 0);
  CHECK(count_in(status.output, "run: /etc/service/cache: (pid ") == 1);
  CHECK(count_in(status.output, "run: /etc/service/web: (pid ") == 1);
  CHECK(container.exec({"sv", "restart", "/etc/service/web"}).code == 0);
}

}  // namespace

TEST_CASE("S24: docker run of an image made for my_init, docker exec sv status, and docker stop with exit code 2") {
  Container container;
  with_sv(container).run();
  container.wait_for("ready\n", 2);
  check_services(container);
  container.wait_for("web: ready\n", 2);
  const End end = container.stop();
  CHECK(end.code == 2);
  CHECK(end.took < 3s);
  const std::string log = container.log();
  // Docker keeps the order of standard output, and that of standard error.
  CHECK(in_order(
      log, {"hook\n", "rc.local\n", "web: ready\n", "pre_shutdown\n", "web: app exit normally\n", "post_shutdown\n"}));
  CHECK(in_order(
      log, {"*** Running /etc/my_init.d/10_hook...\n", "*** Running /etc/rc.local...\n",
            "*** Booting runit daemon...\n", "*** Shutting down runit daemon", "*** Killing all processes...\n"}));
  CHECK(container.count("cache: app exit normally\n") == 1);
}

TEST_CASE("S24: the same image with its ENTRYPOINT replaced by cinit: docker stop with exit code 0") {
  Container container;
  with_sv(container).options({"--entrypoint", "/sbin/cinit"}).run();
  container.wait_for("ready\n", 2);
  check_services(container);
  container.wait_for("web: ready\n", 2);
  const End end = container.stop();
  CHECK(end.code == 0);
  CHECK(end.took < 3s);
  CHECK(in_order(container.log(), {"hook\n", "rc.local\n", "web: ready\n", "pre_shutdown\n", "web: app exit normally\n",
                                   "post_shutdown\n"}));
  CHECK(container.logged("cinit: web: started\n"));
}

TEST_CASE("S24: docker run -it of an image made for my_init has the exit code of its command") {
  Container container;
  with_sv(container).options({"-i", "-t"});
  SUBCASE("with cinit in my_init's place") {}
  SUBCASE("with cinit as ENTRYPOINT") { container.options({"--entrypoint", "/sbin/cinit"}); }
  Terminal terminal(container.run_words({"sh", "-c", "echo $GREETING; read line; exit $line"}));
  terminal.wait_for("Hello\r\n");
  terminal.type("7\n");
  CHECK(terminal.wait_exit() == 7);
  CHECK(container.logged("post_shutdown"));
}
