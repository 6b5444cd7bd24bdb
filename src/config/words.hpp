// The string form of `command`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/expand.hpp"

namespace cinit::config {

// `words` is meant to be used when there is no failure of kind Syntax; references without a value are in it as written.
struct Words {
  std::vector<std::string> words;
  std::vector<ExpandFailure> failures;
};

// Splits `text` as sh would, without a shell: quotes, backslashes and `${}` as in POSIX.1, "Shell Command Language",
// sections "Quoting" and "Field Splitting". An unquoted reference is split on blanks, and gives no word when it is empty;
// one in double quotes stays one word; in single quotes nothing is expanded. Quotes inside a value are data. `$X` and the
// patterns `*`, `?`, `[...]` stay as they are.
// What only a shell can do is a failure that says what to write instead: operators, substitutions, assignments in front of
// the command, comments, `~`, a second line. So is a quote without its end, and a text without any word.
Words split_words(std::string_view text, const Lookup& lookup);

}  // namespace cinit::config
