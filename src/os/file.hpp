// Files that cinit opens for itself or for its services.
#pragma once

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/passing.hpp"
#include "base/result.hpp"
#include "os/fd.hpp"
#include "os/trusted_path.hpp"

namespace cinit::os {

using cinit::may_pass;

// Every path here is found as find_place_anywhere() does: a link that another user could have made leads nowhere (ELOOP). Only
// regular files are read and written, those of /proc and /sys included, and /dev/null; anything else is opened without waiting
// and without becoming our terminal, and refused.

// The whole content of a file, at most `most` bytes: a longer one is an error. The message does not repeat the path. An error
// has the errno, ENOTSUP for what is no regular file.
Result<std::string> read_file(const std::string& path, std::size_t most);
// The same for a file that is open.
Result<std::string> read_file(const Fd& file, std::size_t most);

// The names in a directory, sorted by their bytes (the order of the C locale), without "." and "..". The message does not
// repeat the path; the error has the errno.
Result<std::vector<std::string>> list_directory(const std::string& path);

// The same for a directory that is open.
Result<std::vector<std::string>> list_entries(const Fd& place);

// Makes a file that is not there yet; a link in its place is not followed. Returns 0 or an errno.
int create_file(const std::string& path, std::string_view content, mode_t mode);

// Replaces the content of a file that exists. Returns 0 or an errno.
int overwrite_file(const std::string& path, std::string_view content);

// Replaces the content of a file in place, so that its owner and mode stay; a new one gets `mode`. Returns 0 or an errno: ENOTSUP for
// what is no regular file, EMLINK for a file with a second name where another user may have made that name.
int write_file(const std::string& path, std::string_view content, mode_t mode);

// The same for a value that may be a secret: a new file is readable for its owner, and for the group of the directory (0640).
int write_value(const std::string& path, std::string_view content);

// Puts a new file in the place of `name` in `directory`: a reader sees all of the old content or all of the new one. `name`.new
// is used for it, and what another user has put there (a FIFO, a link) is removed. Returns 0 or an errno.
int replace_file(const Fd& directory, const char* name, std::string_view content, mode_t mode);

// Opens what has this name itself, as Place::open() does: a link fails with ELOOP. A failed Fd has the errno.
Fd open_file_itself(const std::string& path, int flags);

// lstat(2), which waits for no user's file system: see os/look.hpp. Returns 0 or an errno.
int look_at_itself(const std::string& path, struct stat& status);
// Whether there is anything at the path, by links of any user. Returns 0, or the errno (ENOENT, ENOTDIR: there is not).
int look_for(const std::string& path);

// Removes a file, or the link of that name; an empty directory. Return 0 or an errno.
int remove_file(const std::string& path);
int remove_directory(const std::string& path);

// mkdir(2), with what is missing on the way (0755). One that is there already is no error, and a link of root's to nothing gets what
// it leads to. Returns 0 or an errno.
int make_directories(const std::string& path, mode_t mode);

// Opens a log file for appending, and makes it when it is not there, for `uid` and `gid` when those are not -1. It never
// waits for a reader of a FIFO, neither now nor while there is none (fifo(7): opened for reading and writing). A failed Fd
// has the errno; EPERM when the place is not trusted: see os/as_user.hpp.
Fd open_log(const Place& place, uid_t uid, gid_t gid);

// /dev/null for both directions; without it (a root directory with an empty /dev) a pipe that is at its end, for reading.
Fd open_null();

// Lets every user open what descriptor `fd` refers to by its name, /dev/stdout or /dev/stderr, for writing: a pipe or a
// terminal belongs to whoever made it, and a service's user may be another. Anything else is left alone. False: refused.
bool share_for_writing(int fd);

// Descriptors 0, 1 and 2 that are closed become /dev/null: whatever is opened next would take their place.
void open_standard_descriptors();

// Closes every descriptor from `first` on: close_range(2).
void close_from(int first);

// How many descriptors this process may have: RLIMIT_NOFILE.
rlimit64 descriptor_limit();
// Lets it have as many as it could allow itself. Returns what the limit was, when it is another one now.
std::optional<rlimit64> raise_descriptor_limit();

// The descriptors above 2 that were open when we started, now close-on-exec. For who is to inherit them all the same.
std::vector<int> take_inherited_descriptors();

}  // namespace cinit::os
