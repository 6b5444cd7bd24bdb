// Files in a place where another user may change names: os/trusted_path.hpp tells which these are.
//
// Nothing here is for PID 1: such a user can make each of these calls last (a lease, a file system of its own), and can have
// replaced every name by another. It is what the process of os/as_user.hpp does, in most cases with no more rights than that
// user has.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace cinit::os {

// The paths are relative to `directory`. On the way links are followed only where the effective user and root alone may
// change names. Elsewhere a link is refused, and so is a file with more than one name: another may be the true one.
//
// The messages of errors do not repeat the path.

// Opens a log file for appending, or makes it: a regular file, a FIFO or /dev/null. Of a FIFO it is the end for both
// directions, so that there is always a reader. Non-blocking and close-on-exec.
Result<Fd> open_foreign_log(int directory, const std::string& path);

// Renames NAME to NAME.1, NAME.1 to NAME.2 and so on, as put_aside() does, and makes NAME anew.
Result<Fd> rotate_foreign_log(int directory, const std::string& path, std::uint32_t max_files);

// The content of a regular file, at most `most` bytes: a longer one is an error.
Result<std::string> read_foreign_file(int directory, const std::string& path, std::size_t most);

// Renames `name` to NAME.1, NAME.1 to NAME.2 and so on, so that with a new one there are `max_files`, and removes what is too
// much. A name that is free ends the chain. Follows no link. Returns 0 or an errno.
int put_aside(int directory, const std::string& name, std::uint32_t max_files);

// Whether writing to what has this type, or closing it, never waits: a regular file, a FIFO that is open in non-blocking mode,
// /dev/null.
bool is_safe_to_write(const struct stat& status);

}  // namespace cinit::os
