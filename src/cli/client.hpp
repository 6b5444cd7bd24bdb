// The other end of the control socket: asks the cinit that runs in this container, and prints its answer.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "control/protocol.hpp"
#include "control/socket_place.hpp"

namespace cinit::cli {

// A cinit that runs answers within milliseconds.
inline constexpr Duration kPatience = std::chrono::seconds(10);
// Of a health check, which a container's engine gives up after 30 s unless it was told otherwise.
inline constexpr Duration kHealthPatience = std::chrono::seconds(5);

// Sends `request` to the cinit that answers at the first of `places` where one does, and copies the answer to standard output and standard error until
// its end. Returns its exit code, or exit_code::kUnavailable with a line of why: no cinit answers, it has ended, or it was
// silent for longer than `patience` and had not said that the answer takes its time ("wait" of control/protocol.hpp).
// While standard output is slow nothing is read, so that it is cinit that decides what becomes of the rest. Ends, with the
// code that SIGPIPE would give, when no process reads standard output any more.
// `if_none`, if it is set and gives a code, has printed what there is to say when no socket is there.
int ask(const std::vector<control::SocketPlace>& places, const control::Request& request, Duration patience = kPatience,
        const std::function<std::optional<int>()>& if_none = {});

}  // namespace cinit::cli
