// What is wrong with a configuration, and where.
#pragma once

#include <span>
#include <string>

#include "config/config.hpp"

namespace cinit::config {

// As compilers write it: "/etc/cinit.toml:3:1". Line and column are left out where there is none.
std::string to_string(const Location& where);

enum class Severity { Warning, Error };

// One finding. The message is one line, names what was expected, and never holds the value of a variable.
struct Problem {
  Severity severity = Severity::Error;
  Location where;
  std::string message;
  // It says that something could not be looked at, for a reason that may be gone the next time (no descriptor, no memory).
  bool may_pass = false;
};

// With its place in front, so that editors find it: `/etc/cinit.toml:3:1: error: unknown key "comand" in ...`.
std::string to_string(const Problem& problem);

// Whether one of them is more than a warning; may pass.
bool has_errors(std::span<const Problem> problems);
bool may_pass(std::span<const Problem> problems);

}  // namespace cinit::config
