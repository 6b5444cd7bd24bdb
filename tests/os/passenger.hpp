// Descriptors that are sent along with a message, and are closed by whoever drops them last.
#pragma once

#include <string>
#include <vector>

#include "os/fd.hpp"

namespace cinit::test {

// A unix socket in whose queue lies a TCP connection with bytes that no process reads and SO_LINGER of an hour: the last
// close(2) takes that long.
os::Fd lingering_passenger();

// Sends a message with descriptors along, which are closed here afterwards. Returns 0, or the errno.
int send_with(int socket, std::string text, std::vector<os::Fd> passengers, int flags = 0);

}  // namespace cinit::test
