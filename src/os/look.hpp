// What is at a place, without waiting for who answers for it.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace cinit::os {

// fstatat(2), by statx(2) with AT_STATX_DONT_SYNC: a file system that a user serves (fuse(4)) is not asked, and its files are what they
// were when it last said so. Only the last name may be in such a file system. Returns 0 or an errno. Before Linux 4.11 there is no
// such call, and fstatat(2) is used.
int look_at(int directory, const char* name, struct stat& status, int flags = AT_SYMLINK_NOFOLLOW);

struct Seen {
  struct stat status {};
  std::uint64_t mount = 0;  // the kernel's number of it; 0 before Linux 5.8
};

// The same for what is open already (O_PATH will do).
int look_at(const Fd& file, Seen& seen);

// Whether there is another mount between the two.
bool is_in_other_mount(const Seen& one, const Seen& other);

// Whether the file lies in a file system that a user other than root has mounted, by fuse(4). Each call on such a file, but those
// above, takes as long as that user likes. Asks /proc alone; without it every mount is taken for root's. The error has the errno.
Result<bool> is_in_mount_of_user(const Fd& file);

}  // namespace cinit::os
