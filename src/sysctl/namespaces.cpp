#include "sysctl/namespaces.hpp"

#include <errno.h>
#include <sys/stat.h>

#include "base/passing.hpp"
#include "os/syscall.hpp"

namespace cinit::sysctl {
namespace {

constexpr ino_t kFirstIpc = 0xEFFFFFFF;
constexpr ino_t kFirstUts = 0xEFFFFFFE;
constexpr ino_t kFirstUser = 0xEFFFFFFD;

bool is_first(const char* name, ino_t number, bool otherwise) {
  struct stat status {};
  const int error = persist([&] { return stat(name, &status) == 0 ? 0 : errno; });
  // What cannot be told for a reason that may pass may be the host's.
  return error == 0 ? status.st_ino == number : may_pass(error) || otherwise;
}

}  // namespace

HostNamespaces find_host_namespaces() {
  HostNamespaces host;
  host.ipc = is_first("/proc/self/ns/ipc", kFirstIpc, host.ipc);
  host.uts = is_first("/proc/self/ns/uts", kFirstUts, host.uts);
  host.user = is_first("/proc/self/ns/user", kFirstUser, host.user);
  const long network = os::sys::faccess("/proc/sys/net/core/netdev_max_backlog", F_OK);
  host.network = network == 0 || may_pass(static_cast<int>(-network));
  return host;
}

}  // namespace cinit::sysctl
