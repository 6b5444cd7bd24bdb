// Why a program could not be run, in more words than errno has.
#pragma once

#include <cstddef>

#include "base/line.hpp"

namespace cinit::os {

// Appends why exec of `program` failed with `error`: "not found in /bin:/usr/bin", "its interpreter /bin/bash is missing",
// "its first line ends with CR LF...". `search_path` is what was searched for a program without a slash, null for
// kDefaultPath. It looks at the file as it is now, with the rights and from the working directory of the calling process.
//
// For the process that failed: it opens a file that another user may have put there. It uses system calls only, no state of
// libc, so a child that shares our memory may call it.
void explain_exec_failure(Line& line, const char* program, const char* search_path, int error);

// Appends the system's words for `error` where explain_exec_failure() has only named the file.
void add_system_words(Line& line, int error);

}  // namespace cinit::os
