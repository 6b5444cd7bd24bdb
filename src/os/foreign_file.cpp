#include "os/foreign_file.hpp"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "os/file.hpp"
#include "os/look.hpp"
#include "os/trusted_path.hpp"

namespace cinit::os {
namespace {

constexpr mode_t kForeignLogMode = 0644;

Error no_file(const char* message) { return {message, ENOTSUP}; }

Error failure_of(const Fd& file) {
  return file.error() == ELOOP ? Error{"it is a symbolic link", ELOOP} : system_error(file.error());
}

// Goes to the last directory of a place that is not trusted. Nothing that stands in the way is a link.
int go_down(Place& place) {
  for (std::size_t slash = place.name.find('/'); slash != std::string::npos; slash = place.name.find('/')) {
    const std::string name = place.name.substr(0, slash);
    place.name.erase(0, place.name.find_first_not_of('/', slash));
    Fd next(sys::open(place.directory.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return next.error();
    place.directory = std::move(next);
  }
  place.complete = true;
  return place.name.empty() ? EISDIR : 0;
}

Result<Place> reach(int directory, const std::string& path) {
  Result<Place> place = find_place(path, directory);
  if (!place || place->trusted) return place;
  // O_DIRECTORY says ENOTDIR of a link, too.
  if (const int error = go_down(*place); error == ENOTDIR) {
    return Error{"a directory on the way is a symbolic link, or no directory", error};
  } else if (error != 0) {
    return system_error(error);
  }
  return place;
}

// This process may wait for that user; PID 1, which writes the log, may not.
std::optional<Error> refuse_mount_of_user(const Fd& log) {
  const Result<bool> is_of_user = is_in_mount_of_user(log);
  if (!is_of_user) return is_of_user.error();
  if (*is_of_user) return no_file("it lies in a file system that a user has mounted");
  return std::nullopt;
}

Result<Fd> make_log(const Place& place) {
  Fd log = place.open(O_WRONLY | O_APPEND | O_CREAT | O_EXCL, kForeignLogMode);
  if (!log) return system_error(log.error());
  if (auto error = refuse_mount_of_user(log)) return *std::move(error);
  return log;
}

// Returns 0 or an errno.
int look(const Place& place, struct stat& status) {
  const int flags = place.kernel_link ? 0 : AT_SYMLINK_NOFOLLOW;
  return persist([&] { return look_at(place.directory.get(), place.name.c_str(), status, flags); });
}

// Then users make hard links only to files that they own or may write to: proc_sys_fs(5).
bool are_hard_links_protected() {
  const Fd file(sys::open(AT_FDCWD, "/proc/sys/fs/protected_hardlinks", O_RDONLY | O_CLOEXEC));
  char value = '0';
  return file && sys::read(file.get(), &value, 1) == 1 && value == '1';
}

bool is_before(const timespec& first, const timespec& second) {
  return first.tv_sec != second.tv_sec ? first.tv_sec < second.tv_sec : first.tv_nsec < second.tv_nsec;
}

// The clock from which the kernel takes times of files.
timespec file_time() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now;
}

// Whether the name by which a file was opened is its only one. A user who had made that name for a file of another user, and
// has removed it again since it was opened, has changed st_ctime by that.
bool has_one_name(const struct stat& status, const timespec& before_opening) {
  return status.st_nlink == 1 && (is_before(status.st_ctim, before_opening) || are_hard_links_protected());
}

// Opens what is there, and says what is wrong with it.
Result<Fd> open_existing(const Place& place, int flags) {
  const timespec before = file_time();
  Fd file = place.open(flags);
  struct stat status {};
  if (!file) return failure_of(file);
  if (fstat(file.get(), &status) != 0) return system_error(errno);
  const bool is_log = (flags & O_APPEND) != 0;
  if (is_log ? !is_safe_to_write(status) : !S_ISREG(status.st_mode)) return no_file("it is no regular file");
  if (is_log && S_ISREG(status.st_mode)) {
    if (auto error = refuse_mount_of_user(file)) return *std::move(error);
  }
  if (place.trusted) return file;
  if (S_ISFIFO(status.st_mode) && status.st_uid != geteuid() && status.st_uid != 0) {
    return no_file("it is a FIFO of another user");
  }
  if (status.st_nlink > 1) return no_file("it has another name, too (a hard link)");
  if (!has_one_name(status, before)) return Error{"it is being changed at this moment", EAGAIN};
  return file;
}

// What has changed a moment ago may be at rest a moment later.
Result<Fd> open_at_rest(const Place& place, int flags) {
  constexpr int kMostTries = 25;
  constexpr timespec kPause{0, 20'000'000};
  Result<Fd> file = open_existing(place, flags);
  for (int i = 1; i < kMostTries && !file && file.error().code == EAGAIN; ++i) {
    nanosleep(&kPause, nullptr);
    file = open_existing(place, flags);
  }
  return file;
}

}  // namespace

bool is_safe_to_write(const struct stat& status) {
  const dev_t null = makedev(1, 3);
  return S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode) || (S_ISCHR(status.st_mode) && status.st_rdev == null);
}

Result<Fd> open_foreign_log(int directory, const std::string& path) {
  const Result<Place> place = reach(directory, path);
  if (!place) return place.error();
  Result<Fd> made = make_log(*place);
  if (made || made.error().code != EEXIST) return made;
  struct stat status {};
  if (const int error = look(*place, status); error != 0) return system_error(error);
  const bool is_fifo = S_ISFIFO(status.st_mode);
  return open_at_rest(*place, O_APPEND | (is_fifo ? O_RDWR : O_WRONLY));
}

Result<Fd> rotate_foreign_log(int directory, const std::string& path, std::uint32_t max_files) {
  const Result<Place> place = reach(directory, path);
  if (!place) return place.error();
  struct stat status {};
  const int looked = look(*place, status);
  if (looked != 0 && looked != ENOENT) return system_error(looked);
  if (looked == 0 && !S_ISREG(status.st_mode)) return no_file("it is no regular file");
  if (const int error = put_aside(place->directory.get(), place->name, max_files); error != 0)
    return system_error(error);
  return make_log(*place);
}

Result<std::string> read_foreign_file(int directory, const std::string& path, std::size_t most) {
  const Result<Place> place = reach(directory, path);
  if (!place) return place.error();
  const Result<Fd> file = open_at_rest(*place, O_RDONLY);
  if (!file) return file.error();
  return read_file(*file, most);
}

int put_aside(int directory, const std::string& name, std::uint32_t max_files) {
  const auto aside = [&](std::uint32_t number) { return number == 0 ? name : name + "." + std::to_string(number); };
  const auto look_for = [&](std::uint32_t number) {
    struct stat status {};
    return persist([&] { return look_at(directory, aside(number).c_str(), status); });
  };
  if (max_files <= 1) return unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT ? 0 : errno;
  std::uint32_t last = 1;
  // What cannot be looked at may be there, and would be lost.
  for (; last < max_files - 1; ++last) {
    const int error = look_for(last);
    if (error == ENOENT) break;
    if (error != 0) return error;
  }
  for (std::uint32_t number = last; number > 0; --number) {
    const int renamed = renameat(directory, aside(number - 1).c_str(), directory, aside(number).c_str());
    if (renamed != 0 && errno != ENOENT) return errno;
  }
  return 0;
}

}  // namespace cinit::os
