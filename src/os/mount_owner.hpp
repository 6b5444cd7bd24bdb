// Who answers for a file: the kernel and root, or a user by a file system of its own.
#pragma once

#include "os/fd.hpp"

namespace cinit::os {

// Whether the file lies in a file system that a user other than root has mounted, by fuse(4) or in a namespace of that user's.
// Each call on such a file takes as long as that user likes, so this one may wait, too. Without /proc only those of root's
// own kind count as root's.
bool is_in_mount_of_user(const Fd& file);

}  // namespace cinit::os
