// Becoming another program, as execvp(3) does, with system calls only: also for what runs between clone(2) and exec(2).
#pragma once

namespace cinit::os {

// "/usr/local/sbin:...": what is searched when PATH is not set.
extern const char kDefaultPath[];

// Becomes argv[0], with `argv` (null-terminated) and `envp`. A program without a slash is looked for in the directories of
// `search_path`, with colons between as in PATH; null: kDefaultPath. There must be one writable slot before argv[0]: a text
// file without a shebang is run as /bin/sh FILE ARGS, for which it is used. Returns only when that fails: the negative of an
// errno(3) constant.
long exec_program(char** argv, char* const* envp, const char* search_path);

// The same for `program`, whatever argv[0] says.
long exec_program_as(char* program, char** argv, char* const* envp, const char* search_path);

}  // namespace cinit::os
