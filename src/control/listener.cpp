#include "control/listener.hpp"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "os/unix_stream.hpp"

namespace cinit::control {
namespace {

Error error_at(const std::string& path, const std::string& what) { return Error{path + ": " + what}; }

// Nothing when the path is free now.
std::optional<Error> clear(const std::string& path, const os::UnixAddress& address) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return std::nullopt;  // gone meanwhile
  if (!S_ISSOCK(status.st_mode)) return error_at(path, "something that is no socket is in its place");
  const int error = os::try_connect(address);
  if (error == 0) return error_at(path, "another cinit answers there");
  if (error != ECONNREFUSED && error != ENOENT) return error_at(path, strerror(error));
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return error_at(path, strerror(errno));
  return std::nullopt;
}

// An image may have no /run. Returns 0, or the error.
int make_directories_above(const std::string& path) {
  constexpr mode_t kMode = 0755;
  for (std::size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    const int error = mkdir(path.substr(0, end).c_str(), kMode) == 0 ? 0 : errno;
    if (error != 0 && error != EEXIST) return error;
  }
  return 0;
}

}  // namespace

Result<Listener> Listener::make(const std::string& path) {
  const std::optional<os::UnixAddress> address = os::UnixAddress::of(path);
  if (!address || !path.starts_with('/')) {
    return error_at(path, "the path of a socket is absolute and has at most " +
                              std::to_string(os::UnixAddress::kMostPath) + " bytes");
  }
  os::Fd socket = os::listen_at(*address);
  if (socket.error() == ENOENT) {
    if (const int error = make_directories_above(path)) return error_at(path, strerror(error));
    socket = os::listen_at(*address);
  }
  if (socket.error() == EADDRINUSE) {
    if (std::optional<Error> error = clear(path, *address)) return *std::move(error);
    socket = os::listen_at(*address);
  }
  if (!socket) return error_at(path, strerror(socket.error()));
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return error_at(path, strerror(errno));
  return Listener(std::move(socket), path, status.st_dev, status.st_ino);
}

Listener::~Listener() {
  struct stat status {};
  if (!fd_ || lstat(path_.c_str(), &status) != 0) return;
  if (status.st_dev == device_ && status.st_ino == inode_) unlink(path_.c_str());
}

os::Fd Listener::accept() const { return os::accept_connection(fd_.get()); }

}  // namespace cinit::control
