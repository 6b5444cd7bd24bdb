// Why a program could not be run, in more words than errno has.
#pragma once

#include <cstddef>

#include "base/line.hpp"

namespace cinit::os {

// An exec that has failed: what exec_program() was given, and its errno.
struct ExecFailure {
  char* const* argv;
  char* const* envp;
  const char* search_path;
  int error;
};

// Appends why it failed: "not found in /bin:/usr/bin", "its interpreter /bin/bash is missing", "its first line ends with CR LF",
// "is a program for aarch64, and this machine is x86_64", "uid 33 may not enter /root", "the variable HUGE is 200005 bytes long".
// It looks at the file as it is now, with the rights and from the working directory of the calling process.
//
// For the process that failed: it opens a file that another user may have put there. It uses system calls only, no state of
// libc, so a child that shares our memory may call it.
void explain_exec_failure(Line& line, const ExecFailure& failure);

// Appends which directory on the way to `path`, itself included, the calling process may not enter. False: there is none.
bool explain_no_entry(Line& line, const char* path);

// Appends the system's words for `error` where explain_exec_failure() has only named the file.
void add_system_words(Line& line, int error);

}  // namespace cinit::os
