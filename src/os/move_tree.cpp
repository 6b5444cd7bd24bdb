#include "os/move_tree.hpp"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "os/file.hpp"
#include "os/syscall.hpp"

namespace cinit::os {
namespace {

constexpr mode_t kPermissions = 07777;

Fd open_entry(const Fd& directory, const std::string& name, int flags, mode_t mode = 0) {
  return Fd(sys::open(directory.get(), name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode));
}

Fd open_inner(const Fd& directory, const std::string& name) {
  return open_entry(directory, name, O_RDONLY | O_DIRECTORY);
}

int copy_owner(const Fd& to, const struct stat& of) {
  if (fchown(to.get(), of.st_uid, of.st_gid) != 0 && errno != EPERM) return errno;
  return fchmod(to.get(), of.st_mode & kPermissions) == 0 ? 0 : errno;
}

int copy_file(const Fd& from, const std::string& name, const struct stat& status, const Fd& to) {
  const Fd source = open_entry(from, name, O_RDONLY);
  if (!source) return source.error();
  const Fd copy = open_entry(to, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!copy) return copy.error();
  char block[16384];
  long size = 0;
  while ((size = sys::read(source.get(), block, sizeof(block))) > 0) {
    for (long written = 0; written < size;) {
      const long more = sys::write(copy.get(), block + written, static_cast<std::size_t>(size - written));
      if (more <= 0) return more < 0 ? static_cast<int>(-more) : EIO;
      written += more;
    }
  }
  return size < 0 ? static_cast<int>(-size) : copy_owner(copy, status);
}

int copy_link(const Fd& from, const std::string& name, const Fd& to) {
  char target[PATH_MAX];
  const ssize_t size = readlinkat(from.get(), name.c_str(), target, sizeof(target) - 1);
  if (size < 0) return errno;
  target[size] = '\0';
  return symlinkat(target, to.get(), name.c_str()) == 0 ? 0 : errno;
}

int copy_fifo(const std::string& name, const struct stat& status, const Fd& to) {
  if (mkfifoat(to.get(), name.c_str(), status.st_mode & kPermissions) != 0) return errno;
  const bool is_ours = fchownat(to.get(), name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) == 0;
  return is_ours || errno == EPERM ? 0 : errno;
}

int move_all(const Fd& from, const Fd& to);

int merge_directory(const Fd& from, const std::string& name, const struct stat& status, const Fd& to) {
  const bool is_new = mkdirat(to.get(), name.c_str(), 0700) == 0;
  if (!is_new && errno != EEXIST) return errno;
  const Fd source = open_inner(from, name);
  if (!source) return source.error();
  const Fd target = open_inner(to, name);
  if (!target) return target.error() == ENOTDIR || target.error() == ELOOP ? 0 : target.error();
  if (const int error = move_all(source, target); error != 0) return error;
  return is_new ? copy_owner(target, status) : 0;
}

int copy_entry(const Fd& from, const std::string& name, const struct stat& status, const Fd& to) {
  switch (status.st_mode & S_IFMT) {
    case S_IFREG: return copy_file(from, name, status, to);
    case S_IFLNK: return copy_link(from, name, to);
    case S_IFIFO: return copy_fifo(name, status, to);
    default: return 0;
  }
}

// Removes what has been left behind, directories with all that is in them.
int remove_entry(const Fd& from, const std::string& name, bool is_directory) {
  if (!is_directory) return unlinkat(from.get(), name.c_str(), 0) == 0 ? 0 : errno;
  const Fd inner = open_inner(from, name);
  if (!inner) return inner.error();
  const auto names = list_entries(inner);
  if (!names) return names.error().code;
  for (const std::string& each : *names) {
    struct stat status {};
    if (fstatat(inner.get(), each.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return errno;
    if (const int error = remove_entry(inner, each, S_ISDIR(status.st_mode)); error != 0) return error;
  }
  return unlinkat(from.get(), name.c_str(), AT_REMOVEDIR) == 0 ? 0 : errno;
}

int move_entry(const Fd& from, const std::string& name, const Fd& to) {
  struct stat status {};
  if (fstatat(from.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return errno;
  constexpr unsigned kNoReplace = 1;  // RENAME_NOREPLACE of renameat2(2), which musl does not know
  if (syscall(SYS_renameat2, from.get(), name.c_str(), to.get(), name.c_str(), kNoReplace) == 0) return 0;
  const bool is_directory = S_ISDIR(status.st_mode);
  // EINVAL: the file system knows no RENAME_NOREPLACE.
  const bool is_elsewhere = errno == EXDEV || errno == EINVAL || errno == ENOSYS;
  if (!is_elsewhere && errno != EEXIST) return errno;
  int error = is_directory ? merge_directory(from, name, status, to) : copy_entry(from, name, status, to);
  if (error == EEXIST) error = 0;
  return error != 0 ? error : remove_entry(from, name, is_directory);
}

int move_all(const Fd& from, const Fd& to) {
  const auto names = list_entries(from);
  if (!names) return names.error().code;
  for (const std::string& name : *names) {
    if (const int error = move_entry(from, name, to); error != 0) return error;
  }
  return 0;
}

// The place of a mount, in a line of mountinfo: proc(5), /proc/[pid]/mountinfo.
std::string_view mount_point(std::string_view line) {
  constexpr int kField = 4;
  for (int i = 0; i < kField; ++i) line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
  return line.substr(0, line.find(' '));
}

bool is_in(std::string_view place, std::string_view directory) {
  if (!place.starts_with(directory)) return false;
  return place.size() == directory.size() || directory.ends_with('/') || place[directory.size()] == '/';
}

Fd open_path(const std::string& path) {
  const Fd place = open_directory(path);
  return place ? open_inner(place, ".") : Fd(-place.error());
}

}  // namespace

bool holds_mounts(const std::string& path) {
  constexpr std::size_t kMost = 4UL << 20;
  const Result<std::string> mounts = read_file("/proc/self/mountinfo", kMost);
  if (!mounts) return mounts.error().code != ENOENT;
  for (std::string_view left = *mounts; !left.empty();) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(line.size() + 1, left.size()));
    if (!line.empty() && is_in(mount_point(line), path)) return true;
  }
  return false;
}

int move_contents(const std::string& from, const std::string& to) {
  const Fd source = open_path(from);
  if (!source) return source.error();
  const Fd target = open_path(to);
  return target ? move_all(source, target) : target.error();
}

}  // namespace cinit::os
