#include "os/poller.hpp"

#include <errno.h>
#include <string.h>

#include <algorithm>

#include "os/clock.hpp"
#include "os/signals.hpp"

namespace cinit::os {

Result<Poller> Poller::make() {
  Fd epoll(sys::call(SYS_epoll_create1, EPOLL_CLOEXEC));
  if (!epoll) return Error{std::string("epoll_create1: ") + strerror(epoll.error()), epoll.error()};
  return Poller(std::move(epoll));
}

bool Poller::add(int fd, std::uint64_t token, Interest interest) { return control(EPOLL_CTL_ADD, fd, token, interest); }

bool Poller::change(int fd, std::uint64_t token, Interest interest) {
  return control(EPOLL_CTL_MOD, fd, token, interest);
}

void Poller::remove(int fd) { control(EPOLL_CTL_DEL, fd, 0, Interest::None); }

bool Poller::control(int operation, int fd, std::uint64_t token, Interest interest) {
  epoll_event event{};
  event.events = static_cast<std::uint32_t>(interest);
  event.data.u64 = token;
  const int error = static_cast<int>(-sys::call(SYS_epoll_ctl, epoll_.get(), operation, fd, sys::word(&event)));
  if (error <= 0) return true;
  const char* const advice = error == ENOSPC ? " (the host's sysctl fs.epoll.max_user_watches)" : "";
  error_ = {std::string("epoll_ctl: ") + strerror(error) + advice, error};
  return false;
}

long Poller::wait_once(epoll_event* events, int count, Time deadline) {
  const timespec timeout = to_timespec(deadline == kNever ? Duration::zero() : deadline - now());
  if (precise_) {
    const long ready = sys::call(SYS_epoll_pwait2, epoll_.get(), sys::word(events), count,
                                 deadline == kNever ? 0 : sys::word(&timeout), 0, sizeof(SignalSet));
    // EPERM: what an old seccomp filter says of a call that it does not know.
    if (ready != -ENOSYS && ready != -EPERM) return ready;
    precise_ = false;
  }
  constexpr std::int64_t kLongest = 1'000'000'000;  // fits into an int; waking up once in eleven days does no harm
  const std::int64_t rounded_up = std::int64_t{timeout.tv_sec} * 1000 + (timeout.tv_nsec + 999'999) / 1'000'000;
  const long ms = deadline == kNever ? -1 : static_cast<long>(std::min(rounded_up, kLongest));
  return sys::call(SYS_epoll_pwait, epoll_.get(), sys::word(events), count, ms, 0, sizeof(SignalSet));
}

std::span<const std::uint64_t> Poller::wait(Time deadline) {
  epoll_event events[kMost];
  const long ready = wait_once(events, kMost, deadline);
  const std::size_t count = ready > 0 ? static_cast<std::size_t>(ready) : 0;
  for (std::size_t i = 0; i < count; ++i) tokens_[i] = events[i].data.u64;
  return {tokens_.data(), count};
}

}  // namespace cinit::os
