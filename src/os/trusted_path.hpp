// Where a path leads, and whether anybody but root and ourselves can lead it elsewhere: path_resolution(7).
//
// Root that opens a path where another user may rename, link or remove is led by that user: to /etc/shadow, to a directory
// of root's, to a FIFO. So the path is walked here name by name, and the answer is a descriptor of the last directory.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <string>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace cinit::os {

struct Place {
  // The last directory that was reached (O_PATH).
  Fd directory;
  // What is to be opened in it. Of a place that is complete this is one name, which may be missing and was no link, or "." for
  // a path that names a directory (ending in "/", "." or ".."). Otherwise it is the rest of the path, with slashes and links.
  std::string name;
  // Whether only root and our effective user can change what `name` means in `directory`.
  bool trusted = false;
  bool complete = false;
  // `name` is a link of the kernel's own, such as /proc/self/fd/1 (/dev/stdout): it has no text that could be followed.
  bool kernel_link = false;

  // openat(2), without following a link that is not the kernel's own, and without waiting: O_NOFOLLOW, O_NONBLOCK, O_NOCTTY
  // and O_CLOEXEC are added. A failed Fd has the errno; EPERM when the place is not complete.
  Fd open(int flags, mode_t mode = 0) const;
};

// The same for one name in a directory that was found by a walk: a link fails with ELOOP, what a user serves (fuse(4)) with EPERM.
Fd open_in(const Fd& directory, const char* name, int flags, mode_t mode = 0);

// Walks `path` from the root directory, or a relative one from the directory `base`, the way to which is taken for fixed.
// Links are followed by hand where only root and our effective user may change names (ELOOP after 40), and nowhere else: in
// a place where others may, the walk ends, and the place is neither trusted nor complete.
//
// Who may change the names in a directory: its owner, and whoever may write to it. In one with the sticky bit (/tmp) what is
// there belongs to its own owner, so a name that is missing is not ours, nor is a file with a second name: that may be a hard
// link which another user has made to a file of root's.
//
// Opens with O_PATH alone, so that no FIFO, device or lease is waited for. A file system that a user serves (fuse(4)) is not entered: a
// walk ends at it as in a place where others may change names, and one that goes on there fails with EPERM. Fails, with the errno, where the kernel does: ENOENT
// (a directory on the way is missing), ENOTDIR, EACCES, ELOOP, EMFILE; EINVAL for a path with a NUL.
Result<Place> find_place(const std::string& path, int base = AT_FDCWD);

// The same, but goes on in directories where others may change names, so that each place is complete. A link there is not
// followed, and fails with ELOOP; without root's rights it is, for then it leads to nothing that its maker may not open.
Result<Place> find_place_anywhere(const std::string& path, int base = AT_FDCWD);

// The same, but every link is followed, as the kernel does: for a look alone, since any user may choose where it leads.
Result<Place> find_place_by_any_link(const std::string& path);

// The same as find_place_anywhere(), and directories that are missing on the way are made (0755).
Result<Place> make_place(const std::string& path);

// Opens the directory `path` (O_PATH), found as find_place_anywhere() does. A failed Fd has the errno.
Fd open_directory(const std::string& path, int base = AT_FDCWD);

// Whether only root and our effective user may make, rename and remove names in the directory with this status.
bool names_are_ours(const struct stat& directory);

}  // namespace cinit::os
