#include "os/mount_owner.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <string>
#include <string_view>

#include "os/file.hpp"

namespace cinit::os {
namespace {

constexpr std::size_t kMostOfProc = 4 << 20;

std::string_view line_with(std::string_view text, std::string_view beginning) {
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view line = text.substr(at, text.find('\n', at) - at);
    if (line.starts_with(beginning)) return line;
    at += line.size() + 1;
  }
  return {};
}

// What /proc/self/mountinfo says of the mount, or an empty text: it is not one of this namespace. proc_pid_mountinfo(5).
std::string mount_of(const Fd& file) {
  constexpr std::string_view kId = "mnt_id:\t";
  const Result<std::string> info = read_file("/proc/self/fdinfo/" + std::to_string(file.get()), kMostOfProc);
  const Result<std::string> mounts = read_file("/proc/self/mountinfo", kMostOfProc);
  if (!info || !mounts) return {};
  const std::string_view id = line_with(*info, kId);
  if (id.empty()) return {};
  return std::string(line_with(*mounts, std::string(id.substr(kId.size())) + " "));
}

}  // namespace

bool is_in_mount_of_user(const Fd& file) {
  struct statfs file_system {};
  if (fstatfs(file.get(), &file_system) != 0) return true;
  if (file_system.f_type != FUSE_SUPER_MAGIC) return false;
  const std::string mount = mount_of(file);
  // The kernel's own of that kind (virtiofs) has no such option.
  return mount.empty() ||
         (mount.find("user_id=") != std::string::npos && mount.find("user_id=0,") == std::string::npos);
}

}  // namespace cinit::os
