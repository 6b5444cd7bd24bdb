// examples/sandbox, with a shell as PID 1, and what the other tests rely on.
#include <doctest/doctest.h>

#include <csignal>
#include <stdexcept>

#include "container.hpp"
#include "spawn.hpp"
#include "temporary_directory.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

Container& run_shell(Container& container, const std::string& script, const Options& options = {}) {
  return container.start({"/bin/sh", "-c", script}, options);
}

// The path of a process's memory cgroup: of version 1, or of version 2 where that is all there is.
std::string memory_limit_of(pid_t pid) {
  const std::string groups = read_file("/proc/" + std::to_string(pid) + "/cgroup");
  const bool is_v1 = groups.find(":memory:") != std::string::npos;
  const std::string key = is_v1 ? ":memory:" : "0::";
  const std::size_t begin = groups.find(key) + key.size();
  const std::string path = groups.substr(begin, groups.find('\n', begin) - begin);
  return is_v1 ? read_file("/sys/fs/cgroup/memory" + path + "/memory.limit_in_bytes")
               : read_file("/sys/fs/cgroup" + path + "/memory.max");
}

}  // namespace

TEST_CASE("S30: the sandbox gives its command PID 1, a host name, and none of the machine's mounts") {
  Container container;
  run_shell(container, "echo pid $$; hostname; cat /proc/self/mountinfo; exit 3", {.hostname = "box"});
  CHECK(container.wait_exit().code == 3);
  CHECK(container.logged("pid 1\nbox\n"));
  CHECK(container.count("\n") == 2 + 8);  // the root, /dev, /dev/pts, /dev/shm, /tmp, /run, /proc and /shared
  CHECK(container.leftovers().empty());
}

TEST_CASE("S30: what the container writes stays in the layer, and what it writes to a volume is the machine's") {
  Container container;
  const TemporaryDirectory layer;
  run_shell(container, "echo one > /etc/written; echo two > /shared/written", {.layer = layer.path()});
  CHECK(container.wait_exit().code == 0);
  CHECK(read_file(layer / "upper/etc/written") == "one\n");
  CHECK(container.read_shared("written") == "two\n");

  Container with_layer;
  run_shell(with_layer, "cat /etc/written", {.layer = layer.path()}).wait_exit();
  CHECK(with_layer.logged("one\n"));
  Container without;
  run_shell(without, "cat /etc/written || echo gone").wait_exit();
  CHECK(without.logged("gone\n"));
}

TEST_CASE("S30: /proc/sys can be read-only, and is not otherwise") {
  for (const bool read_only : {false, true}) {
    CAPTURE(read_only);
    Container container;
    run_shell(container, "echo 4096 > /proc/sys/kernel/shmmax; cat /proc/sys/kernel/shmmax",
              {.read_only_proc_sys = read_only});
    CHECK(container.wait_exit().code == 0);
    CHECK(container.logged("4096\n") == !read_only);
    CHECK(container.logged("Read-only file system") == read_only);
  }
}

TEST_CASE("S30: the memory limit holds for PID 1, and its group is removed") {
  Container container;
  run_shell(container, "echo started; app wait-for /shared/go", {.memory = "50M"}).wait_for("started\n");
  CHECK(memory_limit_of(container.host_pid()) == "52428800\n");
  container.exec({"touch", "/shared/go"});
  CHECK(container.wait_exit().code == 0);
  CHECK(!container.logged("rmdir"));
}

TEST_CASE("S30: a read-only root can be written to in /tmp and /run only") {
  Container container;
  run_shell(container, "echo x > /etc/x || echo refused; echo x > /tmp/x && echo x > /run/x && echo allowed",
            {.read_only = true});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("refused\n"));
  CHECK(container.logged("allowed\n"));
}

TEST_CASE("S30: of the environment, only TERM comes from outside") {
  Container container;
  container.start({"/bin/app", "state"}, {.env = {{"GREETING", "hello"}}});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("env.GREETING=hello\n"));
  CHECK(container.count("\nenv.") == 4);  // PATH, HOME and TERM besides
  CHECK(container.logged("\ndescriptors=0 1 2\n"));
}

TEST_CASE("S30: the sandbox ends with 128 and the signal's number when its container was killed, and leaves nothing") {
  Container container;
  run_shell(container, "echo started; app app2").wait_for("ready\n");
  container.signal(SIGKILL);
  CHECK(container.wait_exit().code == 128 + SIGKILL);
  CHECK(!container.logged("Killed"));
  CHECK(container.leftovers().empty());
}

TEST_CASE("S30: a container that cannot be made is told of") {
  Container container;
  container.remove("");
  CHECK_THROWS_WITH_AS(run_shell(container, "true"), doctest::Contains("is no directory"), std::runtime_error);
}

TEST_CASE("a test that waits in vain fails with the container's log and processes") {
  Container container;
  run_shell(container, "echo something else; app app2").wait_for("ready\n");
  CHECK_THROWS_WITH_AS(container.wait_for("this", 1, 20ms), doctest::Contains("something else"), std::runtime_error);
  CHECK_THROWS_WITH_AS(container.wait_exit(20ms), doctest::Contains("app app2"), std::runtime_error);
}

TEST_CASE("a container does not outlive its test") {
  pid_t pid = 0;
  {
    Container container;
    run_shell(container, "app app2").wait_for("ready\n");
    pid = container.host_pid();
    REQUIRE(kill(pid, 0) == 0);
  }
  CHECK(kill(pid, 0) != 0);
}
