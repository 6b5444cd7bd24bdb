#include "os/line_writer.hpp"

#include <errno.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include <algorithm>

#include "os/fd.hpp"
#include "os/syscall.hpp"

namespace cinit::os {
namespace {

bool get_status(int fd, struct stat& status) {
  // The kernel's own struct stat is what sys/stat.h declares on 64-bit systems.
  return sys::call(SYS_fstat, fd, sys::word(&status)) >= 0;
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

bool has_room(int fd) {
  pollfd wanted{fd, POLLOUT, 0};
  const timespec at_once{};
  return sys::ppoll(&wanted, 1, &at_once) > 0 && (wanted.revents & POLLOUT) != 0;
}

// The terminal on `fd`, by the name under which every process may open the terminal of its session, if it is that one.
long open_terminal_of_session(int fd) {
  unsigned wanted = 0;
  if (sys::ioctl(fd, TIOCGDEV, &wanted) < 0) return -ENOTTY;
  const long own = sys::open(AT_FDCWD, "/dev/tty", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  unsigned found = 0;
  if (own < 0 || (sys::ioctl(static_cast<int>(own), TIOCGDEV, &found) >= 0 && found == wanted)) return own;
  sys::close(static_cast<int>(own));
  return -ENXIO;
}

// /dev/null and its like: mem(4), null(4).
bool is_memory_device(const struct stat& status) { return S_ISCHR(status.st_mode) && major(status.st_rdev) == 1; }

// A terminal that somebody else is writing to says EAGAIN, too, although there is room: for the moment of that write.
long write_now(int fd, const char* data, std::size_t size) {
  constexpr int kMostTries = 100;
  long written = sys::write(fd, data, size);
  for (int i = 0; i < kMostTries && written == -EAGAIN && has_room(fd); ++i) {
    sys::call(SYS_sched_yield);
    written = sys::write(fd, data, size);
  }
  return written;
}

// What the kernel, or a filter of seccomp(2), says of a call or a flag that it does not have.
bool is_refused(long result) {
  return result == -EOPNOTSUPP || result == -ENOSYS || result == -EPERM || result == -EINVAL;
}

// pwritev2(2): pipes know RWF_NOWAIT since Linux 6.4. poll(2) and write(2) would be two steps, and whoever else writes to
// the pipe may take the room between them.
long write_without_waiting(int fd, const char* data, std::size_t size) {
  constexpr long kNoWait = 8;  // RWF_NOWAIT
  const iovec part{const_cast<char*>(data), size};
  return sys::without_signal(sys::call(SYS_pwritev2, fd, sys::word(&part), 1, -1, -1, kNoWait));
}

// The same for a pipe on older kernels: by way of a pipe that nobody else has. Its one page is moved as a whole, or not.
long splice_without_waiting(int fd, const char* data, std::size_t size) {
  int ends[2];
  const long made = sys::call(SYS_pipe2, sys::word(ends), O_CLOEXEC | O_NONBLOCK);
  if (made < 0) return made;
  const Fd read_end(ends[0]);
  const Fd write_end(ends[1]);
  const long size_in_pipe = sys::write(write_end.get(), data, size);
  if (size_in_pipe < 0) return -ENOMEM;  // an empty pipe has room
  return sys::without_signal(sys::call(SYS_splice, read_end.get(), 0, fd, 0, size_in_pipe, SPLICE_F_NONBLOCK));
}

long write_to_shared(int fd, bool is_pipe, const char* data, std::size_t size) {
  size = std::min<std::size_t>(size, PIPE_BUF);
  long written = write_without_waiting(fd, data, size);
  if (is_refused(written) && is_pipe) written = splice_without_waiting(fd, data, size);
  return is_refused(written) ? -EOPNOTSUPP : written;
}

}  // namespace

bool is_terminal(int fd) {
  unsigned device = 0;
  return sys::ioctl(fd, TIOCGDEV, &device) >= 0;
}

LineWriter::LineWriter(int fd) : fd_(fd) {
  struct stat status {};
  if (!get_status(fd, status)) return;
  const mode_t type = status.st_mode & S_IFMT;
  if (type == S_IFREG) kind_ = Kind::File;
  if (type == S_IFSOCK) kind_ = Kind::Socket;
  if (type != S_IFIFO && type != S_IFCHR) return;
  long own = open_anew(fd);
  if (own < 0 && type == S_IFCHR) own = open_terminal_of_session(fd);
  if (own >= 0) {
    kind_ = Kind::Own;
    fd_ = static_cast<int>(own);
  } else if (type == S_IFIFO) {
    kind_ = Kind::Pipe;
  } else if (is_memory_device(status)) {
    kind_ = Kind::File;
  }
}

LineWriter::~LineWriter() {
  if (kind_ == Kind::Own) sys::close(fd_);
}

// Asking for room and writing are two steps, which are one as long as nobody else is there.
void LineWriter::tell_if_lost(std::string_view line) const {
  unsigned device = 0;
  const bool writes_to_terminal = sys::ioctl(fd_, TIOCGDEV, &device) >= 0;
  if (kind_ == Kind::Other && writes_to_terminal && has_room(fd_)) sys::write(fd_, line.data(), line.size());
}

bool LineWriter::write_line(const char* line, std::size_t size) {
  if (!flush()) return false;
  const std::size_t written = write_part(line, size);
  if (written == 0) return false;
  keep_rest(line + written, size - written);
  return true;
}

bool LineWriter::flush() {
  if (!has_rest()) return true;
  const std::size_t written = write_part(rest_.get() + rest_begin_, rest_size_);
  rest_begin_ += written;
  rest_size_ -= written;
  // Whoever reads next, if anybody, should not begin in the middle of a line. A full disk is the same file later.
  const bool is_hopeless = error_ != EAGAIN && kind_ != Kind::File;
  if (is_hopeless || !has_rest()) drop_rest();
  return !has_rest();
}

void LineWriter::keep_rest(const char* data, std::size_t size) {
  if (size == 0) return;
  rest_.reset(static_cast<char*>(malloc(size)));
  if (!rest_) return;
  std::copy_n(data, size, rest_.get());
  rest_begin_ = 0;
  rest_size_ = size;
}

void LineWriter::drop_rest() {
  rest_.reset();
  rest_size_ = 0;
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
  full_ = error_ == EAGAIN;
  return written;
}

long LineWriter::write_once(const char* data, std::size_t size) {
  switch (kind_) {
    case Kind::Socket:
      return sys::call(SYS_sendto, fd_, sys::word(data), static_cast<long>(size), MSG_DONTWAIT | MSG_NOSIGNAL);
    case Kind::Pipe:
    case Kind::Other: return write_to_shared(fd_, kind_ == Kind::Pipe, data, size);
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
