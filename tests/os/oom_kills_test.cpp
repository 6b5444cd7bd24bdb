// The counters of the kernel's OOM killer, from files as the kernel writes them.
#include "os/oom_kills.hpp"

#include <doctest/doctest.h>

#include "files.hpp"

using namespace cinit;
using namespace cinit::test;

namespace {

struct Root {
  Root& file(const std::string& path, const std::string& text) {
    const std::string place = directory.path() + path;
    make_directories(place.substr(0, place.rfind('/')));
    write_file(place, text);
    return *this;
  }
  std::optional<os::OomKills> read() const { return os::read_oom_kills(directory.path()); }

  TemporaryDirectory directory;
};

// Recorded on Linux 6.1 in a container with --memory 64m, and on 5.4 with cgroup v1.
const std::string kEvents = "low 0\nhigh 0\nmax 1204\noom 3\noom_kill 2\noom_group_kill 1\n";
const std::string kOomControl = "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n";

}  // namespace

TEST_CASE("OOM kills: cgroup v2, where the container sees its own group at the mount") {
  Root root;
  root.file("/proc/self/cgroup", "0::/\n").file("/sys/fs/cgroup/memory.events", kEvents);
  REQUIRE(root.read());
  CHECK(root.read()->count == 2);
  CHECK(!root.read()->limit);
  root.file("/sys/fs/cgroup/memory.max", "67108864\n");
  CHECK(root.read()->limit == 67108864);
  root.file("/sys/fs/cgroup/memory.max", "max\n");
  CHECK(!root.read()->limit);
}

TEST_CASE("OOM kills: cgroup v2, where the container sees the host's groups") {
  Root root;
  root.file("/proc/self/cgroup", "0::/system.slice/docker-4f1.scope\n");
  root.file("/sys/fs/cgroup/system.slice/docker-4f1.scope/memory.events", kEvents);
  root.file("/sys/fs/cgroup/memory.events", "oom_kill 90\n");
  CHECK(root.read()->count == 2);
}

TEST_CASE("OOM kills: cgroup v1, whose mount is the container's own group, whatever the host calls it") {
  Root root;
  root.file("/proc/self/cgroup", "9:cpu,cpuacct:/docker/4f1\n4:memory:/docker/4f1\n1:name=systemd:/docker/4f1\n0::/\n");
  root.file("/sys/fs/cgroup/memory/memory.oom_control", kOomControl);
  root.file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "33554432\n");
  CHECK(root.read()->count == 5);
  CHECK(root.read()->limit == 33554432);
  root.file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(!root.read()->limit);
}

TEST_CASE("OOM kills: nothing is known without the controller, or without its counter") {
  Root root;
  CHECK(!root.read());
  root.file("/sys/fs/cgroup/memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n");
  CHECK(!root.read());
  root.file("/sys/fs/cgroup/memory/memory.oom_control", "oom_kill\noom_kill x\n");
  CHECK(!root.read());
  root.file("/sys/fs/cgroup/memory/memory.oom_control", "");
  CHECK(!root.read());
}
