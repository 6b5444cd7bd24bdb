#include "os/open_output.hpp"

#include <errno.h>

#include "os/syscall.hpp"

namespace cinit::os {
namespace {

constexpr int kFlags = O_APPEND | O_NONBLOCK | O_NOCTTY;
constexpr mode_t kMode = 0644;

long open_or_make(const char* path) {
  const long log = sys::open(AT_FDCWD, path, O_WRONLY | kFlags);
  if (log != -ENOENT) return log;
  return sys::open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | kFlags, kMode);
}

bool is_fifo(int file) {
  struct stat status;
  return sys::call(SYS_fstat, file, sys::word(&status)) == 0 && S_ISFIFO(status.st_mode);
}

}  // namespace

long open_output_as_user(const char* path) {
  constexpr long kNoReader = -ENXIO;
  long log = open_or_make(path);
  const bool is_open_fifo = log >= 0 && is_fifo(static_cast<int>(log));
  if (is_open_fifo) sys::close(static_cast<int>(log));
  if (is_open_fifo || log == kNoReader) log = sys::open(AT_FDCWD, path, O_RDWR | kFlags);
  if (log < 0) return log;
  const long flags = sys::fcntl(static_cast<int>(log), F_GETFL);
  if (flags >= 0) sys::fcntl(static_cast<int>(log), F_SETFL, flags & ~O_NONBLOCK);
  return log;
}

}  // namespace cinit::os
