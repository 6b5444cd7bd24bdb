// Dockerfile.example, as a reader would use it.
#include <doctest/doctest.h>

#include <fstream>

#include "container.hpp"
#include "spawn.hpp"

using namespace cinit::docker;
using namespace std::chrono_literals;

namespace {

// `docker build` of the tree, with the machine's network for apt-get.
Result build(const std::string& tag, const std::string& dockerfile) {
  const Engine client{"docker", join({"env", "DOCKER_BUILDKIT=0"}, docker().client), {}};
  return call(client,
              {"build", "--network", "host", "--build-arg", "http_proxy", "--build-arg", "https_proxy", "--tag", tag,
               "--file", dockerfile, CINIT_SOURCE_DIR},
              10min);
}

// What the web server says. The image has no client, but its shell can open a connection.
Result get(const Container& container, const std::string& path) {
  return container.exec(
      {"bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/80; printf 'GET " + path + " HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"});
}

}  // namespace

TEST_CASE("Dockerfile.example builds an image with docker build, and that image starts, serves and stops") {
  const std::string tag = "cinit-example";
  const Result built = build(tag, CINIT_SOURCE_DIR "/Dockerfile.example");
  INFO(built.output);
  REQUIRE(built.code == 0);

  Container container;
  container.image(tag).run().wait_for("cinit: web: started\n");
  container.wait_until([&] { return get(container, "/").output.find("Welcome to nginx") != std::string::npos; },
                       "the web server answers");
  container.wait_until([&] { return container.inspect("{{.State.Health.Status}}") == "healthy"; },
                       "its HEALTHCHECK is passed");
  CHECK(container.exec({"cinit", "health"}).code == 0);
  const End end = container.stop();
  MESSAGE("docker stop took ", milliseconds(end.took), " ms");
  CHECK(end.code == 0);
  CHECK(end.took < 3s);
  CHECK(container.logged("cinit: configuration: done\n"));
  CHECK(container.logged("cinit: web: stopping: sending SIGQUIT\n"));
  CHECK(container.logged("\"GET / HTTP/1.0\" 200 "));  // nginx's log, which it opens by name
}

TEST_CASE("the configuration in Dockerfile.example is checked by the build: a mistake in it ends docker build") {
  const std::string text = cinit::e2e::read_file(CINIT_SOURCE_DIR "/Dockerfile.example");
  const std::string right = "requires = ";
  REQUIRE(text.find(right) != std::string::npos);
  const cinit::e2e::TemporaryDirectory directory;
  const std::string dockerfile = directory / "Dockerfile";
  std::ofstream(dockerfile) << std::string(text).replace(text.find(right), right.size(), "require = ");
  const Result built = build("cinit-example-wrong", dockerfile);
  INFO(built.output);
  CHECK(built.code != 0);
  CHECK(built.output.find("did you mean \"requires\"") != std::string::npos);
}
