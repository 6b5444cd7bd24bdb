#include "notify/socket.hpp"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "notify/place.hpp"
#include "os/socket.hpp"

namespace cinit::notify {
namespace {

namespace sys = os::sys;

// The most descriptors that the kernel lets come with one message (SCM_MAX_FD). With room for all of them none is lost to
// sight: those without room would be closed inside recvmsg(2), whatever they are.
constexpr std::size_t kMostDescriptors = 253;

// What belongs to a message beside its bytes: cmsg(3).
union Control {
  cmsghdr aligned;
  char bytes[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(kMostDescriptors * sizeof(int))];
};

// Descriptors that came along: the first of them is kept, the others are closed.
struct Descriptors {
  os::Fd first;
  std::size_t count = 0;
};

void take_descriptor(int fd, Descriptors& into) {
  os::Fd arrived(fd);
  // When we are the last to close a socket, close(2) waits for its unsent bytes as long as its sender likes: SO_LINGER of
  // socket(7). Anything but a socket refuses the call.
  sys::setsockopt(fd, SO_LINGER, linger{0, 0});
  if (into.count++ == 0) into.first = std::move(arrived);
}

void take_descriptors(const cmsghdr& header, Descriptors& into) {
  const std::size_t count = (header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (std::size_t i = 0; i < count; ++i) {
    int fd = -1;
    memcpy(&fd, CMSG_DATA(&header) + i * sizeof(fd), sizeof(fd));
    take_descriptor(fd, into);
  }
}

void take_credentials(const cmsghdr& header, Received& received) {
  if (header.cmsg_len != CMSG_LEN(sizeof(ucred))) return;
  ucred sender{};
  memcpy(&sender, CMSG_DATA(&header), sizeof(sender));
  received.pid = sender.pid;
  received.uid = sender.uid;
  received.gid = sender.gid;
}

Descriptors take_control(msghdr& message, Received& received) {
  Descriptors descriptors;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    if (header->cmsg_type == SCM_RIGHTS) take_descriptors(*header, descriptors);
    if (header->cmsg_type == SCM_CREDENTIALS) take_credentials(*header, received);
  }
  return descriptors;
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

Socket::Socket(Socket&& other) noexcept : fd_(std::move(other.fd_)), address_(std::exchange(other.address_, {})) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(address_, other.address_);
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
  const long size = sys::receive_message(fd_.get(), &header);
  if (size < 0) return std::nullopt;

  Received received;
  Descriptors descriptors = take_control(header, received);
  received.oversized = (header.msg_flags & MSG_TRUNC) != 0;
  if (!received.oversized) received.message = parse({text, static_cast<std::size_t>(size)});
  const bool all_came = (header.msg_flags & MSG_CTRUNC) == 0;
  if (received.message.barrier && descriptors.count == 1 && all_came) received.barrier = std::move(descriptors.first);
  return received;
}

void Socket::close() {
  if (address_.starts_with('/')) unlink(address_.c_str());
  address_.clear();
  fd_.reset();
}

}  // namespace cinit::notify
