// Directories that s6-svscan looks after, such as /etc/services.d.
#pragma once

#include <string>

#include "servicedir/found.hpp"
#include "servicedir/tree.hpp"

namespace cinit::servicedir {

// Every service in the directory, and its logger, which is called NAME/log. ./run and ./finish need not be there yet.
Found read_s6(const std::string& path);

// The service that s6-supervise makes of the directory, as its files say: notification-fd, timeout-kill, timeout-finish,
// down-signal, max-death-tally. ./run gets `name` as its argument. What cannot be understood, or has no effect with cinit, is
// a problem of its file.
config::Service read_s6_service(const Directory& directory, const std::string& name,
                                std::vector<config::Problem>& problems);

}  // namespace cinit::servicedir
