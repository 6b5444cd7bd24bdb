#include "os/exec_reason.hpp"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/exec.hpp"
#include "os/fd.hpp"

namespace cinit::os {
namespace {

constexpr std::size_t kHeadSize = 256;  // what the kernel looks at: BINPRM_BUF_SIZE

// Puts into `path` where a program is, or would be if it could be run; relative paths begin in `directory`. False when no
// directory of the search path has a file of that name.
bool find_program(char* path, const char* program, const char* search_path, int directory) {
  if (*program == '\0') return false;
  if (strchr(program, '/')) {
    strncpy(path, program, PATH_MAX - 1);
    path[PATH_MAX - 1] = '\0';
    return true;
  }
  for (const char* at = search_path ? search_path : kDefaultPath; at;) {
    const char* colon = strchr(at, ':');
    const std::size_t length = colon ? static_cast<std::size_t>(colon - at) : strlen(at);
    if (length + strlen(program) + 2 < PATH_MAX) {
      memcpy(path, at, length);
      char* const name = path + length;
      if (length > 0) *name = '/';  // an empty entry is the working directory
      strcpy(length > 0 ? name + 1 : name, program);
      struct stat status {};
      if (fstatat(directory, path, &status, 0) == 0) return true;
    }
    at = colon ? colon + 1 : nullptr;
  }
  return false;
}

// The interpreter of a script: the first word behind "#!". Its length, 0 when the file is no script.
std::size_t interpreter_of(const char* head, std::size_t size, const char*& begin) {
  if (size < 3 || head[0] != '#' || head[1] != '!') return 0;
  const char* const end = head + size;
  begin = head + 2;
  while (begin < end && (*begin == ' ' || *begin == '\t')) ++begin;
  const char* at = begin;
  while (at < end && *at != ' ' && *at != '\t' && *at != '\n' && *at != '\0') ++at;
  return static_cast<std::size_t>(at - begin);
}

void explain_missing_interpreter(Line& line, const char* path, int directory) {
  char head[kHeadSize];
  const Fd file(sys::open(directory, path, O_RDONLY | O_CLOEXEC));
  const long size = file ? sys::read(file.get(), head, sizeof(head)) : 0;
  const char* begin = nullptr;
  std::size_t length = interpreter_of(head, size > 0 ? static_cast<std::size_t>(size) : 0, begin);
  if (length == 0) {
    line << path
         << ": the dynamic loader or another interpreter that it needs is missing (a program of another libc, or "
         << "of another image?)";
  } else if (begin[length - 1] == '\r') {
    line << path << ": its first line ends with CR LF, so it asks for the interpreter \""
         << std::string_view(begin, length - 1) << "\\r\", which does not exist; convert the file to Unix line ends";
  } else {
    line << path << ": its interpreter " << std::string_view(begin, length) << " does not exist";
  }
}

void explain_refused(Line& line, const char* path, int directory) {
  struct stat status {};
  if (fstatat(directory, path, &status, 0) != 0) {
    line << path << ": permission denied on the way to it";
  } else if (S_ISDIR(status.st_mode)) {
    line << path << " is a directory";
  } else if (!S_ISREG(status.st_mode)) {
    line << path << " is no regular file";
  } else if ((status.st_mode & 0111) == 0) {
    line << path << " is not executable (chmod +x)";
  } else {
    line << path << ": permission denied (its mode, that of its interpreter, or a mount with noexec)";
  }
}

}  // namespace

void explain_exec_failure(Line& line, const char* program, const char* search_path, const char* working_dir,
                          int error) {
  const Fd directory(working_dir ? sys::open(AT_FDCWD, working_dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1);
  const int at = directory ? directory.get() : AT_FDCWD;
  char path[PATH_MAX];
  if (!find_program(path, program, search_path, at)) {
    line << program << ": not found in " << (search_path ? search_path : kDefaultPath);
    return;
  }
  struct stat status {};
  const bool exists = fstatat(at, path, &status, 0) == 0;
  if (error == ENOENT && exists) return explain_missing_interpreter(line, path, at);
  if (error == EACCES) return explain_refused(line, path, at);
  line << path << ": " << strerror(error);
  if (error == ENOEXEC) line << " (a program of another architecture?)";
}

}  // namespace cinit::os
