// execline's exec, for command lines of s6-rc in images without execline: runs a program with another environment or name.
//
//   exec [-c] [-l] [-a NAME] PROGRAM ARGS...
#include "os/exec.hpp"

#include <errno.h>

#include <string>
#include <string_view>

#include "base/exit_code.hpp"
#include "base/line.hpp"
#include "dropin/print.hpp"
#include "dropin/programs.hpp"
#include "os/exec_reason.hpp"

namespace cinit::dropin {
namespace {

constexpr int kExecUsage = 100;  // as with all programs of execline

struct ExecOptions {
  bool empty_environment = false;  // -c
  bool login = false;              // -l: a dash in front of its name
  const char* name = nullptr;      // -a
  char** command = nullptr;        // null: the usage is wrong
};

ExecOptions parse_exec(char** argv) {
  ExecOptions options;
  char** word = argv + 1;
  for (; *word && (*word)[0] == '-' && (*word)[1] != '\0'; ++word) {
    if (*word == std::string_view("--")) {
      ++word;
      break;
    }
    for (const char* letter = *word + 1; *letter != '\0'; ++letter) {
      if (*letter == 'c') {
        options.empty_environment = true;
      } else if (*letter == 'l') {
        options.login = true;
      } else if (*letter == 'a') {
        options.name = letter[1] != '\0' ? letter + 1 : *++word;
        break;
      } else {
        return options;
      }
    }
    if (!*word) return options;
  }
  if (*word) options.command = word;
  return options;
}

}  // namespace

int run_exec(char** argv, char** envp) {
  const ExecOptions options = parse_exec(argv);
  if (!options.command) {
    print(2, "exec: usage: exec [-c] [-l] [-a NAME] PROGRAM ARGS...\n");
    return kExecUsage;
  }
  const char* search_path = nullptr;
  constexpr std::string_view kVariable = "PATH=";
  for (char** variable = envp; *variable; ++variable) {
    if (std::string_view(*variable).starts_with(kVariable)) search_path = *variable + kVariable.size();
  }
  char* const nothing[] = {nullptr};
  std::string program = options.command[0];
  std::string name = options.name ? options.name : program;
  if (options.login) name.insert(0, "-");
  options.command[0] = name.data();
  const long result =
      os::exec_program_as(program.data(), options.command, options.empty_environment ? nothing : envp, search_path);
  const int error = static_cast<int>(-result);
  Line line;
  line << "exec: ";
  options.command[0] = program.data();
  os::explain_exec_failure(line, {options.command, envp, search_path, error});
  os::add_system_words(line, error);
  print(2, line.line());
  return error == ENOENT ? exit_code::kNotFound : exit_code::kNotExecutable;
}

}  // namespace cinit::dropin
