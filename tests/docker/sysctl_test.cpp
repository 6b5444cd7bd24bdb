// /etc/sysctl.conf in a container: with docker run's usual read-only /proc/sys, and with one that can be written.
#include <doctest/doctest.h>

#include <fstream>

#include "container.hpp"
#include "spawn.hpp"

using namespace cinit::docker;
using namespace std::chrono_literals;

namespace {

// In the story it is the kernel's default. Current kernels have a huge one, so that it is asked for here.
const Arguments kLowered{"--sysctl", "kernel.shmmax=33554432"};
// Like --privileged as far as /proc/sys is concerned.
const Arguments kWritable{"--cap-add", "SYS_ADMIN", "--security-opt", "systempaths=unconfined"};

constexpr const char* kReport = "echo $0: $(cat /proc/sys/kernel/shmmax), $(app shm 67108864)";

void add_product(Container& container) {
  container.file("/etc/sysctl.conf", "# for the database\nkernel.shmmax = 68719476736\n");
  container.config("[service.database]\ncommand = ['sh', '-c', '" + std::string(kReport) +
                   "; exec app app1', 'database']\n");
}

// A parameter of this machine, which gets its value back should a test have changed it.
class HostKey {
 public:
  explicit HostKey(std::string path) : path_(std::move(path)), original_(value()) {}
  ~HostKey() {
    if (value() != original_) std::ofstream(path_) << original_;
  }
  HostKey(const HostKey&) = delete;
  HostKey& operator=(const HostKey&) = delete;

  std::string value() const { return cinit::e2e::read_file(path_); }

 private:
  std::string path_;
  std::string original_;
};

}  // namespace

TEST_CASE("S1: docker run of an image with /etc/sysctl.conf: shmget, refused before, works in hook and service") {
  Container without;
  const Result before = without.options(kLowered).run_to_end({"--", "sh", "-c", kReport, "before"});
  CHECK(before.output == "before: 33554432, shmget: Invalid argument\n");

  Container container;
  add_product(container);
  container.file("/etc/my_init.d/hook", "#!/bin/sh\n" + std::string(kReport) + "\n", 0755);
  container.options(kLowered).options(kWritable).run().wait_for("ready\n");
  CHECK(container.logged("kernel.shmmax = 68719476736 (/etc/sysctl.conf:2) was set, it was 33554432\n"));
  CHECK(container.logged("/etc/my_init.d/hook: 68719476736, shmget works\n"));
  CHECK(container.logged("database: 68719476736, shmget works\n"));
}

TEST_CASE("S2: docker stop and docker start: /etc/sysctl.conf is applied again") {
  Container container;
  add_product(container);
  container.options(kLowered).options(kWritable).run();
  for (int times = 1; times <= 3; ++times) {
    CAPTURE(times);
    if (times > 1) container.start_again();
    container.wait_for("ready\n", times);
    CHECK(container.count("was set, it was 33554432\n") == times);
    CHECK(container.count("database: 68719476736, shmget works\n") == times);
    CHECK(container.stop().code == 0);
  }
}

TEST_CASE("S3: docker run without privileges: one line says all, the container starts, and the way out is one") {
  Container container;
  add_product(container);
  container.options(kLowered).run().wait_for("ready\n");
  const std::string log = container.log();
  CHECK(count_in(log, "sysctl: ") == 1);
  CHECK(count_in(log, "kernel.shmmax = 68719476736 (/etc/sysctl.conf:2) was refused, it stays 33554432: ") == 1);
  CHECK(count_in(log, "database: 33554432, shmget: Invalid argument\n") == 1);
  REQUIRE(count_in(log, "docker run --sysctl kernel.shmmax=68719476736") == 1);

  Container as_told;
  add_product(as_told);
  as_told.options({"--sysctl", "kernel.shmmax=68719476736"}).run().wait_for("ready\n");
  CHECK(as_told.logged("database: 68719476736, shmget works\n"));
  CHECK(!as_told.logged("sysctl"));  // S5: nothing is written, nothing is reported
}

TEST_CASE("S4: docker run with an unknown key in /etc/sysctl.conf: it is named, and the container starts") {
  Container container;
  container.file("/etc/sysctl.conf",
                 "net.ipv4.of_the_story = 1\n-net.ipv4.silenced = 1\nkernel.shmmax = 68719476736\n");
  container.options(kLowered).options(kWritable);
  const Result result = container.run_to_end({"--", "sh", "-c", kReport, "command"});
  CAPTURE(result.output);
  CHECK(result.code == 0);
  CHECK(count_in(result.output, "net.ipv4.of_the_story = 1 (/etc/sysctl.conf:1) is an unknown key") == 1);
  CHECK(count_in(result.output, "silenced") == 0);
  CHECK(count_in(result.output, "command: 68719476736, shmget works\n") == 1);
}

TEST_CASE("S6: docker run with the policy \"strict\": exit code 1, and nothing has run") {
  Container container;
  container.file("/etc/sysctl.conf", "kernel.shmmax = 68719476736\n").options(kLowered);
  container.file("/etc/my_init.d/hook", "#!/bin/sh\necho hook ran\n", 0755);
  container.config("[sysctl]\npolicy = 'strict'\n[service.web]\ncommand = ['echo', 'service ran']\n");
  const Result result = container.run_to_end();
  CAPTURE(result.output);
  CHECK(result.code == 1);
  CHECK(count_in(result.output, "kernel.shmmax = 68719476736 (/etc/sysctl.conf:1) was refused") == 1);
  CHECK(count_in(result.output, "ran\n") == 0);
}

TEST_CASE("S7: docker run with a writable /proc/sys: a key of the host is left alone with the policy \"namespaced\"") {
  const HostKey swappiness("/proc/sys/vm/swappiness");
  const std::string before = swappiness.value();
  const std::string other = before == "50\n" ? "51" : "50";
  Container container;
  container.file("/etc/sysctl.conf", "vm.swappiness = " + other + "\nkernel.shmmax = 68719476736\n");
  container.config("[sysctl]\npolicy = 'namespaced'\n[service.web]\ncommand = ['cat', '/proc/sys/kernel/shmmax']\n");
  const Result result = container.options(kLowered).options(kWritable).run_to_end();
  CAPTURE(result.output);
  CHECK(result.code == 0);
  CHECK(swappiness.value() == before);
  CHECK(count_in(result.output, "vm.swappiness = " + other + " (/etc/sysctl.conf:1) was left alone") == 1);
  CHECK(count_in(result.output, "68719476736\n") == 1);
}
