// /etc/container_environment: the environment as a directory, one file a variable. Boot hooks change the environment of
// everything that starts after them by writing files there.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "config/config.hpp"

namespace cinit::init {

inline constexpr char kEnvironmentDirectory[] = "/etc/container_environment";

// The directory and what goes with it. Images made for my_init read the two dumps, /etc/container_environment.sh and
// .json, in their login shells and cron jobs.
class ContainerEnvironment {
 public:
  // `root` is put in front of every path.
  explicit ContainerEnvironment(std::string root = "") : root_(std::move(root)) {}

  // Both readings return whether there is a directory that we may read. With an error they have changed nothing: what
  // the directory holds could not be found out, for a reason that may pass.

  // The first reading. Variables that the container has already (docker run -e) win over files; then every variable
  // gets a file, except those that belong to a user (HOME, USER...) and cinit's own (kOwnVariables). A new file may be
  // read by the group of the directory, and by nobody else (0640): its value may be a secret. What cannot be written
  // stays unwritten.
  Result<bool> import(config::Variables& variables);

  // After a hook: what it has written wins, and variables whose files it has removed are unset. A file that is as it
  // was is left alone: it may be one that could not be written, and then the container's own variable is still the
  // stronger. Those that belong to a user are never written, so theirs was written by somebody who wants it.
  Result<bool> reload(config::Variables& variables);

  // Writes the dumps, without cinit's own variables, in place, so that their owners and modes stay; where /etc cannot
  // be written, to /run/cinit. Where neither can be, there are none. The one for shells has nothing that belongs to a
  // user: it is another one who logs in.
  void dump(const config::Variables& variables) const;

  // Files of the last reading that were meant to be variables and are none, with the reason: they are too long for
  // execve(2), have a NUL in them, may not be read. A line each.
  const std::vector<std::string>& left_out() const { return left_out_; }

 private:
  Result<std::optional<config::Variables>> read();
  void write_files(const config::Variables& variables) const;
  std::string path(const char* name) const { return root_ + name; }

  std::string root_;
  config::Variables files_;  // what the last reading found
  std::vector<std::string> left_out_;
};

// `export NAME='VALUE'` lines for a shell; characters that a name cannot have become `_`. A name that begins with a
// digit would end the shell that reads it: it is a comment.
std::string to_shell(const config::Variables& variables);

// One object.
std::string to_json(const config::Variables& variables);

}  // namespace cinit::init
