// Whose a kernel parameter is: the container's, or the host's. And who may set it, when cinit may not.
#pragma once

#include <string>
#include <string_view>

namespace cinit::sysctl {

// The namespace that has its own value of a key. Host: none that is known to have one, so everybody on the host shares it.
enum class Scope { Ipc, Network, Uts, User, Host };

// Which namespaces of the container are the host's own (docker run --ipc=host, --network=host, --uts=host; user namespaces
// are the exception). Its keys are then the host's.
struct HostNamespaces {
  bool ipc = false;
  bool network = false;
  bool uts = false;
  bool user = true;
};

// By the kernel's ipc/ipc_sysctl.c, ipc/mq_sysctl.c, kernel/utsname_sysctl.c, kernel/ucount.c and
// Documentation/admin-guide/sysctl. Every key below net/ that a network namespace shows is its own, or read-only.
// `path` is as Setting has it.
Scope scope_of(std::string_view path);

// Whether changing the key changes it for everybody on the host.
bool is_hosts(std::string_view path, const HostNamespaces& host);

// How whoever starts the container gets `value` for the key: "docker run --sysctl kernel.shmmax=68719476736 (Kubernetes:
// ...)". Goes behind the word "use".
std::string way_out(std::string_view path, std::string_view value, const HostNamespaces& host);

}  // namespace cinit::sysctl
