#include "os/exec.hpp"

#include <errno.h>

#include "os/exec_search.hpp"
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

}  // namespace

long exec_program(char** argv, char* const* envp, const char* search_path) {
  return exec_program_as(argv[0], argv, envp, search_path);
}

long exec_program_as(char* program, char** argv, char* const* envp, const char* search_path) {
  return search_program(program, search_path ? search_path : kDefaultPath,
                        [&](char* path) { return exec_file(argv, envp, path); });
}

}  // namespace cinit::os
