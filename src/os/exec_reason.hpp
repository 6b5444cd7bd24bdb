// Why a program could not be run, in more words than errno has.
#pragma once

#include "base/line.hpp"

namespace cinit::os {

// Appends why exec of `program` failed with `error`: "not found in /bin:/usr/bin", "its interpreter /bin/bash is missing",
// "its first line ends with CR LF...". `search_path` is what was searched for a program without a slash, null for
// kDefaultPath; `working_dir` is where a relative path began, null for our own. It looks at the file as it is now.
void explain_exec_failure(Line& line, const char* program, const char* search_path, const char* working_dir, int error);

}  // namespace cinit::os
