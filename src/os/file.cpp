#include "os/file.hpp"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "os/processes.hpp"

namespace cinit::os {
namespace {

constexpr mode_t kLogMode = 0644;

Fd open_log_once(const char* path, int flags) {
  return Fd(sys::open(AT_FDCWD, path, flags | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, kLogMode));
}

bool is_fifo(const char* path) {
  struct stat status {};
  return stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
}

// The description is the service's own, and it expects to wait as usual.
void make_blocking(int fd) {
  const long flags = sys::fcntl(fd, F_GETFL);
  if (flags >= 0) sys::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

// Without /proc every number that a descriptor can have is tried, up to a bound.
std::vector<int> probe_descriptors() {
  constexpr int kMost = 1024;
  std::vector<int> found;
  for (int fd = 3; fd < kMost; ++fd) {
    if (sys::fcntl(fd, F_GETFD) >= 0) found.push_back(fd);
  }
  return found;
}

std::vector<int> list_descriptors() {
  DIR* const directory = opendir("/proc/self/fd");
  if (!directory) return probe_descriptors();
  std::vector<int> found;
  while (const dirent* entry = readdir(directory)) {
    const int fd = to_pid(entry->d_name);
    if (fd > 2 && fd != dirfd(directory)) found.push_back(fd);
  }
  closedir(directory);
  return found;
}

int write_file(const std::string& path, std::string_view content, int flags, mode_t mode) {
  const Fd file(sys::open(AT_FDCWD, path.c_str(), flags | O_WRONLY | O_NONBLOCK | O_CLOEXEC, mode));
  if (!file) return file.error();
  while (!content.empty()) {
    const long written = sys::write(file.get(), content.data(), content.size());
    if (written < 0) return static_cast<int>(-written);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

int make_directories(const std::string& path, mode_t mode) {
  constexpr mode_t kParentMode = 0755;
  if (mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return 0;
  const std::size_t slash = path.rfind('/');
  if (errno != ENOENT || slash == std::string::npos || slash == 0) return errno;
  if (const int error = make_directories(path.substr(0, slash), kParentMode); error != 0) return error;
  return mkdir(path.c_str(), mode) == 0 || errno == EEXIST ? 0 : errno;
}

Result<std::string> read_file(const std::string& path, std::size_t most) {
  const Fd file(sys::open(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return Error{strerror(file.error())};
  std::string content;
  char buffer[4096];
  while (true) {
    const long size = sys::read(file.get(), buffer, sizeof(buffer));
    if (size < 0) return Error{strerror(static_cast<int>(-size))};
    if (size == 0) return content;
    content.append(buffer, static_cast<std::size_t>(size));
    if (content.size() > most) return Error{"it is longer than " + std::to_string(most) + " bytes"};
  }
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  DIR* const directory = opendir(path.c_str());
  if (!directory) return Error{strerror(errno)};
  std::vector<std::string> names;
  while (const dirent* entry = readdir(directory)) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) names.emplace_back(entry->d_name);
  }
  closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

int create_file(const std::string& path, std::string_view content, mode_t mode) {
  return write_file(path, content, O_CREAT | O_EXCL, mode);
}

int overwrite_file(const std::string& path, std::string_view content) { return write_file(path, content, O_TRUNC, 0); }

int write_file(const std::string& path, std::string_view content, mode_t mode) {
  return write_file(path, content, O_CREAT | O_TRUNC, mode);
}

Fd open_log(const std::string& path, uid_t uid, gid_t gid) {
  Fd log = open_log_once(path.c_str(), O_WRONLY | O_CREAT | O_EXCL);
  if (log) {
    if (uid != static_cast<uid_t>(-1) || gid != static_cast<gid_t>(-1)) sys::call(SYS_fchown, log.get(), uid, gid);
  } else if (log.error() == EEXIST) {
    log = open_log_once(path.c_str(), is_fifo(path.c_str()) ? O_RDWR : O_WRONLY | O_CREAT);
  }
  if (log) make_blocking(log.get());
  return log;
}

rlimit64 descriptor_limit() {
  rlimit64 limit{};
  sys::getrlimit(RLIMIT_NOFILE, &limit);
  return limit;
}

std::optional<rlimit64> raise_descriptor_limit() {
  const rlimit64 before = descriptor_limit();
  const rlimit64 limit{before.rlim_max, before.rlim_max};
  if (limit.rlim_cur <= before.rlim_cur || sys::setrlimit(RLIMIT_NOFILE, &limit) < 0) return std::nullopt;
  return before;
}

Fd open_null() {
  Fd null(sys::open(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC));
  if (null) return null;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return null;
  sys::close(ends[1]);
  return Fd(ends[0]);
}

bool share_for_writing(int fd) {
  constexpr mode_t kWritable = S_IWUSR | S_IWGRP | S_IWOTH;
  struct stat status {};
  if (fstat(fd, &status) != 0) return false;
  if (!S_ISFIFO(status.st_mode) && isatty(fd) == 0) return true;
  if ((status.st_mode & kWritable) == kWritable) return true;
  return fchmod(fd, (status.st_mode & 07777) | kWritable) == 0;
}

void open_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    // The lowest free number is the one that open(2) takes.
    if (sys::fcntl(fd, F_GETFD) == -EBADF) sys::open(AT_FDCWD, "/dev/null", O_RDWR);
  }
}

void close_from(int first) {
  constexpr long kLast = 0x7fffffff;
  if (sys::call(SYS_close_range, first, kLast, 0) >= 0) return;
  // Before Linux 5.9: as many numbers as a process usually may have.
  constexpr int kMost = 4096;
  for (int fd = first; fd < kMost; ++fd) sys::close(fd);
}

std::vector<int> take_inherited_descriptors() {
  std::vector<int> inherited;
  for (const int fd : list_descriptors()) {
    const long flags = sys::fcntl(fd, F_GETFD);
    if (flags < 0 || (flags & FD_CLOEXEC) != 0) continue;
    sys::fcntl(fd, F_SETFD, FD_CLOEXEC);
    inherited.push_back(fd);
  }
  return inherited;
}

}  // namespace cinit::os
