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
// already is in the way: EADDRINUSE. A failed Fd has the errno. It and its connections refuse descriptors where the kernel
// can do that: see refuse_descriptors().
Fd listen_at(const UnixAddress& address);

// Whether a process accepts connections there. Does not wait. Returns 0, or an errno: ECONNREFUSED when none does. `peer`, if
// it is not null, is that process when it called listen(2): SO_PEERCRED of unix(7).
int try_connect(const UnixAddress& address, ucred* peer = nullptr);

// The next connection, close-on-exec and non-blocking; a failed Fd has the errno: EAGAIN when there is none. One whose other
// end has gone already is a connection, too, that has ended. Its end is Discarder::close().
Fd accept_connection(int listener);

// As recv(2) with MSG_DONTWAIT, but descriptors never reach this process: -EPERM when the next bytes come with some. They
// are still in the queue then, and nothing can be received any more.
long receive_text(int connection, void* buffer, std::size_t size);

// The effective user at the other end when it called connect(2), in our user namespace: SO_PEERCRED of unix(7). A negative
// errno when that cannot be told. What that process does afterwards (exec, another user, its end and the next process with
// its pid) changes nothing: the connection is that user's, whoever else is given it.
long peer_uid(int connection);

// The other end is closed for good: it neither says anything nor reads any more.
bool is_hung_up(int connection);

}  // namespace cinit::os
