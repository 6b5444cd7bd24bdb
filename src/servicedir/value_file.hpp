// Small files that hold one value, or one name a line: what s6 and s6-rc have in the place of keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "config/problem.hpp"
#include "servicedir/tree.hpp"

namespace cinit::servicedir {

// What may stand between and around the words of a line.
inline constexpr std::string_view kBlanks = " \t\r\v\f";

// Adds an error about the first line of a file.
void add_error(Problems& problems, const std::string& path, std::string message);

// The whole file, at most 64 KB of it. Nothing when there is none, or, which is a problem, when it cannot be read.
std::optional<std::string> read_text(const std::string& path, Problems& problems);

// The first line of a file, without the blanks at its end. Nothing: as read_text().
std::optional<std::string> read_value(const std::string& path, Problems& problems);

// The value as a whole number between those two. Nothing: as read_text(), and for any other value, which is a problem that
// says what is expected.
std::optional<std::uint32_t> read_number(const std::string& path, std::uint32_t lowest, std::uint32_t highest,
                                         Problems& problems);

// The value as a number of milliseconds. Nothing for 0 as well, which is no limit wherever s6 has one.
std::optional<Duration> read_timeout(const std::string& path, Problems& problems);

// A name, and where it is written: a line of a list, or the file that has it for its name.
struct ListedName {
  std::string name;
  config::Location where;
};

// The lines of a file without the blanks around them, but for empty ones and those that begin with "#". None where there is
// no such file.
std::vector<ListedName> read_list(const std::string& path, Problems& problems);

// The names of the files in a directory, in the order of the C locale, but for hidden ones. None where there is nothing of
// that name, or, which is a problem, what cannot be read as a directory.
std::vector<ListedName> read_directory(const std::string& path, Problems& problems);

}  // namespace cinit::servicedir
