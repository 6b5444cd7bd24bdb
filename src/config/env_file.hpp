// Files of NAME=VALUE lines, as docker's --env-file and systemd's EnvironmentFile= have them.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "config/config.hpp"

namespace cinit::config {

// Reads the text of such a file. Blank lines and lines that begin with `#` are skipped, `export ` in front of a name too,
// and so are blanks around the value and one pair of quotes that encloses all of it. Everything else in a value is taken
// as it is: nothing is expanded, a `#` behind a value belongs to it. The last assignment of a name wins.
// The error, of the first line that is wrong, begins with `file` and the line's number and never shows a value.
Result<Variables> parse_env_file(std::string_view file, std::string_view text);

}  // namespace cinit::config
