#include "os/exec.hpp"

#include <errno.h>
#include <limits.h>

#include "os/program_file.hpp"
#include "os/syscall.hpp"

namespace cinit::os {

const char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

namespace {

bool is_for_shell(const char* path) {
  const ProgramHead head(path);
  return !is_script(head.text()) && is_shell_text(head.text());
}

// As execvp(3) does: a file that the kernel cannot run, because it has no shebang, is a script of /bin/sh. But only text is: a
// shell would carry out what it takes for commands in a program of another machine.
long exec_file(char** argv, char* const* envp, char* path) {
  const long result = sys::execve(path, argv, envp);
  if (result != -ENOEXEC || !is_for_shell(path)) return result;
  static char shell[] = "/bin/sh";
  char* const before_program = argv[-1];
  char* const program = argv[0];
  argv[-1] = shell;
  argv[0] = path;
  sys::execve(shell, argv - 1, envp);
  argv[-1] = before_program;
  argv[0] = program;
  return result;
}

// Puts "directory/program" into `path`, and returns where the next directory begins. Null: the path is too long.
char* join(char* path, const char* directory, const char* directory_end, const char* program) {
  char* const limit = path + PATH_MAX - 1;
  char* out = path;
  for (; directory != directory_end && out < limit; ++directory) *out++ = *directory;
  if (out != path && out < limit) *out++ = '/';
  while (*program != '\0' && out < limit) *out++ = *program++;
  *out = '\0';
  return *program == '\0' && directory == directory_end ? path : nullptr;
}

bool has_slash(const char* text) {
  while (*text != '\0' && *text != '/') ++text;
  return *text == '/';
}

// A directory that cannot be searched, or holds something of that name that is no program, does not end the search; it is
// reported when nothing better is found.
bool goes_on_after(long error) {
  return error == -ENOENT || error == -ENOTDIR || error == -EACCES || error == -ENAMETOOLONG || error == -ELOOP ||
         error == -ESTALE || error == -ENODEV;
}

}  // namespace

long exec_program(char** argv, char* const* envp, const char* search_path) {
  return exec_program_as(argv[0], argv, envp, search_path);
}

long exec_program_as(char* program, char** argv, char* const* envp, const char* search_path) {
  if (has_slash(program)) return exec_file(argv, envp, program);
  if (*program == '\0') return -ENOENT;
  char path[PATH_MAX];
  long worst = -ENOENT;
  const char* directory = search_path ? search_path : kDefaultPath;
  while (true) {
    const char* end = directory;
    while (*end != '\0' && *end != ':') ++end;
    const long result = join(path, directory, end, program) ? exec_file(argv, envp, path) : -ENAMETOOLONG;
    if (!goes_on_after(result)) return result;
    if (result == -EACCES) worst = result;
    if (*end == '\0') return worst;
    directory = end + 1;
  }
}

}  // namespace cinit::os
