#include "solo/image.hpp"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <string_view>

#include "os/syscall.hpp"

namespace cinit::solo {
namespace {

namespace sys = os::sys;

constexpr int kFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

// The kernel's struct linux_dirent64: getdents(2). `record` is where one begins.
std::string_view name_of_entry(const char* record) { return record + offsetof(dirent64, d_name); }

unsigned short size_of_entry(const char* record) {
  unsigned short size = 0;
  memcpy(&size, record + offsetof(dirent64, d_reclen), sizeof(size));
  return size;
}

bool has_entry(int directory) {
  alignas(dirent64) char buffer[1024];
  while (true) {
    const long length = sys::getdents(directory, buffer, sizeof(buffer));
    if (length <= 0) return length < 0;
    for (const char* record = buffer; record < buffer + length; record += size_of_entry(record)) {
      const std::string_view name = name_of_entry(record);
      if (name != "." && name != "..") return true;
    }
  }
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool has_line(int file) {
  char buffer[4096];
  bool in_comment = false;
  while (true) {
    const long length = sys::read(file, buffer, sizeof(buffer));
    if (length <= 0) return length < 0;
    for (const char *at = buffer, *const end = buffer + length; at < end; ++at) {
      if (in_comment) {
        at = static_cast<const char*>(memchr(at, '\n', static_cast<size_t>(end - at)));
        if (at == nullptr) break;
        in_comment = false;
      } else if (*at == '#' || *at == ';') {
        in_comment = true;
      } else if (!is_blank(*at)) {
        return true;
      }
    }
  }
}

}  // namespace

bool says_something(const Place& place) {
  if (place.kind == Place::Kind::Path) return sys::faccess(place.path, F_OK) != -ENOENT;
  const int directory = place.kind == Place::Kind::Directory ? O_DIRECTORY : 0;
  const long fd = sys::open(AT_FDCWD, place.path, kFlags | directory);
  if (fd < 0) return fd != -ENOENT;
  const bool something = directory != 0 ? has_entry(static_cast<int>(fd)) : has_line(static_cast<int>(fd));
  sys::close(static_cast<int>(fd));
  return something;
}

}  // namespace cinit::solo
