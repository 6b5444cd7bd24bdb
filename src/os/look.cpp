#include "os/look.hpp"

#include <errno.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "base/passing.hpp"

namespace cinit::os {
namespace {

// statx(2), as the kernel has it: not every libc has all of it.
struct KernelTime {
  std::int64_t seconds;
  std::uint32_t nanoseconds;
  std::int32_t reserved;
};
struct KernelStatus {
  std::uint32_t mask;
  std::uint32_t block_size;
  std::uint64_t attributes;
  std::uint32_t links;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint16_t mode;
  std::uint16_t reserved;
  std::uint64_t inode;
  std::uint64_t size;
  std::uint64_t blocks;
  std::uint64_t attributes_mask;
  KernelTime access_time, birth_time, change_time, modification_time;
  std::uint32_t special_major, special_minor;
  std::uint32_t device_major, device_minor;
  std::uint64_t mount;
  std::uint64_t spare[13];
};
static_assert(sizeof(KernelStatus) == 256);

constexpr std::uint32_t kBasicStatus = 0x7ff;  // STATX_BASIC_STATS
constexpr std::uint32_t kMount = 0x1000;       // STATX_MNT_ID
constexpr int kDoNotSync = 0x4000;             // AT_STATX_DONT_SYNC

struct stat to_status(const KernelStatus& from) {
  struct stat status {};
  status.st_mode = from.mode;
  status.st_uid = from.uid;
  status.st_gid = from.gid;
  status.st_nlink = from.links;
  status.st_ino = from.inode;
  status.st_size = static_cast<off_t>(from.size);
  status.st_dev = makedev(from.device_major, from.device_minor);
  status.st_rdev = makedev(from.special_major, from.special_minor);
  status.st_ctim = {static_cast<time_t>(from.change_time.seconds), static_cast<long>(from.change_time.nanoseconds)};
  status.st_mtim = {static_cast<time_t>(from.modification_time.seconds),
                    static_cast<long>(from.modification_time.nanoseconds)};
  return status;
}

int look(int directory, const char* name, Seen& seen, int flags) {
  KernelStatus status{};
  const long result =
      sys::call(SYS_statx, directory, sys::word(name), flags | kDoNotSync, kBasicStatus | kMount, sys::word(&status));
  if (result == 0) {
    seen = {to_status(status), (status.mask & kMount) != 0 ? status.mount : 0};
    return 0;
  }
  // EPERM: a filter of calls that is older than this one.
  if (result != -ENOSYS && result != -EPERM) return static_cast<int>(-result);
  return static_cast<int>(-sys::stat(directory, name, &seen.status, flags));
}

// Not by read_file(), which would have to know whose the mount is.
Result<std::string> read_of_proc(const std::string& path) {
  const Fd file = persist([&] { return Fd(sys::open(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC)); });
  if (!file) return system_error(file.error());
  std::string text;
  char buffer[4096];
  long size = 0;
  const auto next = [&] {
    size = sys::read(file.get(), buffer, sizeof(buffer));
    return static_cast<int>(-std::min(size, 0L));
  };
  while (true) {
    if (const int error = persist(next); error != 0) return system_error(error);
    if (size == 0) return text;
    text.append(buffer, static_cast<std::size_t>(size));
  }
}

std::string_view line_with(std::string_view text, std::string_view beginning) {
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view line = text.substr(at, text.find('\n', at) - at);
    if (line.starts_with(beginning)) return line;
    at += line.size() + 1;
  }
  return {};
}

// proc_pid_fdinfo(5).
Result<std::uint64_t> mount_of(const Fd& file) {
  Seen seen;
  if (const int error = look_at(file, seen); error != 0) return system_error(error);
  if (seen.mount != 0) return seen.mount;
  constexpr std::string_view kKey = "mnt_id:\t";
  const Result<std::string> info = read_of_proc("/proc/self/fdinfo/" + std::to_string(file.get()));
  if (!info) return info.error();
  std::uint64_t number = 0;
  const std::string_view line = line_with(*info, kKey);
  for (const char digit : line.substr(std::min(kKey.size(), line.size()))) {
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return number;
}

// A line of proc_pid_mountinfo(5): "36 35 0:42 / /mnt rw - fuse.x source rw,user_id=1000,group_id=1000". The kernel's own relatives
// of FUSE (virtiofs) have no user.
bool is_of_user(std::string_view mount) {
  constexpr std::string_view kSeparator = " - ";
  constexpr std::string_view kUser = "user_id=";
  const std::size_t separator = mount.find(kSeparator);
  if (separator == std::string_view::npos) return true;  // it is not there any more
  const std::string_view kind = mount.substr(separator + kSeparator.size());
  const std::size_t user = kind.find(kUser);
  return kind.starts_with("fuse") && user != std::string_view::npos &&
         !kind.substr(user + kUser.size()).starts_with("0,");
}

}  // namespace

int look_at(int directory, const char* name, struct stat& status, int flags) {
  Seen seen;
  const int error = look(directory, name, seen, flags);
  status = seen.status;
  return error;
}

int look_at(const Fd& file, Seen& seen) { return look(file.get(), "", seen, AT_EMPTY_PATH); }

bool is_in_other_mount(const Seen& one, const Seen& other) {
  if (one.mount != 0 && other.mount != 0) return one.mount != other.mount;
  return one.status.st_dev != other.status.st_dev;
}

Result<bool> is_in_mount_of_user(const Fd& file) {
  const Result<std::uint64_t> number = mount_of(file);
  const Result<std::string> mounts = number ? read_of_proc("/proc/self/mountinfo") : number.error();
  if (!mounts && may_pass(mounts.error().code)) return mounts.error();
  if (!mounts) return false;
  return is_of_user(line_with(*mounts, std::to_string(*number) + " "));
}

}  // namespace cinit::os
