// The environment of a container as s6-overlay's programs and scripts know it: a directory with one file a variable.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"

namespace cinit::servicedir {

inline constexpr char kContainerEnvironment[] = "/run/s6/container_environment";

// Whether scripts and services have the container's environment without with-contenv, by the value of S6_KEEP_ENV: a number
// other than 0 says so.
bool keeps_environment(std::string_view s6_keep_env);

// A value for each file; nothing for an empty one, which says that there is to be no such variable: s6-envdir(8).
using EnvironmentFiles = std::map<std::string, std::optional<std::string>>;

// What a directory holds.
struct Contenv {
  EnvironmentFiles files;
  std::vector<std::string> forbidden;  // variables whose files we may not read
};

// A newline at the end of a file is none of the value's, NUL bytes in it are newlines. Hidden files, and those that cannot be a
// variable (a "=" in the name, more than execve(2) takes), are passed over. std::nullopt: there is no directory. An error, with
// its errno: for a reason that may pass it could not be read.
Result<std::optional<Contenv>> read_contenv(const std::string& directory);

// Makes the directory (0755) with those that it is in, and a file for each variable that can have one; other files are removed,
// but for hidden ones. A file may be read by the group of the directory, and by nobody else (0640): its value may be a secret.
// It holds the bare value, with a newline where it would not be read back otherwise. Returns 0, or the errno of the first file
// that could not be written: the others are, all the same.
int write_contenv(const std::string& directory, const config::Variables& variables);

}  // namespace cinit::servicedir
