// What "cinit status" prints.
#pragma once

#include <span>
#include <string>

#include "control/words.hpp"

namespace cinit::control {

// A line with the names of the columns and a line for each service, without the last newline.
std::string status_table(std::span<const ServiceView> services, Time now);

// An array of objects, one service a line, without the last newline: RFC 8259. Bytes that are no UTF-8 become U+FFFD.
//
//   name, role            "service" or "main-command"
//   state                 idle, waiting, starting, running, backoff, stopping, done, failed, stopped
//   since_seconds         how long it has been in this state
//   pid                   null: it has no main process
//   restarts
//   exit_code, exit_signal    how its main process ended last; at most one of them is not null
//   ready                 a oneshot: it is done
//   health                "healthy", "unhealthy", null: not known, or it has no health check
//   background            what it has left running, the oldest first, and of many the first 20: [{"pid": 9, "name": "nginx"}]
//   detail, status        why it is in this state; what it says of itself; null: nothing
std::string status_json(std::span<const ServiceView> services, Time now);

}  // namespace cinit::control
