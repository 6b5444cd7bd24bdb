// Which of our namespaces are the host's.
#pragma once

#include "sysctl/classify.hpp"

namespace cinit::sysctl {

// Asks the kernel. Its first namespaces, those that the host itself is in, have inode numbers of their own (init_ns_ino of
// linux/nsfs.h). The network's has one only since Linux 6.18; before, the host's is told by keys below net/core that are
// not registered in any other (net/core/sysctl_net_core.c). What cannot be told, because there is no /proc, is as
// HostNamespaces has it by default. A container in a container has the outer one as its host, and that is not seen.
HostNamespaces find_host_namespaces();

}  // namespace cinit::sysctl
