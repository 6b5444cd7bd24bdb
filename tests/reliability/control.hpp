// A client of the control socket, on this side of the container.
#pragma once

#include <string>

#include "text.hpp"

namespace cinit::reliability {

// A descriptor connected to the socket at `path`, -1 when that fails. It does not wait for longer than `limit` in any call.
int connect_to(const std::string& path, Duration limit);

// Sends one request and reads the answer to its end. Empty when there is none within `limit`.
std::string ask(const std::string& path, const std::string& request, Duration limit);

}  // namespace cinit::reliability
