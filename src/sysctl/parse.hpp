// The text of sysctl.conf(5) and sysctl.d(5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "sysctl/setting.hpp"

namespace cinit::sysctl {

// What sysctl.conf(5) says of a line, in bytes. A comment may be longer.
inline constexpr std::size_t kLongestLine = 4096;

struct Parsed {
  std::vector<Setting> settings;  // in the order of the lines
  std::vector<Problem> problems;
};

// `KEY = VALUE` lines. Blank lines and those that begin with `#` or `;` are skipped; a `#` behind a value belongs to it.
// "-" in front of the key ignores a failure; without "=" it is an exclusion. Line ends may be CRLF. `file` is the name
// that messages call the text by.
Parsed parse(std::string_view file, std::string_view text);

// A pair that comes from elsewhere than such a file, with the same rules for the key and its "-".
Result<Setting> make_setting(std::string_view key, std::string_view value, std::string where);

// The path below /proc/sys of a key: when its first separator is a slash, dots are part of names; when it is a dot, dots
// separate and slashes stand for dots (sysctl.d(5)). An error where the path could lead anywhere else: it has no empty
// component, no "." and no "..".
Result<std::string> to_path(std::string_view key);

// The reverse, with dots as separators, which is how sysctl(8) and container engines write keys.
std::string to_key(std::string_view path);

}  // namespace cinit::sysctl
