#include "os/line_writer.hpp"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

#include <algorithm>

#include "os/syscall.hpp"

namespace cinit::os {
namespace {

bool get_status(int fd, struct stat& status) {
  // The kernel's own struct stat is what sys/stat.h declares on 64-bit systems.
  return sys::call(SYS_fstat, fd, sys::word(&status)) >= 0;
}

mode_t file_type(int fd) {
  struct stat status {};
  return get_status(fd, status) ? status.st_mode & S_IFMT : 0;
}

long open_anew(int fd) {
  char path[] = "/proc/self/fd/0000000000";
  char digits[sizeof("0000000000")];
  std::size_t count = 0;
  for (unsigned left = static_cast<unsigned>(fd); count == 0 || left > 0; left /= 10) {
    digits[count++] = static_cast<char>('0' + left % 10);
  }
  char* end = path + sizeof("/proc/self/fd/") - 1;
  while (count > 0) *end++ = digits[--count];
  *end = '\0';
  return sys::open(AT_FDCWD, path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

// 0 when there is room, or why nothing can be written.
int room_error(int fd) {
  pollfd wanted{fd, POLLOUT, 0};
  const timespec at_once{};
  const long ready = sys::ppoll(&wanted, 1, &at_once);
  if (ready < 0) return static_cast<int>(-ready);
  if ((wanted.revents & POLLOUT) != 0) return 0;
  return wanted.revents == 0 ? EAGAIN : EPIPE;
}

// A terminal that somebody else is writing to says EAGAIN, too, although there is room: for the moment of that write.
long write_now(int fd, const char* data, std::size_t size) {
  constexpr int kMostTries = 100;
  long written = sys::write(fd, data, size);
  for (int i = 0; i < kMostTries && written == -EAGAIN && room_error(fd) == 0; ++i) {
    sys::call(SYS_sched_yield);
    written = sys::write(fd, data, size);
  }
  return written;
}

long write_where_there_is_room(int fd, const char* data, std::size_t size) {
  const int error = room_error(fd);
  return error != 0 ? -error : sys::write(fd, data, std::min<std::size_t>(size, PIPE_BUF));
}

}  // namespace

LineWriter::LineWriter(int fd) : fd_(fd) {
  const mode_t type = file_type(fd);
  if (type == S_IFREG) {
    kind_ = Kind::File;
  } else if (type == S_IFSOCK) {
    kind_ = Kind::Socket;
  } else if (type == S_IFIFO || type == S_IFCHR) {
    const long own = open_anew(fd);
    if (own < 0) return;
    kind_ = Kind::Own;
    fd_ = static_cast<int>(own);
  }
}

LineWriter::~LineWriter() {
  if (kind_ == Kind::Own) sys::close(fd_);
}

bool LineWriter::write_line(const char* line, std::size_t size) {
  if (!flush()) return false;
  const std::size_t written = write_part(line, size);
  if (written == 0) return false;
  if (written < size) rest_.assign(line + written, size - written);
  return true;
}

bool LineWriter::flush() {
  if (rest_.empty()) return true;
  rest_.erase(0, write_part(rest_.data(), rest_.size()));
  // Whoever reads next, if anybody, should not begin in the middle of a line. A full disk is the same file later.
  if (error_ != EAGAIN && kind_ != Kind::File) rest_.clear();
  return rest_.empty();
}

// Returns how much of it was written.
std::size_t LineWriter::write_part(const char* data, std::size_t size) {
  error_ = 0;
  std::size_t written = 0;
  while (written < size) {
    const long result = write_once(data + written, size - written);
    if (result <= 0) {
      error_ = result < 0 ? static_cast<int>(-result) : EIO;
      break;
    }
    written += static_cast<std::size_t>(result);
  }
  return written;
}

long LineWriter::write_once(const char* data, std::size_t size) {
  switch (kind_) {
    case Kind::Socket:
      return sys::call(SYS_sendto, fd_, sys::word(data), static_cast<long>(size), MSG_DONTWAIT | MSG_NOSIGNAL);
    case Kind::Shared: return write_where_there_is_room(fd_, data, size);
    case Kind::Own: return write_now(fd_, data, size);
    case Kind::File: break;
  }
  return sys::write(fd_, data, size);
}

bool is_same_file(int first, int second) {
  struct stat one {};
  struct stat other {};
  return get_status(first, one) && get_status(second, other) && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

}  // namespace cinit::os
