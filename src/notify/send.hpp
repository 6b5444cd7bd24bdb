// The other end of sd_notify(3): what cinit itself tells whoever started it.
#pragma once

#include <string_view>

namespace cinit::notify {

// Sends `state`, such as "READY=1", to the value of a NOTIFY_SOCKET: an absolute path, or "@" and an abstract name. Never
// waits. False: nobody there takes it now, or it is an address of another kind.
bool send(std::string_view address, std::string_view state);

}  // namespace cinit::notify
