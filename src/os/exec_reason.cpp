#include "os/exec_reason.hpp"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <string_view>

#include "os/exec.hpp"
#include "os/program_file.hpp"
#include "os/syscall.hpp"

namespace cinit::os {
namespace {

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

void explain_missing_interpreter(Line& line, const char* path) {
  const ProgramHead head(path);
  std::string_view interpreter = interpreter_of(head.text());
  if (interpreter.empty()) {
    line << path
         << ": the dynamic loader or another interpreter that it needs is missing (a program of another libc, or "
         << "of another image?)";
  } else if (interpreter.ends_with('\r')) {
    interpreter.remove_suffix(1);
    line << path << ": its first line ends with CR LF, so it asks for the interpreter \"" << interpreter
         << "\\r\", which does not exist; convert the file to Unix line ends";
  } else {
    line << path << ": its interpreter " << interpreter << " does not exist";
  }
}

// What kind of file the kernel did not take for a program.
void explain_format(Line& line, const char* path) {
  const ProgramHead head(path);
  const std::string_view platform = platform_of(head.text());
  if (platform.empty()) {
    line << " is neither a program nor a text";
  } else if (platform == own_platform()) {
    line << " is no complete program (cut off?)";
  } else {
    line << " is a program for " << platform << ", and this machine is " << own_platform();
  }
}

void explain_no_program(Line& line, const char* path) {
  const ProgramHead head(path);
  line << path;
  if (!is_script(head.text())) return explain_format(line, path);
  const std::string_view interpreter = interpreter_of(head.text());
  char name[kProgramHeadSize + 1] = {};
  memcpy(name, interpreter.data(), interpreter.size());
  if (interpreter.empty()) {
    line << ": its first line names no interpreter";
  } else {
    explain_format(line << ": its interpreter " << interpreter, name);
  }
}

std::int64_t own_uid() { return sys::call(SYS_geteuid); }

std::int64_t number(std::size_t value) { return static_cast<std::int64_t>(value); }

bool may_run(const char* path) { return sys::faccess(path, X_OK) == 0; }

void append_rights(Line& line, const struct stat& status) {
  const auto digit = [&](unsigned shift) { return static_cast<int>((status.st_mode >> shift) & 7U); };
  line << "mode 0" << digit(6) << digit(3) << digit(0) << ", of uid " << static_cast<std::int64_t>(status.st_uid);
}

bool forbids_programs(const char* path) {
  constexpr long kNoExec = 8;  // ST_NOEXEC of statfs(2)
  struct statfs64 status {};
  return sys::call(SYS_statfs, sys::word(path), sys::word(&status)) == 0 && (status.f_flags & kNoExec) != 0;
}

// Of a file that is there.
void explain_no_right(Line& line, const char* path, const struct stat& status) {
  if ((status.st_mode & 0111) == 0) {
    line << path << " is not executable (chmod +x)";
  } else if (forbids_programs(path)) {  // which access(2) takes for a mode
    line << path << " is on a file system that is mounted with noexec";
  } else if (!may_run(path)) {
    line << path << ": uid " << own_uid() << " may not run it (";
    append_rights(line, status);
    line << ")";
  } else {
    line << path << ": permission denied";
  }
}

void explain_refused(Line& line, const char* path) {
  struct stat status {};
  if (!exists(path, status)) {
    if (!explain_no_entry(line << path << ": ", path)) line << "permission denied on the way to it";
  } else if (S_ISDIR(status.st_mode)) {
    line << path << " is a directory";
  } else if (!S_ISREG(status.st_mode)) {
    line << path << " is no regular file";
  } else {
    const ProgramHead head(path);
    const std::string_view interpreter = may_run(path) ? interpreter_of(head.text()) : std::string_view();
    char name[kProgramHeadSize + 1] = {};
    memcpy(name, interpreter.data(), interpreter.size());
    struct stat of_interpreter {};
    const bool is_its = !interpreter.empty() && !forbids_programs(path) && exists(name, of_interpreter);
    if (is_its) line << path << ": its interpreter ";
    explain_no_right(line, is_its ? name : path, is_its ? of_interpreter : status);
  }
}

// ---- Too much of it: execve(2), "Limits on size of arguments and environment".

struct Longest {
  const char* text = nullptr;
  std::size_t size = 0;  // with the NUL
};

// Returns the bytes that all of them take: each with its NUL and a pointer.
std::size_t measure(char* const* texts, Longest& longest) {
  std::size_t total = 0;
  for (; *texts != nullptr; ++texts) {
    const std::size_t size = strlen(*texts) + 1;
    total += size + sizeof(char*);
    if (size > longest.size) longest = {*texts, size};
  }
  return total;
}

void append_variable(Line& line, const Longest& variable) {
  constexpr std::size_t kMostName = 64;
  const char* const equals = strchr(variable.text, '=');
  const std::size_t length = equals ? static_cast<std::size_t>(equals - variable.text) : 0;
  line << "the variable " << std::string_view(variable.text, length < kMostName ? length : kMostName) << " is "
       << number(variable.size) << " bytes long";
}

void explain_too_much(Line& line, const ExecFailure& failure) {
  constexpr std::size_t kMostOfOne = 32 * 4096;  // MAX_ARG_STRLEN
  Longest argument;
  Longest variable;
  const std::size_t total = measure(failure.argv, argument) + measure(failure.envp, variable);
  line << failure.argv[0] << ": ";
  if (variable.size > kMostOfOne) {
    append_variable(line, variable);
    line << ", more than the " << number(kMostOfOne) << " that the kernel takes";
  } else if (argument.size > kMostOfOne) {
    line << "an argument is " << number(argument.size) << " bytes long, more than the " << number(kMostOfOne)
         << " that the kernel takes";
  } else {
    rlimit64 stack{};
    sys::getrlimit(RLIMIT_STACK, &stack);
    line << "its arguments and its environment take " << number(total)
         << " bytes, more than the kernel allows (a quarter of the "
         << "stack's limit, which is " << static_cast<std::int64_t>(stack.rlim_cur) << ")";
    if (variable.size > 0) append_variable(line << "; ", variable);
  }
}

}  // namespace

bool explain_no_entry(Line& line, const char* path) {
  char directory[PATH_MAX];
  for (std::size_t length = 1; path[length - 1] != '\0' && length < sizeof(directory); ++length) {
    const bool is_end = path[length] == '\0';
    if (!is_end && path[length] != '/') continue;
    memcpy(directory, path, length);
    directory[length] = '\0';
    struct stat status {};
    if (!exists(directory, status) || !S_ISDIR(status.st_mode)) return false;
    if (may_run(directory)) continue;
    line << "uid " << own_uid() << " may not enter " << directory << " (";
    append_rights(line, status);
    line << ")";
    return true;
  }
  return false;
}

void explain_exec_failure(Line& line, const ExecFailure& failure) {
  const char* const program = failure.argv[0];
  const int error = failure.error;
  char path[PATH_MAX];
  struct stat status {};
  if (error == E2BIG) {
    explain_too_much(line, failure);
  } else if (!find_program(path, program, failure.search_path)) {
    line << program << ": not found in " << (failure.search_path ? failure.search_path : kDefaultPath);
  } else if (error == EACCES) {
    explain_refused(line, path);
  } else if (error == ENOEXEC) {
    explain_no_program(line, path);
  } else if (error == ENOENT && exists(path, status)) {
    explain_missing_interpreter(line, path);
  } else if (error == ENOENT) {
    line << path << ": No such file or directory";
  } else {
    line << path;
  }
}

void add_system_words(Line& line, int error) {
  if (error == ENOENT || error == EACCES || error == ENOEXEC || error == E2BIG) return;
  line << ": " << strerror(error);
}

}  // namespace cinit::os
