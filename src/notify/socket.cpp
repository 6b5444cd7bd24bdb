#include "notify/socket.hpp"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "notify/place.hpp"
#include "os/discarder.hpp"
#include "os/socket.hpp"

namespace cinit::notify {
namespace {

namespace sys = os::sys;

// The credentials that come with a datagram: cmsg(3). There is no room for descriptors.
union Control {
  cmsghdr aligned;
  char bytes[CMSG_SPACE(sizeof(ucred))];
};

void take_credentials(msghdr& message, Received& received) {
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_CREDENTIALS) return;
  if (header->cmsg_len != CMSG_LEN(sizeof(ucred))) return;
  ucred sender{};
  memcpy(&sender, CMSG_DATA(header), sizeof(sender));
  received.pid = sender.pid;
  received.uid = sender.uid;
  received.gid = sender.gid;
}

}  // namespace

std::span<const std::string_view> default_directories() {
  static constexpr std::string_view kDirectories[] = {"/run/cinit-notify", "/dev/shm/cinit-notify",
                                                      "/tmp/cinit-notify"};
  return kDirectories;
}

Result<Socket> Socket::open(std::string_view service, uid_t uid, gid_t gid,
                            std::span<const std::string_view> directories) {
  for (const std::string_view directory : directories) {
    Bound bound = bind_in(directory, service, uid, gid);
    if (bound.fd) return Socket(std::move(bound.fd), std::move(bound.address));
  }
  Result<Bound> bound = bind_abstract(service);
  if (!bound) return bound.error();
  return Socket(std::move(bound->fd), std::move(bound->address));
}

Socket::Socket(Socket&& other) noexcept
    : fd_(std::move(other.fd_)), address_(std::exchange(other.address_, {})), trouble_(other.trouble_) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(address_, other.address_);
  std::swap(trouble_, other.trouble_);
  return *this;
}

std::optional<Received> Socket::receive() {
  char text[kMostDatagram];
  Control control{};
  iovec part{text, sizeof(text)};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = &control;
  header.msg_controllen = sizeof(control);
  const long size = sys::peek_message(fd_.get(), &header);
  if (size < 0) return nothing(size);

  Received received;
  take_credentials(header, received);
  received.oversized = (header.msg_flags & MSG_TRUNC) != 0;
  received.holds_descriptors = (header.msg_flags & MSG_CTRUNC) != 0;
  if (!received.oversized) received.message = parse({text, static_cast<std::size_t>(size)});
  const long taken = received.holds_descriptors ? 0 : sys::receive(fd_.get(), nullptr, 0);
  if (taken < 0) return nothing(taken);
  trouble_ = 0;
  return received;
}

std::nullopt_t Socket::nothing(long result) {
  trouble_ = result == -EAGAIN || result == -EINTR ? 0 : static_cast<int>(-result);
  return std::nullopt;
}

os::Fd Socket::close() {
  if (address_.starts_with('/')) unlink(address_.c_str());
  address_.clear();
  return std::move(fd_);
}

Socket::~Socket() {
  os::Fd fd = close();
  if (!os::close_if_empty(fd, os::Traffic::Datagrams)) fd.release();
}

}  // namespace cinit::notify
