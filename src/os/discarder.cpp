#include "os/discarder.hpp"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include <algorithm>

#include "os/clock.hpp"
#include "os/signals.hpp"
#include "os/socket.hpp"

namespace cinit::os {
namespace {

// SO_PASSRIGHTS of asm-generic/socket.h, which is younger than the libc.
constexpr int kPassRights = 83;

// SCM_MAX_FD of the kernel: the most descriptors that come with one message.
constexpr std::size_t kMostDescriptors = 253;

// A child needs less than a millisecond.
constexpr Duration kPatience = std::chrono::seconds(1);
constexpr Duration kRetry = std::chrono::milliseconds(100);

bool refuses_descriptors(int socket) {
  int passes = 1;
  return sys::getsockopt(socket, kPassRights, passes) == 0 && passes == 0;
}

// A datagram may be empty, and urgent bytes of a stream are not seen by MSG_PEEK.
bool is_empty(int socket, Traffic traffic) {
  if (traffic == Traffic::Stream) {
    int size = 0;
    return sys::ioctl(socket, FIONREAD, &size) == 0 && size == 0;
  }
  msghdr message{};
  return sys::peek_message(socket, &message) < 0;
}

// ---- In the child. It is a copy of this process, with a table of descriptors of its own.

// Whatever else is in the table belongs to the parent, which may close it at any time.
void keep_only(int socket) {
  constexpr long kBeforeCloseRange = 4096;  // there is hardly more of them at that time
  sys::dup3(socket, 0, O_CLOEXEC);
  if (sys::call(SYS_close_range, 1, ~0U, 0) == 0) return;
  for (int fd = 1; fd < kBeforeCloseRange; ++fd) sys::close(fd);
}

// For how many messages the table has room. What it has no room for would be released here and now.
std::size_t count_room() {
  rlimit64 limit{};
  if (sys::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
  return std::max<std::size_t>(limit.rlim_cur / (kMostDescriptors + 1), 1);
}

void receive_one(int socket, bool& received) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(kMostDescriptors * sizeof(int))];
  char text[4096];
  iovec part{text, sizeof(text)};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  received = sys::receive_message(socket, &message) >= 0;
}

[[noreturn]] void receive_and_exit(int socket, bool all) {
  // The sweep of a stop reaches it.
  const SignalSet blocked = kHandledSignals.without(SignalSet::of(SIGTERM));
  sys::sigprocmask(SIG_SETMASK, &blocked, nullptr);
  sys::prctl(PR_SET_NAME, reinterpret_cast<unsigned long>("cinit: discard"));
  keep_only(socket);
  bool received = true;
  for (std::size_t left = all ? count_room() : 1; left > 0 && received; --left) receive_one(0, received);
  sys::exit(0);
}

}  // namespace

bool refuse_descriptors(int socket) { return sys::setsockopt(socket, kPassRights, 0) == 0; }

bool close_if_empty(Fd& socket, Traffic traffic) {
  if (!socket) return true;
  if (!refuses_descriptors(socket.get())) {
    sys::shutdown(socket.get(), SHUT_RDWR);
    if (!is_empty(socket.get(), traffic)) return false;
  }
  socket.reset();
  return true;
}

Discarder::~Discarder() {
  for (Closing& each : closing_) each.socket.release();
}

bool Discarder::discard_next(int socket) { return start(socket, false); }

bool Discarder::is_busy(int socket) const {
  return std::ranges::any_of(children_, [socket](const Child& child) { return child.socket == socket; });
}

void Discarder::close(Fd socket, Traffic traffic) {
  if (!is_busy(socket.get()) && close_if_empty(socket, traffic)) return;
  closing_.push_back({std::move(socket), traffic, Time{}});
  progress();
}

bool Discarder::ended(pid_t pid) {
  return std::erase_if(children_, [pid](const Child& child) { return child.pid == pid; }) > 0;
}

Time Discarder::next_try() const {
  Time next = retry_at_;
  for (const Child& child : children_) next = std::min(next, child.overdue_at);
  for (const Closing& each : closing_) {
    if (!is_busy(each.socket.get())) next = std::min(next, each.next_at);
  }
  return next;
}

void Discarder::progress() {
  const Time now = os::now();
  if (now >= retry_at_) retry_at_ = kNever;
  for (Child& child : children_) {
    if (now < child.overdue_at) continue;
    sys::kill(child.pid, SIGKILL);
    child.overdue_at = kNever;
  }
  std::erase_if(closing_, [&](Closing& each) {
    const int socket = each.socket.get();
    if (is_busy(socket)) return false;
    if (is_empty(socket, each.traffic)) return true;
    if (now < each.next_at) return false;
    start(socket, true);
    each.next_at = later(now, kRetry);
    return false;
  });
}

bool Discarder::start(int socket, bool all) {
  const long pid = children_.size() < kMostChildren ? sys::fork() : -EAGAIN;
  if (pid == 0) receive_and_exit(socket, all);
  if (pid < 0) {
    retry_at_ = later(now(), kRetry);
    return false;
  }
  children_.push_back({static_cast<pid_t>(pid), socket, later(now(), kPatience)});
  return true;
}

}  // namespace cinit::os
