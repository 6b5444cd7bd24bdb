// cinit in the place of runit's runsvdir: at the end of an image's own start script, or beside it.
#include <doctest/doctest.h>

#include <csignal>

#include "container.hpp"
#include "in_order.hpp"

using namespace cinit::e2e;

namespace {

class RunitImage : public Container {
 public:
  RunitImage() {
    link("/sbin/cinit", "/usr/bin/runsvdir");
    script("/etc/service/web/run", "exec app app1 web");
    script("/etc/my_init.d/10-hook", "echo a hook ran");
    script("/etc/my_init.pre_shutdown.d/10-hook", "echo a hook ran");
    file("/etc/container_environment/COLOUR", "green");
  }

  RunitImage& script(const std::string& path, const std::string& body) {
    file(path, "#!/bin/sh\n" + body + "\n", 0755);
    return *this;
  }
  void start_script(const std::string& body) {
    script("/start.sh", body);
    start({"/start.sh"});
  }
};

}  // namespace

TEST_CASE("runsvdir: at the end of a start script it runs the services of its directory, and nothing of my_init's") {
  RunitImage image;
  image.script("/etc/service/colour/run", "echo colour: ${COLOUR-none}; exec sleep 99");
  image.start_script("echo preparing; exec runsvdir -P /etc/service");
  image.wait_for("web: ready\n");
  image.wait_for("colour: none\n");
  image.signal(SIGTERM);
  CHECK(image.wait_exit().code == 0);
  CHECK(in_order(image.log(), {"preparing\n", "web: ready\n", "web: app exit normally\n"}));
  CHECK(!image.logged("a hook ran"));
}

TEST_CASE("runsvdir: SIGHUP ends the services, and then it with 111") {
  RunitImage image;
  image.start_script("cd /etc && exec runsvdir -P -- service 'log: ....................'");
  image.wait_for("web: ready\n");
  image.signal(SIGHUP);
  CHECK(image.wait_exit().code == 111);
  CHECK(image.logged("web: app exit normally\n"));
}

TEST_CASE("runsvdir: beside a start script that waits for it, which ends it as it always did") {
  RunitImage image;
  image.start_script(
      "runsvdir -P /etc/service &\n"
      "trap 'kill -HUP $!; wait $!; echo runsvdir left with $?; exit 7' TERM\n"
      "wait $!");
  image.wait_for("web: ready\n");
  image.signal(SIGTERM);
  CHECK(image.wait_exit().code == 7);
  CHECK(in_order(image.log(), {"web: app exit normally\n", "runsvdir left with 111\n"}));
}

TEST_CASE("runsvdir: as a service of cinit it is one more supervisor, and leaves the first one's commands alone") {
  RunitImage image;
  image.script("/srv/services/inner/run", "exec app app1 inner");
  image.config("[cinit]\nservice-directories = []\n[service.runit]\ncommand = \"runsvdir -P /srv/services\"\n");
  image.cinit().wait_for("inner: ready\n");
  CHECK(image.exec({"cinit", "status", "runit"}).code == 0);
  image.signal(SIGTERM);
  CHECK(image.wait_exit().code == 0);
  CHECK(image.logged("inner: app exit normally\n"));
}

TEST_CASE("runsvdir: a directory that comes later, and one that is not said") {
  RunitImage image;
  SUBCASE("later") {
    image.start_script("exec runsvdir /srv/late");
    image.wait_for("runsvdir: /srv/late: No such file or directory; waiting for it\n");
    image.exec({"sh", "-c", "mkdir /srv && cp -a /etc/service /srv/late"});
    image.wait_for("web: ready\n");
  }
  SUBCASE("not said") {
    image.start_script("exec runsvdir -P");
    CHECK(image.wait_exit().code == 1);
    CHECK(image.logged("usage: runsvdir [-P] dir\n"));
  }
}
