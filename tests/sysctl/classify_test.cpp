#include "sysctl/classify.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace cinit::sysctl;

namespace {

struct Row {
  std::string_view path;
  Scope scope;
};

constexpr std::array kRows{
    Row{"kernel/shmall", Scope::Ipc},
    Row{"kernel/shmmax", Scope::Ipc},
    Row{"kernel/shmmni", Scope::Ipc},
    Row{"kernel/shm_rmid_forced", Scope::Ipc},
    Row{"kernel/msgmax", Scope::Ipc},
    Row{"kernel/msgmnb", Scope::Ipc},
    Row{"kernel/msgmni", Scope::Ipc},
    Row{"kernel/sem", Scope::Ipc},
    Row{"kernel/auto_msgmni", Scope::Ipc},
    Row{"kernel/msg_next_id", Scope::Ipc},
    Row{"kernel/sem_next_id", Scope::Ipc},
    Row{"kernel/shm_next_id", Scope::Ipc},
    Row{"fs/mqueue/msg_max", Scope::Ipc},
    Row{"fs/mqueue/queues_max", Scope::Ipc},
    Row{"net/ipv4/ip_forward", Scope::Network},
    Row{"net/ipv4/conf/eth0.100/forwarding", Scope::Network},
    Row{"net/core/somaxconn", Scope::Network},
    Row{"kernel/hostname", Scope::Uts},
    Row{"kernel/domainname", Scope::Uts},
    Row{"user/max_user_namespaces", Scope::User},
    Row{"kernel/shmmax2", Scope::Host},
    Row{"kernel/semaphore", Scope::Host},
    Row{"kernel/printk", Scope::Host},
    Row{"kernel/core_pattern", Scope::Host},
    Row{"vm/overcommit_memory", Scope::Host},
    Row{"vm/net/x", Scope::Host},
    Row{"fs/file-max", Scope::Host},
    Row{"fs/mqueue", Scope::Host},
    Row{"network", Scope::Host},
};

constexpr HostNamespaces kOwn{};
constexpr HostNamespaces kShared{.ipc = true, .network = true, .uts = true, .user = true};
constexpr HostNamespaces kOwnUser{.user = false};

}  // namespace

TEST_CASE("each key belongs to the namespace that the kernel has it in, and otherwise to the host") {
  for (const Row& row : kRows) {
    CAPTURE(row.path);
    CHECK(scope_of(row.path) == row.scope);
  }
}

TEST_CASE("a key of a namespace is the host's when the container has none of its own") {
  for (const Row& row : kRows) {
    CAPTURE(row.path);
    CHECK(is_hosts(row.path, kShared));
    CHECK(is_hosts(row.path, kOwn) == (row.scope == Scope::Host || row.scope == Scope::User));
    CHECK(is_hosts(row.path, kOwnUser) == (row.scope == Scope::Host));
  }
  CHECK(is_hosts("net/ipv4/ip_forward", {.network = true}));
  CHECK(is_hosts("kernel/sem", {.ipc = true}));
  CHECK(is_hosts("kernel/hostname", {.uts = true}));
  CHECK_FALSE(is_hosts("net/ipv4/ip_forward", {.ipc = true, .uts = true}));
}

TEST_CASE("the way out is the option of docker run that sets this key, ready for a shell") {
  CHECK(way_out("kernel/shmmax", "68719476736", kOwn) ==
        "docker run --sysctl kernel.shmmax=68719476736 (Kubernetes: securityContext.sysctls)");
  CHECK(way_out("kernel/sem", "250\t32000 32  128", kOwn) ==
        "docker run --sysctl 'kernel.sem=250 32000 32 128' (Kubernetes: securityContext.sysctls)");
  CHECK(way_out("fs/mqueue/msg_max", "20", kOwn) ==
        "docker run --sysctl fs.mqueue.msg_max=20 (Kubernetes: securityContext.sysctls)");
  CHECK(way_out("net/ipv4/conf/eth0.100/forwarding", "1", kOwn) ==
        "docker run --sysctl net.ipv4.conf.eth0/100.forwarding=1 (Kubernetes: securityContext.sysctls)");
  CHECK(way_out("kernel/hostname", "a b", kOwn) == "docker run --hostname 'a b' (Kubernetes: hostname)");
  CHECK(way_out("kernel/domainname", "example.com", kOwn) == "docker run --domainname example.com");
}

TEST_CASE("for a key of the host the way out says that it changes for everybody") {
  const std::string privileged =
      "docker run --privileged (Kubernetes: securityContext.privileged), which changes it for everybody on the host";
  CHECK(way_out("kernel/printk", "1", kOwn) == privileged);
  CHECK(way_out("net/ipv4/ip_forward", "1", kShared) == privileged);
  CHECK(way_out("kernel/hostname", "x", kShared) == privileged);
  CHECK(
      way_out("vm/swappiness", "1", kOwnUser) ==
      "docker run --privileged --userns=host (Kubernetes: securityContext.privileged), which changes it for everybody "
      "on the host");
}

TEST_CASE("a key of the container that docker's --sysctl does not take needs --privileged, without harm to the host") {
  const std::string harmless =
      "docker run --privileged (Kubernetes: securityContext.privileged); the host keeps its own value";
  CHECK(way_out("kernel/msg_next_id", "1", kOwn) == harmless);
  CHECK(way_out("user/max_user_namespaces", "1", kOwnUser) == harmless);
}
