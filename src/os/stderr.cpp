#include "os/stderr.hpp"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

#include "os/syscall.hpp"

namespace cinit::os {
namespace {

constexpr char kPath[] = "/proc/self/fd/2";

long file_type(int fd) {
  struct stat status {};
  // The kernel's own struct stat is what sys/stat.h declares on 64-bit systems.
  const long result = sys::call(SYS_fstat, fd, sys::word(&status));
  return result < 0 ? 0 : static_cast<long>(status.st_mode & S_IFMT);
}

bool has_room(int fd) {
  pollfd wanted{fd, POLLOUT, 0};
  const timespec at_once{};
  return sys::ppoll(&wanted, 1, &at_once) == 1 && (wanted.revents & POLLOUT) != 0;
}

long send_without_waiting(const char* data, std::size_t size) {
  return sys::call(SYS_sendto, 2, sys::word(data), static_cast<long>(size), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

Stderr::Stderr() {
  const long type = file_type(2);
  if (type == S_IFREG) {
    kind_ = Kind::File;
  } else if (type == S_IFSOCK) {
    kind_ = Kind::Socket;
  } else if (type == S_IFIFO || type == S_IFCHR) {
    const long fd = sys::open(AT_FDCWD, kPath, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return;
    kind_ = Kind::Own;
    fd_ = static_cast<int>(fd);
  }
}

Stderr::~Stderr() {
  if (kind_ == Kind::Own) sys::close(fd_);
}

bool Stderr::write_line(const char* line, std::size_t size) {
  if (size <= PIPE_BUF || kind_ == Kind::File) return write_whole(line, size);
  char cut[PIPE_BUF];
  for (std::size_t i = 0; i < PIPE_BUF - 1; ++i) cut[i] = line[i];
  cut[PIPE_BUF - 1] = '\n';
  return write_whole(cut, PIPE_BUF);
}

bool Stderr::write_whole(const char* line, std::size_t size) {
  if (kind_ == Kind::Socket) return send_without_waiting(line, size) > 0;
  if (kind_ == Kind::Shared && !has_room(fd_)) return false;
  return sys::write(fd_, line, size) > 0;
}

}  // namespace cinit::os
