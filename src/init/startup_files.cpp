#include "init/startup_files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "config/config.hpp"
#include "os/file.hpp"

namespace cinit::init {
namespace {

bool is_usual(const std::string& directory) {
  const std::vector<std::string> usual = config::Hooks().directories;
  return std::find(usual.begin(), usual.end(), directory) != usual.end();
}

void add_file(StartupFiles& found, const std::string& root, const std::string& path) {
  const std::string real_path = root + path;
  struct stat status {};
  if (stat(real_path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  if (access(real_path.c_str(), X_OK) == 0) {
    found.programs.push_back(path);
  } else {
    found.warnings.push_back(path + " is not executable, so it is not run (chmod +x)");
  }
}

void add_directory(StartupFiles& found, const std::string& root, const std::string& directory, bool may_be_missing) {
  Result<std::vector<std::string>> names = os::list_directory(root + directory);
  if (!names) {
    const bool is_missing = access((root + directory).c_str(), F_OK) != 0;
    if (!is_missing || !may_be_missing) found.warnings.push_back(directory + ": " + names.error().message);
    return;
  }
  for (const std::string& name : *names) add_file(found, root, std::string(directory).append("/").append(name));
}

}  // namespace

StartupFiles find_startup_files(std::span<const std::string> directories, const std::string& root) {
  StartupFiles found;
  for (const std::string& directory : directories) {
    add_directory(found, root, directory, is_usual(directory));
  }
  add_file(found, root, kRcLocal);
  return found;
}

StartupFiles find_programs(const std::string& directory, const std::string& root) {
  StartupFiles found;
  add_directory(found, root, directory, true);
  return found;
}

}  // namespace cinit::init
