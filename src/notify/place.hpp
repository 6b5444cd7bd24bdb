// Where the socket of a service can be: files and abstract names of unix(7).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace cinit::notify {

// A socket that receives datagrams with the credentials of their senders, and its address.
struct Bound {
  os::Fd fd;  // none: the place cannot be used
  std::string address;
};

// A file in `directory` that `uid` alone can send to. The directory is made when it is missing. One that belongs to another
// user, in which or above which other users can change names, or that `uid` cannot get to, is not used: see os/trusted_path.hpp.
Bound bind_in(std::string_view directory, std::string_view service, uid_t uid, gid_t gid);

// An abstract name that cannot be guessed. The error has the errno.
Result<Bound> bind_abstract(std::string_view service);

}  // namespace cinit::notify
