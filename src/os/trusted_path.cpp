#include "os/trusted_path.hpp"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "os/look.hpp"

namespace cinit::os {
namespace {

// As the kernel has it: path_resolution(7).
constexpr int kMostLinks = 40;

constexpr int kLook = O_PATH | O_CLOEXEC;

bool is_ours(uid_t owner) { return owner == 0 || owner == geteuid(); }

// Others may make names there, but what belongs to us only we may rename or remove.
bool has_sticky_bit(const struct stat& directory) {
  return is_ours(directory.st_uid) && (directory.st_mode & S_ISVTX) != 0;
}

// A hard link has the owner of the file, and not the user who made it. A directory has none.
bool is_fixed_by_sticky_bit(const struct stat& entry) {
  return is_ours(entry.st_uid) && (S_ISDIR(entry.st_mode) || entry.st_nlink == 1);
}

// The links in /proc/PID/ and below lead to an object, and not to where their text says. Those of /proc itself (self, mounts)
// are ordinary ones; 1 is the inode of that directory in every procfs.
bool has_kernel_links(int directory, const struct stat& status) {
  constexpr ino_t kProcRoot = 1;
  struct statfs file_system {};
  return fstatfs(directory, &file_system) == 0 && file_system.f_type == PROC_SUPER_MAGIC && status.st_ino != kProcRoot;
}

class Walk {
 public:
  // What to do where another user may change names, and where a directory is missing.
  enum class Way { EndAmongOthers, Anywhere, ByAnyLink, Make };

  explicit Walk(Way way)
      : goes_anywhere_(way != Way::EndAmongOthers), follows_any_(way == Way::ByAnyLink), makes_(way == Way::Make) {}
  // Ends with a place, or the errno why there is none.
  Result<Place> run(const std::string& path, int base);

 private:
  // Each of these returns 0, or the errno for which the walk fails.
  int step();
  int enter(Fd directory);
  int go_up();
  int follow(const Fd& link);
  int start_over();
  int end(bool trusted);
  void take_name();
  bool may_follow() const { return !among_others_ || follows_any_ || geteuid() != 0; }

  Fd open_entry() const;
  Result<bool> belongs_to_user(const Fd& entry, const Seen& seen);

  const bool goes_anywhere_;
  const bool follows_any_;
  const bool makes_;
  Place place_;
  bool ended_ = false;
  bool among_others_ = false;  // other users may have changed a name that was passed
  Seen directory_;             // place_.directory
  std::optional<Seen> start_;  // the first directory
  std::string name_;           // what is looked at, in place_.directory
  std::string rest_;           // of the path, behind that name
  int links_ = 0;
};

Result<Place> Walk::run(const std::string& path, int base) {
  if (path.empty()) return system_error(ENOENT);
  if (path.find('\0') != std::string::npos) return system_error(EINVAL);
  rest_ = path;
  int error = path.front() == '/' ? start_over() : enter(Fd(sys::open(base, ".", kLook | O_DIRECTORY)));
  while (error == 0 && !ended_) error = step();
  if (error != 0) return system_error(error);
  return std::move(place_);
}

int Walk::step() {
  take_name();
  if (name_ == "." && rest_.empty()) return end(!among_others_);
  if (name_ == ".") return 0;
  if (name_ == "..") return go_up();
  const bool ours = !among_others_ && names_are_ours(directory_.status);
  const bool sticky = !among_others_ && has_sticky_bit(directory_.status);
  // Not even looked at: a file system of that user's (FUSE) might make us wait.
  if (!ours && !sticky && !goes_anywhere_) return end(false);
  Fd entry = open_entry();
  const bool may_end = rest_.empty() || (!ours && !goes_anywhere_);
  if (entry.error() == ENOENT && may_end) return end(ours);
  if (!entry) return entry.error();
  Seen seen;
  if (const int error = look_at(entry, seen); error != 0) return error;
  const struct stat& status = seen.status;
  const Result<bool> is_of_user = belongs_to_user(entry, seen);
  if (!is_of_user) return is_of_user.error().code;
  if (*is_of_user) return goes_anywhere_ ? EPERM : end(false);
  among_others_ = !ours && !(sticky && is_fixed_by_sticky_bit(status));
  if (among_others_ && !goes_anywhere_) return end(false);
  if (S_ISLNK(status.st_mode)) return follow(entry);
  if (rest_.empty()) return end(!among_others_);
  return S_ISDIR(status.st_mode) ? enter(std::move(entry)) : ENOTDIR;
}

Fd Walk::open_entry() const {
  constexpr mode_t kMode = 0755;
  const auto open = [this] { return Fd(sys::open(place_.directory.get(), name_.c_str(), kLook | O_NOFOLLOW)); };
  Fd entry = open();
  if (!makes_ || rest_.empty() || entry.error() != ENOENT) return entry;
  const int error = mkdirat(place_.directory.get(), name_.c_str(), kMode) == 0 ? 0 : errno;
  return error == 0 || error == EEXIST ? open() : Fd(-error);
}

// Names are separated by one slash or more; behind the last slash is the directory itself.
void Walk::take_name() {
  rest_.erase(0, rest_.find_first_not_of('/'));
  name_ = rest_.substr(0, rest_.find('/'));
  rest_.erase(0, name_.size());
  if (name_.empty()) name_ = ".";
}

int Walk::enter(Fd directory) {
  if (!directory) return directory.error();
  place_.directory = std::move(directory);
  if (const int error = look_at(place_.directory, directory_); error != 0) return error;
  if (!start_) start_ = directory_;
  return 0;
}

// Whether a user serves what is there (fuse(4)): then no call but a look may be made on it, and what it says of itself counts for
// nothing. Only where one mount ends and another begins is there anything to find out.
Result<bool> Walk::belongs_to_user(const Fd& entry, const Seen& seen) {
  if (!is_in_other_mount(seen, directory_) || !is_in_other_mount(seen, *start_)) return false;
  return is_in_mount_of_user(entry);
}

int Walk::start_over() { return enter(Fd(sys::open(AT_FDCWD, "/", kLook | O_DIRECTORY))); }

int Walk::go_up() {
  if (rest_.empty()) rest_ = "/";
  return enter(Fd(sys::open(place_.directory.get(), "..", kLook | O_DIRECTORY)));
}

int Walk::follow(const Fd& link) {
  if (!may_follow()) return ELOOP;
  if (has_kernel_links(place_.directory.get(), directory_.status)) {
    place_.kernel_link = rest_.empty();
    return rest_.empty() ? end(!among_others_) : goes_anywhere_ ? ELOOP : end(false);
  }
  if (++links_ > kMostLinks) return ELOOP;
  char target[PATH_MAX];
  const ssize_t size = readlinkat(link.get(), "", target, sizeof(target));
  if (size < 0) return errno;
  if (size == 0) return ENOENT;
  rest_.insert(0, target, static_cast<std::size_t>(size));
  return target[0] == '/' ? start_over() : 0;
}

int Walk::end(bool trusted) {
  ended_ = true;
  place_.trusted = trusted;
  place_.complete = trusted || goes_anywhere_;
  place_.name = name_ + rest_;
  return 0;
}

// Returns 0 or an errno. Within one mount there is nothing to find out.
int refuse_mount_of_user(const Fd& directory, const Fd& file) {
  Seen around;
  Seen seen;
  if (const int error = look_at(directory, around); error != 0) return error;
  if (const int error = look_at(file, seen); error != 0) return error;
  if (!is_in_other_mount(around, seen)) return 0;
  const Result<bool> is_of_user = is_in_mount_of_user(file);
  if (!is_of_user) return is_of_user.error().code;
  return *is_of_user ? EPERM : 0;
}

}  // namespace

Result<Place> find_place(const std::string& path, int base) { return Walk(Walk::Way::EndAmongOthers).run(path, base); }

Result<Place> find_place_anywhere(const std::string& path, int base) {
  return Walk(Walk::Way::Anywhere).run(path, base);
}

Result<Place> find_place_by_any_link(const std::string& path) { return Walk(Walk::Way::ByAnyLink).run(path, AT_FDCWD); }

Result<Place> make_place(const std::string& path) { return Walk(Walk::Way::Make).run(path, AT_FDCWD); }

Fd open_directory(const std::string& path, int base) {
  Result<Place> place = find_place_anywhere(path + "/", base);
  return place ? std::move(place->directory) : Fd(-place.error().code);
}

Fd Place::open(int flags, mode_t mode) const {
  if (!complete) return Fd(-EPERM);
  if (!kernel_link) return open_in(directory, name.c_str(), flags, mode);
  return Fd(sys::open(directory.get(), name.c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode));
}

Fd open_in(const Fd& directory, const char* name, int flags, mode_t mode) {
  flags |= O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  const auto open_name = [&](int more) { return Fd(sys::open(directory.get(), name, flags | more, mode)); };
  if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) return open_name(O_NOFOLLOW);
  // The user to whom a file belongs may have mounted something over it since it was looked at: what is opened is what has been
  // looked at, by a descriptor that opens nothing.
  const Fd pinned(sys::open(directory.get(), name, kLook | O_NOFOLLOW));
  if (pinned.error() == ENOENT && (flags & O_CREAT) != 0) {
    Fd made = open_name(O_EXCL | O_NOFOLLOW);
    return made.error() == EEXIST ? Fd(-EAGAIN) : std::move(made);
  }
  if (!pinned) return Fd(-pinned.error());
  if (const int error = refuse_mount_of_user(directory, pinned); error != 0) return Fd(-error);
  Fd file(sys::open(AT_FDCWD, ("/proc/self/fd/" + std::to_string(pinned.get())).c_str(), flags & ~O_CREAT));
  return file.error() == ENOENT ? open_name(O_NOFOLLOW) : std::move(file);  // ENOENT: there is no /proc
}

bool names_are_ours(const struct stat& directory) {
  return is_ours(directory.st_uid) && (directory.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

}  // namespace cinit::os
