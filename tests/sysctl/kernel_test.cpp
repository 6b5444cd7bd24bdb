// The real /proc/sys, in namespaces of the test's own. This takes root, and fails without.
#include <doctest/doctest.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#include <string>

#include "inside.hpp"
#include "sysctl/namespaces.hpp"

using namespace cinit;
using sysctl::Policy;
using test::apply_text;
using test::inside;
using test::key;
using test::to_text;
using test::write_key;

namespace {

constexpr int kContainer = CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS;
// How often the kernel's own messages may come: harmless. Tests may run side by side, so one is only ever refused.
constexpr const char* kHostKey = "kernel/printk_ratelimit_burst";
constexpr const char* kRefusedHostKey = "kernel/printk_ratelimit";
constexpr const char* kSysctlConf = "kernel.shmmax = 68719476736\n";

// What a legacy product does, and how it fails: 64 MiB of shared memory.
std::string try_shmget() {
  const int id = shmget(IPC_PRIVATE, std::size_t{64} << 20U, IPC_CREAT | 0600);
  if (id < 0) return std::string("shmget: ") + (errno == EINVAL ? "EINVAL" : strerror(errno)) + '\n';
  shmctl(id, IPC_RMID, nullptr);
  return "shmget: works\n";
}

std::string link_text(const char* path) {
  char text[64];
  const ssize_t size = readlink(path, text, sizeof(text));
  REQUIRE(size > 0);
  return {text, static_cast<std::size_t>(size)};
}

// Puts the value of a key of the host back, whatever the test does.
class Keep {
 public:
  explicit Keep(const char* path) : path_(path), value_(key(path)) {}
  ~Keep() { write_key(path_, value_); }
  Keep(const Keep&) = delete;
  Keep& operator=(const Keep&) = delete;

  const std::string& value() const { return value_; }

 private:
  const char* path_;
  std::string value_;
};

}  // namespace

TEST_CASE("S1: shared memory that was refused works when /etc/sysctl.conf has been applied") {
  const std::string report = inside(kContainer, [](std::string& text) {
    write_key("kernel/shmmax", "33554432");
    text += try_shmget();
    text += to_text(apply_text(kSysctlConf));
    text += key("kernel/shmmax") + '\n' + try_shmget();
    text += to_text(apply_text(kSysctlConf));
  });
  CHECK(report ==
        "shmget: EINVAL\n"
        "Applied: kernel.shmmax = 68719476736 (/etc/sysctl.conf:1) was set, it was 33554432\n"
        "68719476736\n"
        "shmget: works\n"
        "AlreadyRight: kernel.shmmax = 68719476736 (/etc/sysctl.conf:1) has this value already\n");
}

TEST_CASE("S3: each key below a read-only /proc/sys has its line with the way out") {
  const std::string ratelimit = key(kRefusedHostKey);
  const std::string report = inside(kContainer, [](std::string& text) {
    write_key("kernel/shmmax", "33554432");
    write_key("kernel/hostname", "box");
    test::make_proc_sys_read_only();
    text += to_text(apply_text(std::string(kSysctlConf) + "kernel.printk_ratelimit = 12345\n"
                                                          "kernel.hostname = web\n"
                                                          "net.ipv4.ip_local_port_range = 2000 3000\n"
                                                          "-kernel.sem = 1 2 3 4\n"
                                                          "net.ipv4.route.flush = 1\n"));
    text += key("kernel/shmmax") + '\n';
  });
  CHECK(
      report ==
      "Refused: kernel.shmmax = 68719476736 (/etc/sysctl.conf:1) was refused, it stays 33554432: /proc/sys is "
      "read-only; "
      "use docker run --sysctl kernel.shmmax=68719476736 (Kubernetes: securityContext.sysctls)\n"
      "Refused: kernel.printk_ratelimit = 12345 (/etc/sysctl.conf:2) was refused, it stays " +
          ratelimit +
          ": /proc/sys is read-only; use docker run --privileged (Kubernetes: securityContext.privileged), which "
          "changes it "
          "for everybody on the host\n"
          "Refused: kernel.hostname = web (/etc/sysctl.conf:3) was refused, it stays box: /proc/sys is read-only; use "
          "docker "
          "run --hostname web (Kubernetes: hostname)\n"
          "Refused: net.ipv4.ip_local_port_range = 2000 3000 (/etc/sysctl.conf:4) was refused, it stays 32768 60999: "
          "/proc/sys is read-only; use docker run --sysctl 'net.ipv4.ip_local_port_range=2000 3000' (Kubernetes: "
          "securityContext.sysctls)\n"
          "Ignored: kernel.sem = 1 2 3 4 (/etc/sysctl.conf:5) was refused, it stays 32000 1024000000 500 32000: "
          "/proc/sys is "
          "read-only; use docker run --sysctl 'kernel.sem=1 2 3 4' (Kubernetes: securityContext.sysctls); ignored, for "
          "the "
          "\"-\" in front of it\n"
          "Refused: net.ipv4.route.flush = 1 (/etc/sysctl.conf:6) was refused, its value cannot be read: /proc/sys is "
          "read-only; use docker run --sysctl net.ipv4.route.flush=1 (Kubernetes: securityContext.sysctls)\n"
          "33554432\n");
}

TEST_CASE("S4: the kernel's own idea of an unknown key, in a container's network too") {
  const std::string report = inside(kContainer, [](std::string& text) {
    text +=
        to_text(apply_text("kernel.cinit_invented = 1\n-kernel.cinit_invented_too = 1\n"
                           "net.core.netdev_max_backlog = 5000\nnet.ipv4.ip_default_ttl = 63\n"));
  });
  CHECK(report ==
        "Unknown: kernel.cinit_invented = 1 (/etc/sysctl.conf:1) is an unknown key: this kernel has none\n"
        "Ignored: kernel.cinit_invented_too = 1 (/etc/sysctl.conf:2) is an unknown key: this kernel has none; ignored, "
        "for the "
        "\"-\" in front of it\n"
        "Unknown: net.core.netdev_max_backlog = 5000 (/etc/sysctl.conf:3) is an unknown key: this kernel has none, or "
        "shows it "
        "in the host's network only\n"
        "Applied: net.ipv4.ip_default_ttl = 63 (/etc/sysctl.conf:4) was set, it was 64\n");
}

TEST_CASE("S5: what docker run --sysctl has set is clean below a read-only /proc/sys") {
  const std::string report = inside(kContainer, [](std::string& text) {
    write_key("kernel/shmmax", "68719476736");
    write_key("kernel/sem", "250 32000 32 128");
    test::make_proc_sys_read_only();
    const auto outcomes = apply_text(std::string(kSysctlConf) + "kernel.sem = 250 32000 32 128\n", {Policy::Strict});
    text += to_text(outcomes) + (sysctl::ends_boot(Policy::Strict, outcomes) ? "ends" : "goes on");
  });
  CHECK(report ==
        "AlreadyRight: kernel.shmmax = 68719476736 (/etc/sysctl.conf:1) has this value already\n"
        "AlreadyRight: kernel.sem = 250 32000 32 128 (/etc/sysctl.conf:2) has this value already\n"
        "goes on");
}

TEST_CASE("S6: with the policy strict a key that cannot be set ends the boot, after all keys have been tried") {
  const std::string report = inside(kContainer, [](std::string& text) {
    const auto outcomes = apply_text("kernel.shmmni = nonsense\nkernel.msgmax = 4000\n", {Policy::Strict});
    text += to_text(outcomes) + (sysctl::ends_boot(Policy::Strict, outcomes) ? "ends" : "goes on");
  });
  CHECK(report ==
        "Refused: kernel.shmmni = nonsense (/etc/sysctl.conf:1) was refused, it stays 4096: the kernel does not accept "
        "this "
        "value\n"
        "Applied: kernel.msgmax = 4000 (/etc/sysctl.conf:2) was set, it was 8192\n"
        "ends");
}

TEST_CASE("S7: a key of the host is left alone by the policy namespaced, and otherwise changed with a warning") {
  const Keep keep(kHostKey);
  const std::string wanted = std::to_string(std::stoi(keep.value()) + 1);
  const std::string line = "kernel.printk_ratelimit_burst = " + wanted + '\n';
  const auto apply_with = [&](Policy policy) {
    return inside(kContainer, [&](std::string& text) {
      text += to_text(apply_text(line, {policy}));
      text += key(kHostKey);
    });
  };
  const std::string start = "kernel.printk_ratelimit_burst = " + wanted + " (/etc/sysctl.conf:1) was ";
  CHECK(apply_with(Policy::Namespaced) == "Skipped: " + start + "left alone, it stays " + keep.value() +
                                              ": it belongs to the host, and the policy is \"namespaced\"\n" +
                                              keep.value());
  CHECK(apply_with(Policy::Warn) == "AppliedHostWide: " + start + "set, it was " + keep.value() +
                                        "; it is not the container's own and has changed for everybody on the host\n" +
                                        wanted);
}

TEST_CASE("S33: uid 0 of a user namespace has its own keys, and is refused those of the host") {
  const std::string ratelimit = key(kRefusedHostKey);
  const std::string report = inside(0, [](std::string& text) {
    test::become_root_of_user_namespace(CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS);
    write_key("net/ipv4/ip_forward", "0");
    text += to_text(apply_text("kernel.printk_ratelimit = 12345\nnet.ipv4.ip_forward = 1\n"));
  });
  CHECK(
      report ==
      "Refused: kernel.printk_ratelimit = 12345 (/etc/sysctl.conf:1) was refused, it stays " + ratelimit +
          ": permission denied, a user namespace has no power over the host; use docker run --privileged --userns=host "
          "(Kubernetes: securityContext.privileged), which changes it for everybody on the host\n"
          "Applied: net.ipv4.ip_forward = 1 (/etc/sysctl.conf:2) was set, it was 0\n");
}

TEST_CASE("the kernel says which namespaces are its first ones") {
  const auto to_string = [](const sysctl::HostNamespaces& host) {
    return std::string(host.ipc ? "ipc " : "") + (host.network ? "network " : "") + (host.uts ? "uts " : "") +
           (host.user ? "user" : "");
  };
  const auto found_in = [&](int namespaces) {
    return inside(namespaces, [&](std::string& text) { text = to_string(sysctl::find_host_namespaces()); });
  };
  const sysctl::HostNamespaces here = sysctl::find_host_namespaces();
  CHECK(here.ipc == (link_text("/proc/self/ns/ipc") == "ipc:[4026531839]"));
  CHECK(here.uts == (link_text("/proc/self/ns/uts") == "uts:[4026531838]"));
  CHECK(here.user == (link_text("/proc/self/ns/user") == "user:[4026531837]"));
  sysctl::HostNamespaces expected = here;
  expected.network = false;
  CHECK(found_in(CLONE_NEWNET) == to_string(expected));
  expected = here;
  expected.ipc = false;
  CHECK(found_in(CLONE_NEWIPC) == to_string(expected));
  expected = here;
  expected.uts = false;
  CHECK(found_in(CLONE_NEWUTS) == to_string(expected));
  CHECK(inside(0, [&](std::string& text) {
          test::become_root_of_user_namespace(CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS);
          text = to_string(sysctl::find_host_namespaces());
        }) == "");
}

TEST_CASE("a value whose end the kernel leaves out is no success, and the comment behind it is named") {
  const std::string report = inside(kContainer, [](std::string& text) {
    const auto outcomes = apply_text("kernel.msgmax = 4000 # enough\nkernel.sem = 250 32000 32 128 77\n");
    text += to_text(outcomes) + key("kernel/msgmax");
  });
  CHECK(report ==
        "Refused: kernel.msgmax = 4000 # enough (/etc/sysctl.conf:1) was taken without its end, # enough: a comment "
        "needs a "
        "line of its own\n"
        "Refused: kernel.sem = 250 32000 32 128 77 (/etc/sysctl.conf:2) was taken without its end, 77: the kernel does "
        "not "
        "expect it\n"
        "4000");
}

TEST_CASE("what the kernel makes of a value is said when it reads otherwise") {
  const std::string report = inside(kContainer, [](std::string& text) {
    write_key("kernel/domainname", "old");
    text += to_text(apply_text("kernel.msgmax = 0x1000\nkernel.domainname = " + std::string(70, 'x') + '\n'));
  });
  CHECK(report ==
        "Applied: kernel.msgmax = 0x1000 (/etc/sysctl.conf:1) was set, it was 8192, it reads 4096 now\n"
        "Applied: kernel.domainname = " +
            std::string(70, 'x') + " (/etc/sysctl.conf:2) was set, it was old, it reads " + std::string(64, 'x') +
            " now\n");
}

TEST_CASE("a value that the kernel does not know is not mistaken for an unknown key") {
  const std::string report = inside(kContainer, [](std::string& text) {
    text += to_text(apply_text("net.ipv4.tcp_congestion_control = cinit_invented\n"));
  });
  CHECK(report.starts_with(
      "Refused: net.ipv4.tcp_congestion_control = cinit_invented (/etc/sysctl.conf:1) was refused, it "
      "stays "));
  CHECK(report.ends_with(": the kernel does not accept this value\n"));
}

TEST_CASE("a pattern reaches the interfaces of the container's own network") {
  const std::string report = inside(kContainer, [](std::string& text) {
    text +=
        to_text(apply_text("net.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.all.rp_filter\n"
                           "net.ipv4.conf.lo.rp_filter = 1\nnet.ipv4.conf.d*.rp_filter = 1\n"));
    text += key("net/ipv4/conf/all/rp_filter") + key("net/ipv4/conf/lo/rp_filter");
  });
  CHECK(report ==
        "Applied: net.ipv4.conf.lo.rp_filter = 1 (/etc/sysctl.conf:3) was set, it was 0\n"
        "Applied: net.ipv4.conf.default.rp_filter = 1 (/etc/sysctl.conf:4) was set, it was 0\n"
        "01");
}

TEST_CASE("a key that can only be written, and one that nobody may write") {
  const std::string report = inside(kContainer, [](std::string& text) {
    text += to_text(apply_text("net.ipv4.route.flush = 1\nkernel.ostype = Minix\n"));
  });
  CHECK(report ==
        "Applied: net.ipv4.route.flush = 1 (/etc/sysctl.conf:1) was set\n"
        "Refused: kernel.ostype = Minix (/etc/sysctl.conf:2) was refused, it stays Linux: the kernel lets nobody write "
        "it "
        "here\n");
}
