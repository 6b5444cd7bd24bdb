#include "os/exec_reason.hpp"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "os/exec.hpp"
#include "os/fd.hpp"

namespace cinit::os {
namespace {

constexpr std::size_t kHeadSize = 256;  // what the kernel looks at: BINPRM_BUF_SIZE

bool exists(const char* path, struct stat& status) { return sys::stat(AT_FDCWD, path, &status, 0) == 0; }

// Puts into `path` where a program is, or would be if it could be run. False when no directory of the search path has a file
// of that name.
bool find_program(char* path, const char* program, const char* search_path) {
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
      if (exists(path, status)) return true;
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

// The head of a regular file. Another user may have put a FIFO or a terminal in its place since: neither is waited for, and
// no terminal becomes ours.
std::size_t read_head(const char* path, char (&head)[kHeadSize]) {
  const Fd file(sys::open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status {};
  if (!file || sys::stat(file.get(), "", &status, AT_EMPTY_PATH) != 0 || !S_ISREG(status.st_mode)) return 0;
  const long size = sys::read(file.get(), head, sizeof(head));
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

void explain_missing_interpreter(Line& line, const char* path) {
  char head[kHeadSize];
  const char* begin = nullptr;
  std::size_t length = interpreter_of(head, read_head(path, head), begin);
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

void explain_refused(Line& line, const char* path) {
  struct stat status {};
  if (!exists(path, status)) {
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

void explain_exec_failure(Line& line, const char* program, const char* search_path, int error) {
  char path[PATH_MAX];
  struct stat status {};
  if (!find_program(path, program, search_path)) {
    line << program << ": not found in " << (search_path ? search_path : kDefaultPath);
  } else if (error == EACCES) {
    explain_refused(line, path);
  } else if (error == ENOENT && exists(path, status)) {
    explain_missing_interpreter(line, path);
  } else if (error == ENOENT) {
    line << path << ": No such file or directory";
  } else {
    line << path;
  }
}

void add_system_words(Line& line, int error) {
  if (error == ENOENT || error == EACCES) return;
  line << ": " << strerror(error);
  if (error == ENOEXEC) line << " (a program of another architecture?)";
}

}  // namespace cinit::os
