#include "control/listener.hpp"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "os/look.hpp"
#include "os/unix_stream.hpp"

namespace cinit::control {
namespace {

Error error_at(const std::string& path, const std::string& what, int code = 0) { return {path + ": " + what, code}; }

Error error_at(const std::string& path, int code) { return error_at(path, strerror(code), code); }

// Where a file at `path` is. One name in a directory that stays what it is: other users may change that name at most, and
// what is done to it concerns nothing that is not theirs already.
Result<os::Place> find(const std::string& path) {
  Result<os::Place> place = os::find_place(path);
  if (place && place->name.find('/') != std::string::npos) {
    return Error{"another user can change a directory on the way", EPERM};
  }
  return place;
}

// An image may have no /run.
Result<os::Place> find_or_make(const std::string& path) {
  Result<os::Place> place = find(path);
  if (place || place.error().code != ENOENT) return place;
  if (Result<os::Place> made = os::make_place(path); !made) return made;
  return find(path);
}

// Returns 0 or an errno.
int look(const os::Place& place, struct stat& status) {
  return os::look_at(place.directory.get(), place.name.c_str(), status);
}

// std::nullopt when the path is free now.
std::optional<Error> clear(const std::string& path, const os::Place& place, const os::UnixAddress& address) {
  struct stat status {};
  if (const int error = look(place, status); error != 0) {
    return error == ENOENT ? std::nullopt : std::optional(error_at(path, error));
  }
  if (!S_ISSOCK(status.st_mode)) return error_at(path, "something that is no socket is in its place");
  const int error = os::try_connect(address);
  if (error == 0) return error_at(path, "another cinit answers there");
  if (error != ECONNREFUSED && error != ENOENT) return error_at(path, error);
  if (unlinkat(place.directory.get(), place.name.c_str(), 0) != 0 && errno != ENOENT) {
    return error_at(path, errno);
  }
  return std::nullopt;
}

}  // namespace

Result<Listener> Listener::make(const std::string& path) {
  const std::optional<os::UnixAddress> address = os::UnixAddress::of(path);
  if (!address || !path.starts_with('/')) {
    return error_at(path, "the path of a socket is absolute and has at most " +
                              std::to_string(os::UnixAddress::kMostPath) + " bytes");
  }
  Result<os::Place> place = find_or_make(path);
  if (!place) return error_at(path, place.error().message, place.error().code);
  os::Fd socket = os::listen_at(*address);
  if (socket.error() == EADDRINUSE) {
    if (std::optional<Error> error = clear(path, *place, *address)) return *std::move(error);
    socket = os::listen_at(*address);
  }
  if (!socket) return error_at(path, socket.error());
  struct stat status {};
  if (const int error = look(*place, status); error != 0) return error_at(path, error);
  return Listener(std::move(socket), *std::move(place), status.st_dev, status.st_ino);
}

Listener::~Listener() {
  struct stat status {};
  if (!place_.directory || look(place_, status) != 0) return;
  if (status.st_dev == device_ && status.st_ino == inode_) unlinkat(place_.directory.get(), place_.name.c_str(), 0);
}

os::Fd Listener::accept() const { return os::accept_connection(fd_.get()); }

void Listener::close(os::Discarder& discarder) {
  os::sys::shutdown(fd_.get(), SHUT_RD);
  int error = 0;
  while (error == 0) {
    os::Fd connection = accept();
    error = connection.error();
    if (connection) discarder.close(std::move(connection), os::Traffic::Stream);
  }
  // EINVAL is how accept(2) says that there is none and will be none. Otherwise the rest is left to the end of the process.
  error == EINVAL ? fd_.reset() : static_cast<void>(fd_.release());
}

}  // namespace cinit::control
