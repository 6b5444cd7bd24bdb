// with-contenv of s6-overlay: runs a program in the environment of the container. It is the interpreter of many a script:
// "#!/usr/bin/with-contenv sh".
//
// What it does not share with it: variables that are not of the container stay; without /run/s6/container_environment the
// program runs all the same.
#include <errno.h>
#include <stdlib.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/exit_code.hpp"
#include "base/line.hpp"
#include "dropin/print.hpp"
#include "dropin/programs.hpp"
#include "os/exec.hpp"
#include "os/exec_reason.hpp"
#include "servicedir/contenv.hpp"

namespace cinit::dropin {
namespace {

using servicedir::Contenv;
using servicedir::EnvironmentFiles;

// As with all programs of s6 and execline.
constexpr int kWrongUsage = 100;
constexpr int kSystemCallFailed = 111;
constexpr char kOldContainerEnvironment[] = "/var/run/s6/container_environment";
constexpr std::string_view kPath = "PATH=";

Result<Contenv> read_files() {
  const char* const keep = getenv("S6_KEEP_ENV");
  if (keep && servicedir::keeps_environment(keep)) return Contenv();
  for (const char* const directory : {servicedir::kContainerEnvironment, kOldContainerEnvironment}) {
    Result<std::optional<Contenv>> found = servicedir::read_contenv(directory);
    if (!found) return Error{std::string(directory) + ": " + found.error().message};
    if (*found) return **std::move(found);
  }
  return Contenv();
}

// Of a user who may not read them. Those that are in the environment already are not missed.
void warn_of_missing(const std::vector<std::string>& forbidden) {
  std::string missing;
  for (const std::string& name : forbidden) {
    if (!getenv(name.c_str())) missing.append(missing.empty() ? "" : ", ").append(name);
  }
  if (missing.empty()) return;
  print(2, "with-contenv: not set, for want of permission to read " + std::string(servicedir::kContainerEnvironment) +
               ": " + missing + "\n");
}

// "NAME=VALUE" strings: what the files say in the place of what `envp` has, which is kept otherwise.
std::vector<std::string> merge(char* const* envp, const EnvironmentFiles& files) {
  std::vector<std::string> variables;
  for (; *envp; ++envp) {
    const std::string_view variable = *envp;
    if (!files.contains(std::string(variable.substr(0, variable.find('='))))) variables.emplace_back(variable);
  }
  for (const auto& [name, value] : files) {
    if (value) variables.push_back(std::string(name).append("=").append(*value));
  }
  return variables;
}

int report_failure(const os::ExecFailure& failure) {
  Line line;
  line << "with-contenv: ";
  if (std::string_view(failure.argv[0]).ends_with('\r')) {
    line << "the first line of the script ends with CR LF; convert the file to Unix line ends";
  } else {
    os::explain_exec_failure(line, failure);
    os::add_system_words(line, failure.error);
  }
  print(2, line.line());
  return failure.error == ENOENT ? exit_code::kNotFound : exit_code::kNotExecutable;
}

}  // namespace

int run_with_contenv(char** argv, char** envp) {
  char** const command = argv + 1;
  if (!command[0]) {
    print(2, "with-contenv: usage: with-contenv PROGRAM ARGS...\n");
    return kWrongUsage;
  }
  const Result<Contenv> found = read_files();
  if (!found) {
    print(2, "with-contenv: " + found.error().message + "\n");
    return kSystemCallFailed;
  }
  warn_of_missing(found->forbidden);
  std::vector<std::string> variables = merge(envp, found->files);
  std::vector<char*> pointers;
  const char* search_path = nullptr;
  for (std::string& variable : variables) {
    pointers.push_back(variable.data());
    if (variable.starts_with(kPath)) search_path = variable.c_str() + kPath.size();
  }
  pointers.push_back(nullptr);
  const long result = os::exec_program(command, pointers.data(), search_path);
  return report_failure({command, pointers.data(), search_path, static_cast<int>(-result)});
}

}  // namespace cinit::dropin
