// Stream sockets of unix(7), the listening side.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <string>

#include "base/result.hpp"
#include "os/fd.hpp"
#include "os/socket.hpp"

namespace cinit::os {

// A socket that listens at an absolute path, with mode 0600, close-on-exec and non-blocking. What stands at the path
// already is in the way: EADDRINUSE. A failed Fd has the errno.
Fd listen_at(const UnixAddress& address);

// Whether somebody accepts connections there. Does not wait. Returns 0, or an errno: ECONNREFUSED when nobody does.
int try_connect(const UnixAddress& address);

// The next connection, close-on-exec and non-blocking; a failed Fd has the errno: EAGAIN when there is none.
Fd accept_connection(int listener);

// The user at the other end when it connected, in our user namespace: SO_PEERCRED. A negative errno when that cannot be
// told.
long peer_uid(int connection);

// The other end is closed for good: it neither says anything nor reads any more.
bool is_hung_up(int connection);

}  // namespace cinit::os
