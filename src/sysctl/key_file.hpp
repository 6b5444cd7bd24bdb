// One file of /proc/sys.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cinit::sysctl {

// The value is missing when there is none to read: `error` is the errno then. Keys that can only be written have EACCES.
struct KeyRead {
  std::optional<std::string> value;  // white space folded
  int error = 0;
};

// What has been written of the value, and the errno of what was refused. The kernel takes the front of a value that it can
// make nothing more of, and says nothing: `left_out` is the rest, such as a comment behind a number.
struct KeyWrite {
  int error = 0;
  std::string_view left_out;
};

// For persist().
inline int code_of(const KeyRead& read) { return read.error; }
inline int code_of(const KeyWrite& written) { return written.error; }

// Neither follows a symbolic link or waits for a FIFO; what is no regular file fails with ENXIO, or EISDIR.
KeyRead read_key(const std::string& path);
// One write(2), with a newline behind the value, as proc_sys(5) wants it: the kernel does not put pieces together.
KeyWrite write_key(const std::string& path, std::string_view value);

// Whether the kernel lets nobody write it. Permission bits are all that root has on /proc/sys.
bool is_read_only(const std::string& path);

}  // namespace cinit::sysctl
