// Where the control socket is: one rule for cinit, which makes it at the first of these places that works, and for its clients.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace cinit::control {

struct SocketPlace {
  enum class Kind {
    Path,          // a name in a directory of root's, or wherever the configuration says
    OwnDirectory,  // in a directory that cinit's user makes for itself: root's cannot be written to
    Abstract,      // an abstract name of unix(7): no directory can be written to
  };
  Kind kind = Kind::Path;
  std::string address;  // as UnixAddress::of() reads it; of OwnDirectory a path whose directory is the one to be made
};

// Where a cinit whose effective user is `uid` makes the socket: at `configured` alone if that is not the default, else below
// /run, /dev/shm or /tmp, or at an abstract name. All but the first hold the user and the number of the PID namespace, because
// containers may share the place. Empty for an empty `configured`.
std::vector<SocketPlace> places_for_server(const std::string& configured, uid_t uid);

// Where a client looks for the cinit of its container: what that would be for the user of PID 1, for root, and for its own user.
std::vector<SocketPlace> places_for_client(const std::string& configured);

// The other end of a connection may answer for cinit: it is PID 1, or belongs to root or to the caller's user. Any other
// process could have made a socket at one of these places, too. SO_PEERCRED of unix(7).
bool is_cinit_or_root(const ucred& peer);

}  // namespace cinit::control
