// Where a service sends the datagrams of sd_notify(3): a socket of its own, so that the socket tells who speaks.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "notify/message.hpp"
#include "os/fd.hpp"

namespace cinit::notify {

// One datagram, and who sent it as the kernel says. The user counts, and the pid only tells: the sender may have ended and
// its pid be another's.
struct Received {
  Message message;
  pid_t pid = 0;                       // 0: not known, or in a PID namespace that we do not see
  uid_t uid = static_cast<uid_t>(-1);  // the real one, when it was sent
  gid_t gid = static_cast<gid_t>(-1);
  // It was longer than kMostDatagram; nothing was taken from it.
  bool oversized = false;
  // Descriptors came along, as with BARRIER=1: sd_notify_barrier(3) waits until the last of them is closed. They are not for
  // this process: the datagram stays in the queue until an os::Discarder has taken it, to be asked for that when all that
  // was received before has been dealt with.
  bool holds_descriptors = false;
};

// Whether a datagram of `sender` counts for a service that runs as `owner`: the owner's own, or root's.
constexpr bool may_speak(uid_t sender, uid_t owner) {
  return sender == 0 || (sender == owner && sender != static_cast<uid_t>(-1));
}

// Tried in this order. Each is made, for others to pass but not to list, unless it is there and ours alone.
std::span<const std::string_view> default_directories();

class Socket {
 public:
  // As with systemd; no service sends anything near it.
  static constexpr std::size_t kMostDatagram = 4096;

  // For a service of that name, whose processes run as `uid`: a file in the first directory in which one can be made that
  // `uid` alone can write to, otherwise (a read-only root) an abstract address that cannot be guessed, to which anybody can
  // send: see may_speak(). What an earlier cinit left there is replaced; the socket of a living one is left alone.
  static Result<Socket> open(std::string_view service, uid_t uid, gid_t gid,
                             std::span<const std::string_view> directories = default_directories());

  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  // As close(), and the descriptor is left to the end of the process when there is something in its queue.
  ~Socket();

  // Readable when something was sent. Close-on-exec; -1 after close().
  int fd() const { return fd_.get(); }
  // The value of NOTIFY_SOCKET: "/run/cinit-notify/web", "@cinit-notify/web-...".
  const std::string& address() const { return address_; }

  // The next datagram, in the order in which they were sent, or std::nullopt when there is none; it does not wait. Call it a
  // bounded number of times in a turn. One that holds descriptors is returned again and again: it is in the way of the others.
  std::optional<Received> receive();
  // The errno for which receive() has returned nothing although there may be something; 0: there was nothing.
  int trouble() const { return trouble_; }

  // Removes its file, and returns the descriptor, which is to be closed by an os::Discarder. What was not received is lost.
  [[nodiscard]] os::Fd close();

 private:
  Socket(os::Fd fd, std::string address) : fd_(std::move(fd)), address_(std::move(address)) {}

  std::nullopt_t nothing(long result);

  os::Fd fd_;
  std::string address_;
  int trouble_ = 0;
};

}  // namespace cinit::notify
