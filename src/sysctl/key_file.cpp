#include "sysctl/key_file.hpp"

#include <errno.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/passing.hpp"
#include "os/fd.hpp"
#include "os/syscall.hpp"
#include "sysctl/text.hpp"

namespace cinit::sysctl {
namespace {

// More than a value that we write can have: what does not fit differs from it anyway.
constexpr std::size_t kBufferSize = 8192;

// Nothing is asked of the file but what it is: a device or a FIFO has side effects.
int check_kind(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  return S_ISREG(status.st_mode) ? 0 : ENXIO;
}

os::Fd open_key(const std::string& path, int flags) {
  os::Fd key(os::sys::open(AT_FDCWD, path.c_str(), flags | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY));
  if (!key) return key;
  const int error = check_kind(key.get());
  return error == 0 ? std::move(key) : os::Fd(-error);
}

KeyRead read_key_once(const std::string& path) {
  const os::Fd key = open_key(path, O_RDONLY);
  if (!key) return {std::nullopt, key.error()};
  char buffer[kBufferSize];
  const long size = os::sys::read(key.get(), buffer, sizeof(buffer));
  if (size < 0) return {std::nullopt, static_cast<int>(-size)};
  return {fold({buffer, static_cast<std::size_t>(size)}), 0};
}

KeyWrite write_key_once(const std::string& path, std::string_view value) {
  const os::Fd key = open_key(path, O_WRONLY | O_TRUNC);
  if (!key) return {key.error(), {}};
  const std::string line = std::string(value) + '\n';
  const long written = os::sys::write(key.get(), line.data(), line.size());
  if (written < 0) return {static_cast<int>(-written), {}};
  return {0, trim(value.substr(std::min(static_cast<std::size_t>(written), value.size())))};
}

}  // namespace

KeyRead read_key(const std::string& path) {
  return persist([&] { return read_key_once(path); });
}

KeyWrite write_key(const std::string& path, std::string_view value) {
  return persist([&] { return write_key_once(path, value); });
}

bool is_read_only(const std::string& path) {
  constexpr mode_t kWritable = S_IWUSR | S_IWGRP | S_IWOTH;
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 && (status.st_mode & kWritable) == 0;
}

}  // namespace cinit::sysctl
