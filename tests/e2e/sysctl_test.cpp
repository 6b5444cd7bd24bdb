// Kernel parameters at boot. Those of kernel.shm* belong to the IPC namespace of the container.
#include <doctest/doctest.h>

#include <fstream>

#include "container.hpp"
#include "spawn.hpp"
#include "temporary_directory.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

constexpr char kLowered[] = "33554432";
constexpr char kWanted[] = "68719476736";
// What hooks and services do here: the value that they see, and what it means for them.
constexpr char kReport[] = "echo $1: $(cat /proc/sys/kernel/shmmax), $(app shm 67108864)";

// PID 1 is a shell that lowers kernel.shmmax, whose default is huge, and then becomes cinit.
Container& start_lowered(Container& container, const std::string& arguments = "", const Options& options = {}) {
  const std::string lower = "echo 33554432 > /proc/sys/kernel/shmmax; sh /bin/report before; ";
  container.file("/bin/report", kReport);
  return container.start({"/bin/sh", "-c", lower + "exec /sbin/cinit " + arguments}, options);
}

// The same, with /proc/sys read-only by the time that cinit runs.
Container& start_lowered_and_read_only(Container& container) {
  const std::string script =
      "echo 33554432 > /proc/sys/kernel/shmmax\n"
      "mount -o bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys || exit 99\n"
      "exec /sbin/cinit\n";
  container.file("/bin/report", kReport);
  return container.start({"/bin/sh", "-c", script});
}

// A parameter of this machine, for whose value the test is responsible.
class HostKey {
 public:
  explicit HostKey(std::string path) : path_(std::move(path)), original_(read_file(path_)) {}
  ~HostKey() { write(original_); }
  HostKey(const HostKey&) = delete;
  HostKey& operator=(const HostKey&) = delete;

  void write(const std::string& value) const { std::ofstream(path_) << value; }
  std::string value() const { return read_file(path_); }

 private:
  std::string path_;
  std::string original_;
};

// How many seconds a process may keep a lease on a file that somebody else wants: nobody notices for the time of a test.
constexpr char kHostKeyPath[] = "/proc/sys/fs/lease-break-time";

}  // namespace

TEST_CASE("S1: sysctl.conf is applied before the first hook and the first service") {
  Container container;
  container.file("/etc/sysctl.conf", std::string("# Oracle\nkernel.shmmax = ") + kWanted + "\n");
  container.file("/etc/my_init.d/hook", "#!/bin/sh\nsh /bin/report hook\n", 0755);
  container.config("[service.database]\ncommand = 'sh /bin/report service'\n");
  start_lowered(container);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged(std::string("before: ") + kLowered + ", shmget: Invalid argument\n"));
  CHECK(container.logged(std::string("hook: ") + kWanted + ", shmget works\n"));
  CHECK(container.logged(std::string("service: ") + kWanted + ", shmget works\n"));
  CHECK(container.count("sysctl: kernel.shmmax = 68719476736 (/etc/sysctl.conf:2) was set, it was 33554432") == 1);
}

TEST_CASE("S1: sysctl.conf is applied for a command alone, too") {
  Container container;
  container.file("/etc/sysctl.conf", std::string("kernel.shmmax=") + kWanted + "\n");
  start_lowered(container, "-- sh /bin/report command");
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged(std::string("command: ") + kWanted + ", shmget works\n"));
}

TEST_CASE("S2: sysctl.conf is applied again at every start of the same container") {
  const TemporaryDirectory layer;
  for (int start = 1; start <= 2; ++start) {
    CAPTURE(start);
    Container container;
    container.file("/etc/sysctl.conf", std::string("kernel.shmmax = ") + kWanted + "\n");
    container.config("[service.database]\ncommand = ['sh', '-c', 'sh /bin/report service; exec app app1']\n");
    start_lowered(container, "", {.layer = layer.path()}).wait_for("ready\n");
    container.signal(SIGTERM);
    CHECK(container.wait_exit().code == 0);
    CHECK(container.logged(std::string("before: ") + kLowered + ", shmget: Invalid argument\n"));
    CHECK(container.logged(std::string("service: ") + kWanted + ", shmget works\n"));
  }
}

TEST_CASE("S3: under a read-only /proc/sys one line for each key says all there is to say, and the container starts") {
  Container container;
  container.file("/etc/sysctl.conf", "kernel.shmmax = 68719476736\n\nvm.swappiness = 7\n");
  container.config("[service.database]\ncommand = 'sh /bin/report service'\n");
  start_lowered_and_read_only(container);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("service: 33554432, shmget: Invalid argument\n"));
  CHECK(container.count("sysctl: ") == 2);
  CHECK(
      container.logged("cinit: sysctl: kernel.shmmax = 68719476736 (/etc/sysctl.conf:1) was refused, it stays "
                       "33554432: /proc/sys is read-only; use docker run --sysctl kernel.shmmax=68719476736"));
  CHECK(container.logged("cinit: sysctl: vm.swappiness = 7 (/etc/sysctl.conf:3) was refused, it stays "));
  CHECK(container.logged("--privileged"));
}

TEST_CASE("S4: an unknown key is named, and ends nothing, and a minus in front of it silences it") {
  Container container;
  container.file("/etc/sysctl.conf",
                 "net.ipv4.of_the_story = 1\n-net.ipv4.silenced = 1\nno pair\nkernel.shmmax = 68719476736\n");
  container.config("[service.web]\ncommand = 'sh /bin/report service'\n");
  start_lowered(container);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("sysctl: net.ipv4.of_the_story = 1 (/etc/sysctl.conf:1) is an unknown key"));
  CHECK(!container.logged("silenced"));
  CHECK(container.logged("sysctl: /etc/sysctl.conf:3: "));
  CHECK(container.logged("service: 68719476736, shmget works\n"));
}

TEST_CASE("S5: what has its value already is not written, and not worth a word") {
  Container container;
  container.file("/etc/sysctl.conf", "kernel.shmmax = 33554432\n");
  container.config("[service.web]\ncommand = 'sh /bin/report service'\n");
  start_lowered_and_read_only(container);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("service: 33554432, shmget: Invalid argument\n"));
  CHECK(!container.logged("sysctl"));
}

TEST_CASE("S6: with policy \"strict\" a key that cannot be set ends the start before any hook has run") {
  const TemporaryDirectory machine;
  Container container;
  container.file("/etc/sysctl.conf", "kernel.shmmax = 68719476736\n");
  container.file("/etc/my_init.d/hook", "#!/bin/sh\necho hook ran\n", 0755);
  container.config("[sysctl]\npolicy = 'strict'\n[service.web]\ncommand = 'echo service ran'\n");
  std::ofstream(machine / "termination-log") << "";
  container.cinit({}, {.volumes = {machine / "termination-log:/dev/termination-log"}, .read_only_proc_sys = true});
  CHECK(container.wait_exit().code == 1);
  CHECK(container.logged("kernel.shmmax = 68719476736 (/etc/sysctl.conf:1) was refused"));
  CHECK(container.logged("strict"));
  CHECK(!container.logged("ran\n"));
  const std::string reason = read_file(machine / "termination-log");
  CAPTURE(reason);
  CHECK(reason.find("strict") != std::string::npos);
  CHECK(reason.find("kernel.shmmax") != std::string::npos);
}

TEST_CASE("S6: with policy \"strict\" a container starts when everything could be set") {
  Container container;
  container.file("/etc/sysctl.conf", "kernel.shmmax = 68719476736\n-kernel.invented = 1\n");
  container.config("[sysctl]\npolicy = 'strict'\n[service.web]\ncommand = 'sh /bin/report service'\n");
  start_lowered(container);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("service: 68719476736, shmget works\n"));
}

TEST_CASE("S7: a key of the host is set with a warning, and left alone with the policy \"namespaced\"") {
  const HostKey key(kHostKeyPath);
  key.write("44\n");
  REQUIRE(key.value() == "44\n");
  Container container;
  container.file("/etc/sysctl.conf", "fs.lease-break-time = 43\nkernel.shmmax = 68719476736\n");
  const std::string service = "[service.web]\ncommand = 'sh /bin/report service'\n";
  SUBCASE("warn") {
    container.config(service);
    start_lowered(container);
    CHECK(container.wait_exit().code == 0);
    CHECK(key.value() == "43\n");
    CHECK(container.logged("fs.lease-break-time = 43 (/etc/sysctl.conf:1) was set, it was 44"));
    CHECK(container.logged("has changed for everybody on the host"));
  }
  SUBCASE("namespaced") {
    container.config("[sysctl]\npolicy = 'namespaced'\n" + service);
    start_lowered(container);
    CHECK(container.wait_exit().code == 0);
    CHECK(key.value() == "44\n");
    CHECK(container.logged("fs.lease-break-time = 43 (/etc/sysctl.conf:1) was left alone, it stays 44"));
  }
  CHECK(container.logged("service: 68719476736, shmget works\n"));
}

TEST_CASE("with policy \"off\" nothing is set") {
  Container container;
  container.file("/etc/sysctl.conf", "kernel.shmmax = 68719476736\n");
  container.config("[sysctl]\npolicy = 'off'\n[service.web]\ncommand = 'sh /bin/report service'\n");
  start_lowered(container);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("service: 33554432, shmget: Invalid argument\n"));
  CHECK(!container.logged("sysctl"));
}

TEST_CASE("S33: uid 0 of a user namespace sets what is its own, and is told why it cannot set what is the host's") {
  Container container;
  container.file("/etc/sysctl.conf", "kernel.shmmax = 68719476736\nfs.lease-break-time = 43\n");
  container.config("[service.web]\ncommand = 'sh /bin/report service'\n").file("/bin/report", kReport);
  container.start({"/bin/unshare", "-U", "-r", "-i", "/sbin/cinit"}, {.user = "1000:1000"});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("service: 68719476736, shmget works\n"));
  CHECK(container.logged("fs.lease-break-time = 43 (/etc/sysctl.conf:2) was refused, it stays "));
  CHECK(container.logged("a user namespace has no power over the host"));
}

TEST_CASE("S33: without any capability a key is refused, and the container starts all the same") {
  Container container;
  container.file("/etc/sysctl.conf", "kernel.shmmax = 68719476736\n");
  container.config("[service.web]\ncommand = 'echo service ran'\n");
  container.cinit({}, {.user = "1000:1000"});
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("kernel.shmmax = 68719476736 (/etc/sysctl.conf:1) was refused, it stays "));
  CHECK(container.logged("permission denied"));
  CHECK(container.logged("docker run --sysctl kernel.shmmax=68719476736"));
  CHECK(container.logged("service ran\n"));
}

TEST_CASE("what the configuration names comes after /etc/sysctl.conf: files, patterns of them, and single keys") {
  Container container;
  container.file("/etc/sysctl.conf", "kernel.shmmax = 1\nkernel.shmmni = 1000\n");
  container.file("/etc/sysctl.d/20.conf", "kernel/shmmax = 3\nkernel.msgmni = 2000\n");
  container.file("/etc/sysctl.d/10.conf", "kernel.shmmax = 2\n");
  container.config(
      "[sysctl]\nfiles = ['/etc/sysctl.d/*.conf', '-/etc/not-there', '/etc/missing']\n"
      "set = { 'kernel.shmmax' = 68719476736, 'kernel.msgmnb' = '20000' }\n"
      "[service.web]\n"
      "command = ['sh', '-c', 'cd /proc/sys/kernel; echo $(cat shmmax shmmni msgmni msgmnb)']\n");
  start_lowered(container);
  CHECK(container.wait_exit().code == 0);
  CHECK(container.logged("\n68719476736 1000 2000 20000\n"));
  CHECK(container.logged("kernel.shmmax = 68719476736 (/etc/cinit.toml:"));
  CHECK(container.logged("/etc/missing: cannot be read: No such file or directory"));
  CHECK(!container.logged("not-there"));
}
