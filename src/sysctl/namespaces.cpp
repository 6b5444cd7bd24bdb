#include "sysctl/namespaces.hpp"

#include <sys/stat.h>

#include "os/syscall.hpp"

namespace cinit::sysctl {
namespace {

constexpr ino_t kFirstIpc = 0xEFFFFFFF;
constexpr ino_t kFirstUts = 0xEFFFFFFE;
constexpr ino_t kFirstUser = 0xEFFFFFFD;

bool is_first(const char* name, ino_t number, bool otherwise) {
  struct stat status {};
  return stat(name, &status) == 0 ? status.st_ino == number : otherwise;
}

}  // namespace

HostNamespaces find_host_namespaces() {
  HostNamespaces host;
  host.ipc = is_first("/proc/self/ns/ipc", kFirstIpc, host.ipc);
  host.uts = is_first("/proc/self/ns/uts", kFirstUts, host.uts);
  host.user = is_first("/proc/self/ns/user", kFirstUser, host.user);
  host.network = os::sys::faccess("/proc/sys/net/core/netdev_max_backlog", F_OK) == 0;
  return host;
}

}  // namespace cinit::sysctl
