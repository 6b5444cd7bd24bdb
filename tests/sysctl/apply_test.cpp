// What happens to keys, with a directory in place of /proc/sys.
#include "sysctl/apply.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "inside.hpp"
#include "tree.hpp"

using namespace cinit;
using sysctl::OutcomeKind;
using sysctl::Policy;
using test::apply_text;
using test::to_text;

namespace {

// As an ordinary container is, so that the words do not depend on where the test runs.
sysctl::Options at(const test::Tree& tree, Policy policy = Policy::Warn) {
  return {policy, tree.path(), sysctl::HostNamespaces{}};
}

}  // namespace

TEST_CASE("a key that differs is written with a newline, and its old value is said") {
  const test::Tree tree;
  tree.put("kernel/shmmax", "33554432\n");
  const auto outcomes = apply_text("kernel.shmmax = 68719476736\n", at(tree));
  CHECK(to_text(outcomes) == "Applied: kernel.shmmax = 68719476736 (/etc/sysctl.conf:1) was set, it was 33554432\n");
  CHECK(outcomes[0].current == "33554432");
  CHECK(tree.get("kernel/shmmax") == "68719476736\n");
}

TEST_CASE("S5: a key that is right already, apart from white space, is not written") {
  const test::Tree tree;
  tree.put("kernel/sem", "250\t32000\t32\t128\n");
  tree.put("kernel/domainname", "\n");
  CHECK(to_text(apply_text("kernel.sem = 250  32000 32 128\nkernel.domainname =\n", at(tree))) ==
        "AlreadyRight: kernel.sem = 250 32000 32 128 (/etc/sysctl.conf:1) has this value already\n"
        "AlreadyRight: kernel.domainname = \"\" (/etc/sysctl.conf:2) has this value already\n");
  CHECK_FALSE(tree.is_touched("kernel/sem"));
  CHECK_FALSE(tree.is_touched("kernel/domainname"));
}

TEST_CASE("S7: a key of the host is changed with a warning, and not touched with the policy namespaced") {
  const test::Tree tree;
  tree.put("kernel/printk", "4\n");
  tree.put("kernel/msgmax", "1\n");
  const std::string text = "kernel.printk = 7\nkernel.msgmax = 2\n";
  CHECK(to_text(apply_text(text, at(tree, Policy::Namespaced))) ==
        "Skipped: kernel.printk = 7 (/etc/sysctl.conf:1) was left alone, it stays 4: it belongs to the host, and the "
        "policy "
        "is \"namespaced\"\n"
        "Applied: kernel.msgmax = 2 (/etc/sysctl.conf:2) was set, it was 1\n");
  CHECK_FALSE(tree.is_touched("kernel/printk"));
  CHECK(to_text(apply_text(text, at(tree))) ==
        "AppliedHostWide: kernel.printk = 7 (/etc/sysctl.conf:1) was set, it was 4; it is not the container's own and "
        "has "
        "changed for everybody on the host\n"
        "AlreadyRight: kernel.msgmax = 2 (/etc/sysctl.conf:2) has this value already\n");
  CHECK(tree.get("kernel/printk") == "7\n");
}

TEST_CASE("a key of the network is the host's when the network is") {
  const test::Tree tree;
  tree.put("net/ipv4/ip_forward", "0\n");
  sysctl::Options options = at(tree, Policy::Namespaced);
  options.host->network = true;
  CHECK(apply_text("net.ipv4.ip_forward = 1\n", options)[0].kind == OutcomeKind::Skipped);
  CHECK(apply_text("net.ipv4.ip_forward = 1\n", at(tree, Policy::Namespaced))[0].kind == OutcomeKind::Applied);
}

TEST_CASE("S4: an unknown key is named and stops nothing, and a dash in front ignores it") {
  const test::Tree tree;
  tree.put("kernel/shmmax", "1\n");
  const auto outcomes = apply_text(
      "kernel.nope = 1\n-kernel.silent = 2\nnet.bridge.x = 3\nkernel.shmmax.deeper = 4\nkernel.shmmax = 5\n", at(tree));
  CHECK(to_text(outcomes) ==
        "Unknown: kernel.nope = 1 (/etc/sysctl.conf:1) is an unknown key: this kernel has none\n"
        "Ignored: kernel.silent = 2 (/etc/sysctl.conf:2) is an unknown key: this kernel has none; ignored, for the "
        "\"-\" in "
        "front of it\n"
        "Unknown: net.bridge.x = 3 (/etc/sysctl.conf:3) is an unknown key: this kernel has none, or shows it in the "
        "host's "
        "network only\n"
        "Unknown: kernel.shmmax.deeper = 4 (/etc/sysctl.conf:4) is an unknown key: this kernel has none\n"
        "Applied: kernel.shmmax = 5 (/etc/sysctl.conf:5) was set, it was 1\n");
  CHECK(outcomes[0].error == ENOENT);
}

TEST_CASE("without /proc/sys that is what is said, and not that the keys are unknown") {
  CHECK(to_text(apply_text("kernel.shmmax = 1\n", {Policy::Warn, "/nowhere", sysctl::HostNamespaces{}})) ==
        "Unknown: kernel.shmmax = 1 (/etc/sysctl.conf:1) cannot be set: there is no /nowhere\n");
}

TEST_CASE("what is last said of a key counts, wherever it is said") {
  const test::Tree tree;
  tree.put("a/b", "0\n");
  tree.put("a/c", "0\n");
  CHECK(to_text(apply_text("kernel.msgmax = 1\na.b = 1\na/b = 2\na.c = 1\n-a.c\n", at(tree))) ==
        "Unknown: kernel.msgmax = 1 (/etc/sysctl.conf:1) is an unknown key: this kernel has none\n"
        "AppliedHostWide: a.b = 2 (/etc/sysctl.conf:3) was set, it was 0; it is not the container's own and has "
        "changed for "
        "everybody on the host\n");
  CHECK_FALSE(tree.is_touched("a/c"));
}

TEST_CASE("a pattern reaches every key that exists, is neither named by itself nor excluded") {
  const test::Tree tree;
  for (const char* name : {"all", "default", "eth0", "eth0.100", "hub0", "veth1", "lo"}) {
    tree.put("net/ipv4/conf/" + std::string(name) + "/rp_filter", "0\n");
  }
  tree.put("net/ipv4/conf/other", "0\n");
  const auto outcomes = apply_text(
      "net.ipv4.conf.hub0.rp_filter = 1\n"
      "net.ipv4.conf.*.rp_filter = 2\n"
      "-net.ipv4.conf.all.rp_filter\n"
      "-net.ipv4.conf.veth*.rp_filter\n"
      "net.ipv4.conf.default.rp_filter = 4\n"
      "net.ipv4.conf.l?.rp_filter = 3\n",
      at(tree));
  CHECK(to_text(outcomes) ==
        "Applied: net.ipv4.conf.hub0.rp_filter = 1 (/etc/sysctl.conf:1) was set, it was 0\n"
        "Applied: net.ipv4.conf.eth0.rp_filter = 2 (/etc/sysctl.conf:2) was set, it was 0\n"
        "Applied: net.ipv4.conf.eth0/100.rp_filter = 2 (/etc/sysctl.conf:2) was set, it was 0\n"
        "Applied: net.ipv4.conf.default.rp_filter = 4 (/etc/sysctl.conf:5) was set, it was 0\n"
        "Applied: net.ipv4.conf.lo.rp_filter = 3 (/etc/sysctl.conf:6) was set, it was 0\n");
  CHECK_FALSE(tree.is_touched("net/ipv4/conf/all/rp_filter"));
  CHECK_FALSE(tree.is_touched("net/ipv4/conf/veth1/rp_filter"));
}

TEST_CASE("a pattern that nothing matches is unknown, one whose matches are all excluded is not") {
  const test::Tree tree;
  tree.put("a/b", "0\n");
  CHECK(to_text(apply_text("a.x* = 1\n-y.* = 1\na.* = 1\n-a.b\n", at(tree))) ==
        "Unknown: a.x* = 1 (/etc/sysctl.conf:1) matches no key of this kernel\n"
        "Ignored: y.* = 1 (/etc/sysctl.conf:2) matches no key of this kernel; ignored, for the \"-\" in front of it\n");
}

TEST_CASE("who may not write a key learns why, and what would") {
  const test::Tree tree;
  tree.put("kernel/shmmax", "1\n");
  tree.put("kernel/printk", "2\n");
  tree.put("net/core/rmem_max", "3\n");
  REQUIRE(chmod(tree.at("net/core/rmem_max").c_str(), 0444) == 0);
  const std::string report = test::inside(0, [&](std::string& text) {
    test::become_user(12345);
    text = to_text(
        apply_text("kernel.shmmax = 10\nkernel.printk = 20\n-kernel.printk = 20\nnet.core.rmem_max = 30\n", at(tree)));
  });
  CHECK(report ==
        "Refused: kernel.shmmax = 10 (/etc/sysctl.conf:1) was refused, it stays 1: permission denied to uid 12345; use "
        "docker "
        "run --sysctl kernel.shmmax=10 (Kubernetes: securityContext.sysctls)\n"
        "Ignored: kernel.printk = 20 (/etc/sysctl.conf:3) was refused, it stays 2: permission denied to uid 12345; use "
        "docker "
        "run --privileged (Kubernetes: securityContext.privileged), which changes it for everybody on the host; "
        "ignored, for "
        "the \"-\" in front of it\n"
        "Refused: net.core.rmem_max = 30 (/etc/sysctl.conf:4) was refused, it stays 3: the kernel lets nobody write it "
        "here\n");
}

TEST_CASE("a key that can only be written is written") {
  const test::Tree tree;
  tree.put("net/ipv4/route/flush", "");
  REQUIRE(chmod(tree.at("net/ipv4/route/flush").c_str(), 0200) == 0);
  REQUIRE(chown(tree.at("net/ipv4/route/flush").c_str(), 12345, 12345) == 0);
  const std::string report = test::inside(0, [&](std::string& text) {
    test::become_user(12345);
    text = to_text(apply_text("net.ipv4.route.flush = 1\n", at(tree)));
  });
  CHECK(report == "Applied: net.ipv4.route.flush = 1 (/etc/sysctl.conf:1) was set\n");
  CHECK(tree.get("net/ipv4/route/flush") == "1\n");
}

TEST_CASE("what is no key is refused, and a FIFO holds nobody up") {
  const test::Tree tree;
  tree.put("kernel/real", "1\n");
  tree.put("outside", "1\n");
  REQUIRE(mkfifo(tree.at("kernel/fifo").c_str(), 0666) == 0);
  REQUIRE(symlink("../outside", tree.at("kernel/link").c_str()) == 0);
  const std::string report = test::inside(0, [&](std::string& text) {
    text = to_text(apply_text("kernel.fifo = 2\nkernel.link = 2\nkernel = 2\n", at(tree)));
  });
  CHECK(report ==
        "Refused: kernel.fifo = 2 (/etc/sysctl.conf:1) was refused, its value cannot be read: it is no regular file, "
        "and so no "
        "key\n"
        "Refused: kernel.link = 2 (/etc/sysctl.conf:2) was refused, its value cannot be read: it is no regular file, "
        "and so no "
        "key\n"
        "Refused: kernel = 2 (/etc/sysctl.conf:3) was refused, its value cannot be read: it is a directory, no key\n");
  CHECK_FALSE(tree.is_touched("outside"));
}

TEST_CASE("malformed lines come first and do not stop the others") {
  const test::Tree tree;
  tree.put("kernel/shmmax", "1\n");
  CHECK(to_text(apply_text("kernel.shmmax = 1\nnonsense\n", at(tree))) ==
        "Malformed: /etc/sysctl.conf:2: expected KEY = VALUE instead of nonsense\n"
        "AlreadyRight: kernel.shmmax = 1 (/etc/sysctl.conf:1) has this value already\n");
}

TEST_CASE("the policy off does nothing") {
  const test::Tree tree;
  tree.put("kernel/shmmax", "1\n");
  CHECK(apply_text("kernel.shmmax = 2\nnonsense\n", at(tree, Policy::Off)).empty());
  CHECK_FALSE(tree.is_touched("kernel/shmmax"));
}

TEST_CASE("S6: only the policy strict ends the boot, and only when something did not get its value") {
  const test::Tree tree;
  tree.put("kernel/shmmax", "1\n");
  tree.put("kernel/printk", "1\n");
  const auto ends = [&](const std::string& text, Policy policy) {
    return sysctl::ends_boot(policy, apply_text(text, at(tree, policy)));
  };
  CHECK(ends("kernel = 1\n", Policy::Strict));
  CHECK(ends("kernel.nope = 1\n", Policy::Strict));
  CHECK(ends("nonsense\n", Policy::Strict));
  CHECK_FALSE(ends("kernel.shmmax = 1\nkernel.shmmax = 2\nkernel.printk = 2\n-kernel.nope = 1\n", Policy::Strict));
  CHECK_FALSE(ends("kernel.nope = 1\nnonsense\n", Policy::Warn));
  CHECK_FALSE(ends("kernel.nope = 1\nkernel.printk = 3\n", Policy::Namespaced));
  CHECK_FALSE(ends("nonsense\n", Policy::Off));
}
