// The socket that clients connect to.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "control/socket_place.hpp"
#include "os/discarder.hpp"
#include "os/fd.hpp"
#include "os/trusted_path.hpp"

namespace cinit::control {

// Removes its path when it ends, if that is still its own, and with it a directory of its own.
class Listener {
 public:
  // Makes the socket with mode 0600, and the directories above it that are missing, or the one that is to be cinit's own. What
  // stands at the path is replaced when it is a socket that no process answers on. The error names the place and has the errno.
  static Result<Listener> make(const SocketPlace& where);

  Listener(Listener&& other) noexcept = default;
  Listener& operator=(Listener&& other) noexcept = delete;
  ~Listener();

  int fd() const { return fd_.get(); }
  // The next connection, non-blocking; a failed Fd has the errno: EAGAIN when there is none.
  os::Fd accept() const;
  // Lets no client connect any more and closes the connections that were not accepted: together with the descriptor they
  // would be closed here, and not by `discarder`.
  void close(os::Discarder& discarder);

 private:
  static Result<Listener> make_abstract(const std::string& address);
  Listener(os::Fd fd, os::Place place, dev_t device, ino_t inode)
      : fd_(std::move(fd)), place_(std::move(place)), device_(device), inode_(inode) {}

  os::Fd fd_;
  std::string own_directory_;  // empty: none was to be made
  os::Place place_;
  dev_t device_;
  ino_t inode_;
};

}  // namespace cinit::control
