// Patterns of glob(7) for keys and for files, without what glob(3) brings along.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace cinit::os {

bool is_glob(std::string_view pattern);

// Whether `pattern` matches the whole of `path`, component by component.
bool matches(const std::string& pattern, const std::string& path);

// What exists below `directory` and matches `pattern`, both without a slash at the end: paths below `directory`, sorted as
// in the C locale. Wildcards do not match hidden names. A directory that cannot be read has nothing in it, unless the
// reason may pass: then the error names what could not be looked at, and has the errno.
Result<std::vector<std::string>> expand(const std::string& directory, std::string_view pattern);

}  // namespace cinit::os
