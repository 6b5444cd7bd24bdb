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
};

// Splits the text of a file into words as execlineb does: blanks and line breaks between them, comments, double quotes with
// the escapes of C and numbers, backslashes. `${X}` is no business of the lexer: it stays as it is.
// It must be one plain command. Blocks in braces, and the programs of execline that only make sense with them or with
// substitution, are a problem that says what to do instead.
CommandLine parse_command_line(const std::string& file, std::string_view text);

// Whether the text begins as a script for another interpreter than execlineb does, which ignores that line as a comment.
bool begins_like_script(std::string_view text);

}  // namespace cinit::servicedir
