// Containers in which cinit may write to no place of root's: its commands work all the same.
#include <doctest/doctest.h>

#include <csignal>

#include "container.hpp"

using namespace cinit::e2e;

namespace {

const std::string kWeb = "[service.web]\ncommand = ['app', 'app1', 'web']\n";
const std::string kUser = "1000:1000";

class Hardened : public Container {
 public:
  Hardened() { config(kWeb); }

  // As the user that cinit runs as, or another.
  Output exec_as(const std::string& user, const Arguments& command) {
    Arguments words{"cinit", "--as", "s6-setuidgid", user};
    words.insert(words.end(), command.begin(), command.end());
    return exec(words);
  }
};

}  // namespace

TEST_CASE("hardened: with a user who is not root, and with a read-only root, commands work without any key") {
  Hardened container;
  Options options;
  std::string user = "0:0";
  SUBCASE("a user") { options.user = user = kUser; }
  SUBCASE("a read-only root") { options.read_only = true; }
  SUBCASE("both") {
    options.user = user = kUser;
    options.read_only = true;
  }
  if (user == kUser) {
    container.cinit({}, options);
  } else {
    container.start({"sh", "-c", "mount -o remount,ro /run && exec cinit"}, options);
  }
  container.wait_for("web: ready\n");
  CHECK(!container.logged("will not work"));
  CHECK(container.exec_as(user, {"cinit", "health"}).code == 0);
  CHECK(container.exec({"cinit", "status", "web"}).code == 0);
  CHECK(container.exec_as(user, {"cinit", "restart", "web"}).code == 0);
  container.wait_for("web: ready\n", 2);
  const Output other = container.exec_as("1001:1001", {"cinit", "stop", "web"});
  CHECK(other.code == 77);
  CHECK(container.exec({"cinit", "status", "web"}).code == 0);
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("hardened: a second cinit in such a container is refused, and says where the first one answers") {
  Hardened container;
  container.cinit({}, {.user = kUser}).wait_for("web: ready\n");
  const Output second = container.exec_as(kUser, {"cinit"});
  CHECK(second.code == 64);
  CHECK(second.text.find("a cinit runs here already, and answers at /dev/shm/cinit-1000-") != std::string::npos);
}

TEST_CASE("hardened: places that another user has made first are left alone, by cinit and by its clients") {
  Hardened container;
  container.file("/fake", R"(#!/bin/sh
name=cinit-1000-$(stat -L -c %i /proc/self/ns/pid)
mkdir "/dev/shm/$name" "/tmp/$name" /tmp/fake
echo "[cinit]
control-socket = '/dev/shm/$name/cinit.sock'
[service.fake]
command = ['app', 'app1', 'fake']" >/tmp/fake/fake.toml
chown -R 2000:2000 "/dev/shm/$name" "/tmp/$name" /tmp/fake
cinit --as s6-setuidgid 2000:2000 cinit -c /tmp/fake/fake.toml &
app wait-for /shared/go
exec cinit --as s6-setuidgid 1000:1000 cinit
)",
                 0755);
  container.link("busybox", "/bin/stat").link("busybox", "/bin/chown");
  container.start({"/fake"});
  container.wait_for("fake: ready\n");
  container.exec({"touch", "/shared/go"});
  container.wait_for("web: ready\n");
  CHECK(!container.logged("will not work"));
  for (const char* user : {"0:0", "1000:1000"}) {
    const Output status = container.exec_as(user, {"cinit", "status"});
    CHECK(status.code == 0);
    CHECK(status.text.find("web") != std::string::npos);
    CHECK(status.text.find("fake") == std::string::npos);
  }
}

TEST_CASE("hardened: what answers at a place that a client was told, and is no cinit, is refused") {
  Hardened container;
  container.file("/tmp/.keep", "");
  container.cinit().wait_for("web: ready\n");
  container.exec({"sh", "-c",
                  "mkdir /tmp/fake && printf \"[cinit]\\ncontrol-socket = '/tmp/fake/s'\\n[service.fake]\\ncommand = "
                  "['app', 'app1', 'fake']\\n\" >/tmp/fake/c && chown -R 2000:2000 /tmp/fake"});
  container.exec_in_background({"cinit", "--as", "s6-setuidgid", "2000:2000", "cinit", "-c", "/tmp/fake/c"});
  container.wait_for("fake: ready\n");
  const Output status = container.exec({"cinit", "status", "--socket", "/tmp/fake/s"});
  // Root may ask whom it likes to; it is another user's cinit that root has not started.
  CHECK(status.code == 69);
  CHECK(status.text.find("is no cinit: it is a process of uid 2000") != std::string::npos);
}
