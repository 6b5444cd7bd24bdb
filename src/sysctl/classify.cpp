#include "sysctl/classify.hpp"

#include <algorithm>
#include <array>

#include "sysctl/parse.hpp"
#include "sysctl/text.hpp"

namespace cinit::sysctl {
namespace {

constexpr std::string_view kHostname = "kernel/hostname";
constexpr std::string_view kDomainname = "kernel/domainname";
constexpr std::string_view kMessageQueues = "fs/mqueue/";

// Those that `docker run --sysctl` takes.
constexpr std::array<std::string_view, 8> kSettableIpcKeys{"kernel/msgmax", "kernel/msgmnb",         "kernel/msgmni",
                                                           "kernel/sem",    "kernel/shmall",         "kernel/shmmax",
                                                           "kernel/shmmni", "kernel/shm_rmid_forced"};

// Those that it refuses, although the kernel has them in the IPC namespace.
constexpr std::array<std::string_view, 4> kOtherIpcKeys{"kernel/auto_msgmni", "kernel/msg_next_id",
                                                        "kernel/sem_next_id", "kernel/shm_next_id"};

template <std::size_t Size>
bool contains(const std::array<std::string_view, Size>& keys, std::string_view path) {
  return std::ranges::find(keys, path) != keys.end();
}

std::string sysctl_option(std::string_view path, std::string_view value) {
  return "docker run --sysctl " + shell_quote(to_key(path) + '=' + fold(value)) +
         " (Kubernetes: securityContext.sysctls)";
}

std::string uts_option(std::string_view path, std::string_view value) {
  const std::string word = shell_quote(fold(value));
  if (path == kDomainname) return "docker run --domainname " + word;
  return "docker run --hostname " + word + " (Kubernetes: hostname)";
}

std::string privileged(const HostNamespaces& host) {
  return std::string("docker run --privileged") + (host.user ? "" : " --userns=host") +
         " (Kubernetes: securityContext.privileged), which changes it for everybody on the host";
}

}  // namespace

Scope scope_of(std::string_view path) {
  if (path.starts_with("net/")) return Scope::Network;
  if (path.starts_with("user/")) return Scope::User;
  if (path == kHostname || path == kDomainname) return Scope::Uts;
  const bool ipc =
      path.starts_with(kMessageQueues) || contains(kSettableIpcKeys, path) || contains(kOtherIpcKeys, path);
  return ipc ? Scope::Ipc : Scope::Host;
}

bool is_hosts(std::string_view path, const HostNamespaces& host) {
  switch (scope_of(path)) {
    case Scope::Ipc: return host.ipc;
    case Scope::Network: return host.network;
    case Scope::Uts: return host.uts;
    case Scope::User: return host.user;
    case Scope::Host: break;
  }
  return true;
}

std::string way_out(std::string_view path, std::string_view value, const HostNamespaces& host) {
  if (is_hosts(path, host)) return privileged(host);
  const Scope scope = scope_of(path);
  if (scope == Scope::Uts) return uts_option(path, value);
  if (scope == Scope::User || contains(kOtherIpcKeys, path)) {
    return "docker run --privileged (Kubernetes: securityContext.privileged); the host keeps its own value";
  }
  return sysctl_option(path, value);
}

}  // namespace cinit::sysctl
