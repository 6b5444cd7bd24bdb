// From what was written to one setting for each key.
#pragma once

#include <string>
#include <vector>

#include "sysctl/setting.hpp"

namespace cinit::sysctl {

// Patterns become the keys that exist below `root`, apart from those that are named by themselves or excluded, wherever
// that is (sysctl.d(5)). What is said last of a key counts, and its place in the order is that of the last mention. A pattern
// without any match stays as it is; where it could not be looked for matches, there is a problem instead. The result has neither
// exclusions nor two settings of a key.
std::vector<Setting> resolve(const std::vector<Setting>& settings, const std::string& root,
                             std::vector<Problem>& problems);

}  // namespace cinit::sysctl
