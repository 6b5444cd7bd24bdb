// Where a program without a slash is looked for, as execvp(3) does. System calls only.
#pragma once

#include <errno.h>
#include <limits.h>

namespace cinit::os {

// Puts "directory/program" into `path`, which has room for PATH_MAX. Null: it is too long.
inline char* join_path(char* path, const char* directory, const char* directory_end, const char* program) {
  char* const limit = path + PATH_MAX - 1;
  char* out = path;
  for (; directory != directory_end && out < limit; ++directory) *out++ = *directory;
  if (out != path && out < limit) *out++ = '/';
  while (*program != '\0' && out < limit) *out++ = *program++;
  *out = '\0';
  return *program == '\0' && directory == directory_end ? path : nullptr;
}

inline bool has_slash(const char* text) {
  while (*text != '\0' && *text != '/') ++text;
  return *text == '/';
}

// A directory that cannot be searched, or holds something of that name that is no program, does not end the search; it is
// reported when nothing better is found.
inline bool search_goes_on_after(long error) {
  return error == -ENOENT || error == -ENOTDIR || error == -EACCES || error == -ENAMETOOLONG || error == -ELOOP ||
         error == -ESTALE || error == -ENODEV;
}

// Calls attempt(path) for each place where `program` may be, and returns its result that counts.
template <class Attempt>
long search_program(char* program, const char* search_path, const Attempt& attempt) {
  if (has_slash(program)) return attempt(program);
  if (*program == '\0') return -ENOENT;
  char path[PATH_MAX];
  long worst = -ENOENT;
  const char* directory = search_path;
  while (true) {
    const char* end = directory;
    while (*end != '\0' && *end != ':') ++end;
    const long result = join_path(path, directory, end, program) ? attempt(path) : -ENAMETOOLONG;
    if (!search_goes_on_after(result)) return result;
    if (result == -EACCES) worst = result;
    if (*end == '\0') return worst;
    directory = end + 1;
  }
}

}  // namespace cinit::os
