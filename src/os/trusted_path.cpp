#include "os/trusted_path.hpp"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <utility>

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
  enum class Way { EndAmongOthers, Anywhere, Make };

  explicit Walk(Way way) : goes_anywhere_(way != Way::EndAmongOthers), makes_(way == Way::Make) {}
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
  bool may_follow() const { return !among_others_ || geteuid() != 0; }

  Fd open_entry() const;

  const bool goes_anywhere_;
  const bool makes_;
  Place place_;
  bool ended_ = false;
  bool among_others_ = false;  // other users may have changed a name that was passed
  struct stat directory_ {};   // of place_.directory
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
  const bool ours = !among_others_ && names_are_ours(directory_);
  const bool sticky = !among_others_ && has_sticky_bit(directory_);
  // Not even looked at: a file system of that user's (FUSE) might make us wait.
  if (!ours && !sticky && !goes_anywhere_) return end(false);
  Fd entry = open_entry();
  const bool may_end = rest_.empty() || (!ours && !goes_anywhere_);
  if (entry.error() == ENOENT && may_end) return end(ours);
  struct stat status {};
  if (!entry) return entry.error();
  if (fstat(entry.get(), &status) != 0) return errno;
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
  return fstat(place_.directory.get(), &directory_) == 0 ? 0 : errno;
}

int Walk::start_over() { return enter(Fd(sys::open(AT_FDCWD, "/", kLook | O_DIRECTORY))); }

int Walk::go_up() {
  if (rest_.empty()) rest_ = "/";
  return enter(Fd(sys::open(place_.directory.get(), "..", kLook | O_DIRECTORY)));
}

int Walk::follow(const Fd& link) {
  if (!may_follow()) return ELOOP;
  if (has_kernel_links(place_.directory.get(), directory_)) {
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

}  // namespace

Result<Place> find_place(const std::string& path, int base) { return Walk(Walk::Way::EndAmongOthers).run(path, base); }

Result<Place> find_place_anywhere(const std::string& path, int base) {
  return Walk(Walk::Way::Anywhere).run(path, base);
}

Result<Place> make_place(const std::string& path) { return Walk(Walk::Way::Make).run(path, AT_FDCWD); }

Fd open_directory(const std::string& path, int base) {
  Result<Place> place = find_place_anywhere(path + "/", base);
  return place ? std::move(place->directory) : Fd(-place.error().code);
}

Fd Place::open(int flags, mode_t mode) const {
  if (!complete) return Fd(-EPERM);
  const int no_link = kernel_link ? 0 : O_NOFOLLOW;
  return Fd(sys::open(directory.get(), name.c_str(), flags | no_link | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode));
}

bool names_are_ours(const struct stat& directory) {
  return is_ours(directory.st_uid) && (directory.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

}  // namespace cinit::os
