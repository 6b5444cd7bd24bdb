#include "control/listener.hpp"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "os/file.hpp"
#include "os/look.hpp"
#include "os/own_directory.hpp"
#include "os/unix_stream.hpp"

namespace cinit::control {
namespace {

constexpr mode_t kOwnDirectoryMode = 0700;

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

// A name in a directory that belongs to our user alone.
Result<os::Place> find_in_own(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  os::Fd directory = os::make_own_directory(path.substr(0, slash), kOwnDirectoryMode);
  if (!directory) return Error{strerror(directory.error()), directory.error()};
  return os::Place{std::move(directory), path.substr(slash + 1), true, true};
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

// A name that is taken is another process's: it ends with that process, so there is no stale one.
Result<Listener> Listener::make_abstract(const std::string& address) {
  const std::optional<os::UnixAddress> parsed = os::UnixAddress::of(address);
  os::Fd socket = parsed ? os::listen_at(*parsed) : os::Fd(-ENAMETOOLONG);
  if (!socket) return error_at(address, socket.error());
  return Listener(std::move(socket), {}, 0, 0);
}

Result<Listener> Listener::make(const SocketPlace& where) {
  if (where.kind == SocketPlace::Kind::Abstract) return make_abstract(where.address);
  const std::string& path = where.address;
  const std::optional<os::UnixAddress> address = os::UnixAddress::of(path);
  if (!address || !path.starts_with('/')) {
    return error_at(path, "the path of a socket is absolute and has at most " +
                              std::to_string(os::UnixAddress::kMostPath) + " bytes");
  }
  Result<os::Place> place = where.kind == SocketPlace::Kind::OwnDirectory ? find_in_own(path) : find_or_make(path);
  if (!place) return error_at(path, place.error().message, place.error().code);
  os::Fd socket = os::listen_at(*address);
  if (socket.error() == EADDRINUSE) {
    if (std::optional<Error> error = clear(path, *place, *address)) return *std::move(error);
    socket = os::listen_at(*address);
  }
  if (!socket) return error_at(path, socket.error());
  struct stat status {};
  if (const int error = look(*place, status); error != 0) return error_at(path, error);
  Listener listener(std::move(socket), *std::move(place), status.st_dev, status.st_ino);
  if (where.kind == SocketPlace::Kind::OwnDirectory) listener.own_directory_ = path.substr(0, path.rfind('/'));
  return listener;
}

Listener::~Listener() {
  struct stat status {};
  if (!place_.directory || look(place_, status) != 0) return;
  if (status.st_dev != device_ || status.st_ino != inode_) return;
  unlinkat(place_.directory.get(), place_.name.c_str(), 0);
  if (!own_directory_.empty()) os::remove_directory(own_directory_);
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
