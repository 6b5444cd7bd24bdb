#include "os/directory_watch.hpp"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>

#include "os/trusted_path.hpp"

namespace cinit::os {

namespace {

Error cannot(const std::string& what, int error) {
  const char* const advice = error == ENOSPC   ? " (the host's sysctl fs.inotify.max_user_watches)"
                             : error == EMFILE ? " (or the host's sysctl fs.inotify.max_user_instances)"
                                               : "";
  return {what + ": " + strerror(error) + advice, error};
}

}  // namespace

Result<DirectoryWatch> DirectoryWatch::open() {
  Fd inotify(sys::call(SYS_inotify_init1, IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify) return cannot("inotify_init1", inotify.error());
  return DirectoryWatch(std::move(inotify));
}

std::optional<Error> DirectoryWatch::watch(std::span<const std::string> directories) const {
  constexpr std::uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;
  for (const std::string& directory : directories) {
    const Fd place = open_directory(directory);
    if (place.error() == ENOENT) continue;
    if (!place) return cannot(directory, place.error());
    const auto add = [&](const std::string& path) {
      return sys::call(SYS_inotify_add_watch, inotify_.get(), sys::word(path.c_str()), kEvents | IN_ONLYDIR);
    };
    long result = add("/proc/self/fd/" + std::to_string(place.get()));
    if (result == -ENOENT) result = add(directory);  // there is no /proc
    if (result < 0 && result != -ENOENT) return cannot(directory, static_cast<int>(-result));
  }
  return std::nullopt;
}

void DirectoryWatch::drain() const {
  char events[4096];
  while (sys::read(inotify_.get(), events, sizeof(events)) > 0) {
  }
}

}  // namespace cinit::os
