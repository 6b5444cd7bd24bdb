// Moving what is in a directory into another one, which may be on another file system.
#pragma once

#include <string>

namespace cinit::os {

// Whether anything is mounted in the directory, at any depth, or on it. An error of looking counts as that; without /proc nothing is.
bool holds_mounts(const std::string& path);

// Moves every entry of the directory `from` into the directory `to`. Directories that both have are merged; of anything else that
// both have, that in `to` stays. Files that are copied keep their owners and modes; sockets and devices are not copied, since
// nothing stands behind them. No link is followed. `from` is empty afterwards. Returns 0 or an errno.
int move_contents(const std::string& from, const std::string& to);

}  // namespace cinit::os
