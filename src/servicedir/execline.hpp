// One command line in the language of execlineb: what s6-rc has in the files "up" and "down" of a oneshot.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.hpp"

namespace cinit::servicedir {

struct CommandLine {
  std::vector<std::string> words;          // none: there are blanks and comments only
  std::optional<config::Problem> problem;  // then the words mean nothing
  // Why it is no plain command, if it is none: where there is an execlineb, that may run it, and otherwise it is a problem.
  std::optional<config::Problem> objection = {};
  // It begins with a program of execline, which the image may have where execlineb alone looks for it.
  bool is_execline = false;
  bool begins_with_exec = false;  // a shell would take it for the same
};

// Splits the text of a file into words as execlineb does: blanks and line breaks between them, comments, double quotes with
// the escapes of C and numbers, backslashes. `${X}` is no business of the lexer: it stays as it is.
// "exec" in front of the command, with -c, -l and -a, needs no program of execline. Blocks in braces, and the programs that only
// make sense with them or with substitution, are an objection that says what to do instead.
CommandLine parse_command_line(const std::string& file, std::string_view text);

// Whether the text begins as a script for another interpreter than execlineb does, which ignores that line as a comment.
bool begins_like_script(std::string_view text);

}  // namespace cinit::servicedir
