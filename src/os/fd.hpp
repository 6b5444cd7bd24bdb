// A file descriptor that closes itself.
#pragma once

#include <utility>

#include "os/syscall.hpp"

namespace cinit::os {

class Fd {
 public:
  Fd() = default;
  // Takes over `fd`; a negative number, such as the negative errno of a failed call, is no descriptor.
  explicit Fd(long fd) : fd_(static_cast<int>(fd)) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // The errno of the call that should have opened it; 0 when it is open.
  int error() const { return fd_ < 0 ? -fd_ : 0; }
  void reset() {
    if (fd_ >= 0) sys::close(fd_);
    fd_ = -1;
  }
  // Gives it up without closing it, and returns it.
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// For persist().
inline int code_of(const Fd& fd) { return fd.error(); }

}  // namespace cinit::os
