#include "os/directory_watch.hpp"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>

namespace cinit::os {

Result<DirectoryWatch> DirectoryWatch::open() {
  Fd inotify(sys::call(SYS_inotify_init1, IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify) return Error{strerror(inotify.error())};
  return DirectoryWatch(std::move(inotify));
}

std::optional<Error> DirectoryWatch::watch(std::span<const std::string> directories) const {
  constexpr std::uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;
  for (const std::string& directory : directories) {
    const long result =
        sys::call(SYS_inotify_add_watch, inotify_.get(), sys::word(directory.c_str()), kEvents | IN_ONLYDIR);
    if (result < 0 && result != -ENOENT) return Error{directory + ": " + strerror(static_cast<int>(-result))};
  }
  return std::nullopt;
}

void DirectoryWatch::drain() const {
  char events[4096];
  while (sys::read(inotify_.get(), events, sizeof(events)) > 0) {
  }
}

}  // namespace cinit::os
