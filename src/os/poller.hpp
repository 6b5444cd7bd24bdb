// The one place where PID 1 waits: epoll(7).
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "base/time.hpp"
#include "os/fd.hpp"

namespace cinit::os {

class Poller {
 public:
  static Result<Poller> make();

  // Reports `token` from wait() whenever `fd` can be read, until it is removed or closed. False: no memory for it.
  bool add(int fd, std::uint64_t token);

  // Waits until something can be read or `deadline` has come, with the precision of the kernel's timers (a millisecond
  // before Linux 5.11). Returns the tokens of what can be read, valid until the next call.
  std::span<const std::uint64_t> wait(Time deadline);

 private:
  explicit Poller(Fd epoll) : epoll_(std::move(epoll)) {}
  long wait_once(epoll_event* events, int count, Time deadline);

  static constexpr int kMost = 64;
  Fd epoll_;
  bool precise_ = true;
  std::array<std::uint64_t, kMost> tokens_{};
};

}  // namespace cinit::os
