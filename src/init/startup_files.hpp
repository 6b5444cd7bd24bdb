// The programs that an image wants to have run before anything else.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace cinit::init {

struct StartupFiles {
  std::vector<std::string> programs;  // to be run in this order
  std::vector<std::string> warnings;  // what was passed over and should not have been there, a line each
};

// The executable regular files of `directories`, of each by name in the order of the C locale, and then /etc/rc.local. A file
// that is not executable is probably a mistake, and so is a directory that is not there, unless it is a usual place.
StartupFiles find_startup_files(std::span<const std::string> directories, const std::string& root = "");

}  // namespace cinit::init
