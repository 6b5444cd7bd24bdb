#include "servicedir/event_directory.hpp"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.hpp"

namespace cinit::servicedir {
namespace {

// s6-ftrigrd names its FIFOs so.
constexpr std::string_view kListener = "ftrig1:@";
// Members of root's group may listen, and see nothing of the others (mkdir(2) takes no set-group-ID bit).
constexpr mode_t kEventMode = 03730;

// A FIFO that a process reads, for writing; ENXIO: none does.
os::Fd open_listener(const os::Fd& directory, const std::string& name) {
  struct stat status {};
  os::Fd fifo(os::sys::open(directory.get(), name.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC));
  if (!fifo) return fifo;
  if (fstat(fifo.get(), &status) != 0) return os::Fd(-errno);
  // A second name may be that of another service's FIFO.
  if (!S_ISFIFO(status.st_mode) || status.st_nlink != 1) return os::Fd(-EINVAL);
  return fifo;
}

}  // namespace

int make_event_directory(const std::string& path) {
  if (const int error = os::make_directories(path, kEventMode & 0777); error != 0) return error;
  const os::Fd place = os::open_directory(path);
  if (!place) return place.error();
  const os::Fd directory(os::sys::open(place.get(), ".", O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC));
  if (!directory) return directory.error();
  if (fchmod(directory.get(), kEventMode) != 0) return errno;
  return tell_listeners(path, "");
}

int tell_listeners(const std::string& path, std::string_view letters) {
  constexpr int kMost = 64;
  const Result<std::vector<std::string>> names = os::list_directory(path);
  if (!names) return names.error().code;
  const os::Fd directory = os::open_directory(path);
  if (!directory) return directory.error();
  int left = kMost;
  for (const std::string& name : *names) {
    if (!name.starts_with(kListener)) continue;
    if (left-- == 0) break;
    const os::Fd fifo = open_listener(directory, name);
    const long written = fifo ? os::sys::write(fifo.get(), letters.data(), letters.size()) : -fifo.error();
    if (written == -ENXIO || written == -EPIPE) unlinkat(directory.get(), name.c_str(), 0);
  }
  return 0;
}

}  // namespace cinit::servicedir
