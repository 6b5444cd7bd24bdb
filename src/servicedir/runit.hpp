// Directories that runsvdir(8) looks after, such as /etc/service.
#pragma once

#include <string>

#include "servicedir/found.hpp"

namespace cinit::servicedir {

// Every service in the directory, and its logger, which is called NAME/log. Files that are looked at only when they are
// needed, as runsv(8) does, need not be there yet: run, finish, control/*.
Found read_runit(const std::string& path);

}  // namespace cinit::servicedir
