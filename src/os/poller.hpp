// The one place where PID 1 waits: epoll(7).
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "os/fd.hpp"

namespace cinit::os {

class Poller {
 public:
  static Result<Poller> make();

  enum class Interest : std::uint32_t { None = 0, Read = EPOLLIN, Write = EPOLLOUT, ReadAndWrite = EPOLLIN | EPOLLOUT };

  // Reports `token` from wait() whenever `fd` is ready for what is of interest, until it is removed or closed; its end or
  // an error is reported in any case. False, and error() says why: no memory, too many watches, or it is a file, which is
  // always ready.
  bool add(int fd, std::uint64_t token, Interest interest = Interest::Read);
  bool change(int fd, std::uint64_t token, Interest interest);
  // Why the last of these was refused, and what to do about it.
  const Error& error() const { return error_; }
  // Before it is closed, when somebody else holds the same description (a child that inherited it).
  void remove(int fd);

  // Waits until something is ready or `deadline` has come, with the precision of the kernel's timers (a millisecond
  // before Linux 5.11). Returns the tokens of what is ready, valid until the next call.
  std::span<const std::uint64_t> wait(Time deadline);

  // Can be read when something is ready, so that one poller can be added to another: epoll(7).
  int fd() const { return epoll_.get(); }

 private:
  explicit Poller(Fd epoll) : epoll_(std::move(epoll)) {}
  bool control(int operation, int fd, std::uint64_t token, Interest interest);
  long wait_once(epoll_event* events, int count, Time deadline);

  static constexpr int kMost = 64;
  Fd epoll_;
  bool precise_ = true;
  Error error_;
  std::array<std::uint64_t, kMost> tokens_{};
};

}  // namespace cinit::os
