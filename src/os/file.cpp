#include "os/file.hpp"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "os/look.hpp"
#include "os/processes.hpp"
#include "os/trusted_path.hpp"

namespace cinit::os {
namespace {

constexpr mode_t kLogMode = 0644;

// Whether it is a FIFO. The error has the errno.
Result<bool> is_fifo(const Place& place) {
  struct stat status {};
  const int flags = place.kernel_link ? 0 : AT_SYMLINK_NOFOLLOW;
  const int error = look_at(place.directory.get(), place.name.c_str(), status, flags);
  if (error != 0) return system_error(error);
  return S_ISFIFO(status.st_mode);
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
  errno = 0;
  while (const dirent* entry = readdir(directory)) {
    const int fd = to_pid(entry->d_name);
    if (fd > 2 && fd != dirfd(directory)) found.push_back(fd);
  }
  const bool is_complete = errno == 0;
  closedir(directory);
  return is_complete ? found : probe_descriptors();
}

// Again when a signal came first, but not for ever.
template <class Call>
long uninterrupted(Call call) {
  constexpr int kMostAttempts = 16;
  long result = -EINTR;
  for (int i = 0; i < kMostAttempts && result == -EINTR; ++i) result = call();
  return result;
}

int write_all(const Fd& file, std::string_view content) {
  while (!content.empty()) {
    const long written = uninterrupted([&] { return sys::write(file.get(), content.data(), content.size()); });
    if (written <= 0) return written < 0 ? static_cast<int>(-written) : EIO;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

// A link to /dev/null takes a file out of a directory of such files: systemd's manual pages call that masking.
bool is_null(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3); }

// Not with O_TRUNC: what it is has to be known first. A hard link to a file of root's can be made by any user.
int rewrite(const Fd& file, bool is_ours, std::string_view content) {
  if (!file) return file.error();
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return errno;
  if (is_null(status)) return 0;
  if (!S_ISREG(status.st_mode)) return ENOTSUP;
  if (!is_ours && status.st_nlink > 1) return EMLINK;
  if (ftruncate(file.get(), 0) != 0) return errno;
  return write_all(file, content);
}

int write_in_place(const std::string& path, std::string_view content, int flags, mode_t mode) {
  const Result<Place> place = find_place_anywhere(path);
  if (!place) return place.error().code;
  return rewrite(place->open(O_WRONLY | flags, mode), place->trusted || geteuid() != 0, content);
}

// A name itself, and not what it leads to if it is a link.
struct Entry {
  explicit Entry(const std::string& path)
      : name(path.substr(path.rfind('/') + 1)),
        directory(open_directory(path.substr(0, path.size() - name.size()) + ".")) {}

  Fd open(int flags, mode_t mode) const {
    return directory ? open_in(directory, name.c_str(), flags, mode) : Fd(-directory.error());
  }

  std::string name;
  Fd directory;
};

int remove(const std::string& path, int flags) {
  const Entry entry(path);
  if (!entry.directory) return entry.directory.error();
  return unlinkat(entry.directory.get(), entry.name.c_str(), flags) == 0 ? 0 : errno;
}

}  // namespace

int make_directories(const std::string& path, mode_t mode) {
  const Result<Place> place = make_place(path);
  if (!place) return place.error().code;
  return mkdirat(place->directory.get(), place->name.c_str(), mode) == 0 || errno == EEXIST ? 0 : errno;
}

Result<std::string> read_file(const std::string& path, std::size_t most) {
  const Result<Place> place = find_place_anywhere(path);
  if (!place) return place.error();
  return read_file(place->open(O_RDONLY), most);
}

Result<std::string> read_file(const Fd& file, std::size_t most) {
  if (!file) return system_error(file.error());
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return system_error(errno);
  if (S_ISDIR(status.st_mode)) return system_error(EISDIR);
  if (!S_ISREG(status.st_mode) && !is_null(status)) return Error{"it is not a regular file", ENOTSUP};
  std::string content;
  char buffer[4096];
  while (true) {
    const long size = uninterrupted([&] { return sys::read(file.get(), buffer, sizeof(buffer)); });
    if (size < 0) return system_error(static_cast<int>(-size));
    if (size == 0) return content;
    content.append(buffer, static_cast<std::size_t>(size));
    if (content.size() > most) return Error{"it is longer than " + std::to_string(most) + " bytes", EFBIG};
  }
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  const Fd place = open_directory(path);
  if (!place) return system_error(place.error());
  return list_entries(place);
}

Result<std::vector<std::string>> list_entries(const Fd& place) {
  const long opened = sys::open(place.get(), ".", O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
  if (opened < 0) return system_error(static_cast<int>(-opened));
  DIR* const directory = fdopendir(static_cast<int>(opened));
  if (!directory) {
    sys::close(static_cast<int>(opened));
    return system_error(ENOMEM);
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(directory)) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) names.emplace_back(entry->d_name);
  }
  const int error = errno;
  closedir(directory);
  if (error != 0) return system_error(error);
  std::sort(names.begin(), names.end());
  return names;
}

int create_file(const std::string& path, std::string_view content, mode_t mode) {
  const Fd file = Entry(path).open(O_WRONLY | O_CREAT | O_EXCL, mode);
  return file ? write_all(file, content) : file.error();
}

Fd open_file_itself(const std::string& path, int flags) { return Entry(path).open(flags, 0); }

int look_at_itself(const std::string& path, struct stat& status) {
  const Entry entry(path);
  return entry.directory ? look_at(entry.directory.get(), entry.name.c_str(), status) : entry.directory.error();
}

int look_for(const std::string& path) {
  const Result<Place> place = find_place_by_any_link(path);
  struct stat status {};
  return place ? look_at(place->directory.get(), place->name.c_str(), status) : place.error().code;
}

int overwrite_file(const std::string& path, std::string_view content) { return write_in_place(path, content, 0, 0); }

int write_file(const std::string& path, std::string_view content, mode_t mode) {
  return write_in_place(path, content, O_CREAT, mode);
}

int write_value(const std::string& path, std::string_view content) {
  constexpr mode_t kMode = 0640;
  const Result<Place> place = find_place_anywhere(path);
  if (!place) return place.error().code;
  const Fd made = place->open(O_WRONLY | O_CREAT | O_EXCL, kMode);
  if (made.error() == EEXIST) return write_in_place(path, content, 0, 0);
  struct stat directory {};
  if (made && fstat(place->directory.get(), &directory) == 0 && directory.st_gid != getegid()) {
    sys::call(SYS_fchown, made.get(), -1, directory.st_gid);
  }
  return made ? write_all(made, content) : made.error();
}

int replace_file(const Fd& directory, const char* name, std::string_view content, mode_t mode) {
  const std::string other = std::string(name) + ".new";
  if (unlinkat(directory.get(), other.c_str(), 0) != 0 && errno != ENOENT) return errno;
  const Fd file(sys::open(directory.get(), other.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC, mode));
  if (!file) return file.error();
  if (const int error = write_all(file, content); error != 0) return error;
  return renameat(directory.get(), other.c_str(), directory.get(), name) == 0 ? 0 : errno;
}

int remove_file(const std::string& path) { return remove(path, 0); }

int remove_directory(const std::string& path) { return remove(path, AT_REMOVEDIR); }

Fd open_log(const Place& place, uid_t uid, gid_t gid) {
  Fd log = place.open(O_WRONLY | O_APPEND | O_CREAT | O_EXCL, kLogMode);
  if (log) {
    if (uid != static_cast<uid_t>(-1) || gid != static_cast<gid_t>(-1)) sys::call(SYS_fchown, log.get(), uid, gid);
  } else if (log.error() == EEXIST) {
    const Result<bool> fifo = is_fifo(place);
    log = fifo ? place.open(O_APPEND | (*fifo ? O_RDWR : O_WRONLY)) : Fd(-fifo.error().code);
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
