// Where a log file lies, and who opens it for that reason: cinit itself only where no other user may change names.
#pragma once

#include <cstdint>
#include <string>

namespace cinit::output {

// Whether lines for the file go through cinit, or the service's process has the file itself. In a place of root's cinit takes
// what it can put aside: a regular file, or what will be one. What root has put there instead (a FIFO, a device, a link such
// as /dev/stdout) the service writes itself, and so it does with a file that has no greatest size: `max_size` is 0.
//
// In another place nothing can be said of the file before it is opened. There cinit takes all but what has no greatest size,
// and that, too, when the service has cinit's own user (`has_own_user`): its process would follow any user's links.
bool is_relayed(const std::string& path, std::uint64_t max_size, bool has_own_user);

// Whether the last name of the path is a link, as far as root alone may change it.
bool is_link(const std::string& path);

}  // namespace cinit::output
