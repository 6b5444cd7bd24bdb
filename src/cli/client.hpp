// The other end of the control socket: asks the cinit that runs in this container, and prints its answer.
#pragma once

#include <string>

#include "control/protocol.hpp"

namespace cinit::cli {

// Sends `request` to the cinit that answers at `socket`, and copies the answer to standard output and standard error until
// its end. Returns its exit code, or exit_code::kUnavailable with a line of why: nobody answers, or cinit has ended. While
// standard output is slow nothing is read, so that it is cinit that decides what becomes of the rest. Ends, with the code
// that SIGPIPE would give, when nobody reads standard output any more.
int ask(const std::string& socket, const control::Request& request);

}  // namespace cinit::cli
