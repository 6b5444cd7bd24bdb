#include "os/own_directory.hpp"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/trusted_path.hpp"

namespace cinit::os {
namespace {

// Whether what we make in the directory `fd` stays what it is: other users may make names there at most, as in /tmp.
bool keeps_what_is_ours(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return false;
  const bool belongs_to_us = status.st_uid == 0 || status.st_uid == geteuid();
  return names_are_ours(status) || (belongs_to_us && (status.st_mode & S_ISVTX) != 0);
}

}  // namespace

Fd make_own_directory(const std::string& path, mode_t mode) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return Fd(-EINVAL);
  const Result<Place> parent = find_place(path.substr(0, slash + 1));
  if (!parent) return Fd(-parent.error().code);
  if (!parent->trusted || !keeps_what_is_ours(parent->directory.get())) return Fd(-EPERM);
  const int above = parent->directory.get();
  const std::string name = path.substr(slash + 1);
  if (mkdirat(above, name.c_str(), mode) != 0 && errno != EEXIST) return Fd(-errno);
  Fd made(sys::open(above, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made) return made;
  struct stat status {};
  if (fstat(made.get(), &status) != 0) return Fd(-errno);
  if (status.st_uid != geteuid() || !names_are_ours(status)) return Fd(-EPERM);
  // The umask may have taken from it.
  if (fchmodat(above, name.c_str(), mode, 0) != 0) return Fd(-errno);
  return made;
}

}  // namespace cinit::os
