// The programs that an image wants to have run before anything else.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace cinit::init {

struct StartupFiles {
  std::vector<std::string> programs;  // to be run in this order
  std::vector<std::string> warnings;  // what was passed over and should not have been there, a line each
};

// The executable regular files of `directories`, of each by name in the order of the C locale, and then /etc/rc.local.
// A file that is not executable is probably a mistake, and so is a directory that is not there, unless it is a usual
// place. Fails, with the errno, when something could not be looked at for a reason that may pass: then there may be
// programs that were not found.
Result<StartupFiles> find_startup_files(std::span<const std::string> directories, const std::string& root = "");

// The same for the files of one directory, which need not be there.
Result<StartupFiles> find_programs(const std::string& directory, const std::string& root = "");

// A hook of its own, after those of all directories.
inline constexpr char kRcLocal[] = "/etc/rc.local";

// Where images made for my_init have what is to be run before their services are stopped, and after that.
inline constexpr char kPreShutdownDirectory[] = "/etc/my_init.pre_shutdown.d";
inline constexpr char kPostShutdownDirectory[] = "/etc/my_init.post_shutdown.d";

}  // namespace cinit::init
