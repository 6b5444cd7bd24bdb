// A service's log file in a place where other users may change names, opened by the service's own process.
#pragma once

namespace cinit::os {

// For a process that has become the service's user, and has not called exec yet: opens the file at this absolute path for
// appending, or makes it. Links are followed with that user's rights; a link to nothing is EEXIST. The call may wait for the
// file system, and never for the reader of a FIFO (fifo(7): opened for reading and writing). System calls only.
//
// Returns a descriptor that exec leaves open and that waits as usual when it is written to, or a negative errno.
long open_output_as_user(const char* path);

}  // namespace cinit::os
