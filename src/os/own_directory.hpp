// A directory that belongs to our user alone, in a place such as /tmp where every user may make names.
#pragma once

#include <sys/types.h>

#include <string>

#include "os/fd.hpp"

namespace cinit::os {

// Makes the directory `path` with `mode`, unless it is there, and opens it (O_PATH). The directory above it is there already.
// Fails with EPERM where another user may change a name on the way, and where the directory belongs to another user, who may
// have made it first. A failed Fd has the errno.
Fd make_own_directory(const std::string& path, mode_t mode);

}  // namespace cinit::os
