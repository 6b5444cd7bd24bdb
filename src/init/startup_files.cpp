#include "init/startup_files.hpp"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "config/config.hpp"
#include "os/file.hpp"

namespace cinit::init {
namespace {

bool is_usual(const std::string& directory) {
  const std::vector<std::string> usual = config::Hooks().directories;
  return std::find(usual.begin(), usual.end(), directory) != usual.end();
}

class Finder {
 public:
  explicit Finder(const std::string& root) : root_(root) {}

  void add_file(const std::string& path);
  void add_directory(const std::string& directory, bool may_be_missing);
  Result<StartupFiles> finish() {
    if (error_) return *error_;
    return std::move(found_);
  }

 private:
  // What stays is told; what may pass is no answer.
  void cannot_look(const std::string& path, int error) {
    const std::string message = path + ": " + strerror(error);
    if (may_pass(error)) {
      error_ = Error{message, error};
    } else {
      found_.warnings.push_back(message);
    }
  }

  const std::string& root_;
  StartupFiles found_;
  std::optional<Error> error_;
};

// A file of /etc/my_init.d that leads nowhere is none.
void Finder::add_file(const std::string& path) {
  const std::string real_path = root_ + path;
  struct stat status {};
  const int looked = persist([&] { return stat(real_path.c_str(), &status) == 0 ? 0 : errno; });
  if (looked == ENOENT) return;
  if (looked != 0) return cannot_look(path, looked);
  if (!S_ISREG(status.st_mode)) return;
  const int error = persist([&] { return access(real_path.c_str(), X_OK) == 0 ? 0 : errno; });
  if (error == 0) {
    found_.programs.push_back(path);
  } else if (error == EACCES) {
    found_.warnings.push_back(path + " is not executable, so it is not run (chmod +x)");
  } else {
    cannot_look(path, error);
  }
}

void Finder::add_directory(const std::string& directory, bool may_be_missing) {
  const Result<std::vector<std::string>> names = persist([&] { return os::list_directory(root_ + directory); });
  if (!names && names.error().code == ENOENT && may_be_missing) return;
  if (!names) return cannot_look(directory, names.error().code);
  for (const std::string& name : *names) add_file(std::string(directory).append("/").append(name));
}

}  // namespace

Result<StartupFiles> find_startup_files(std::span<const std::string> directories, const std::string& root) {
  Finder finder(root);
  for (const std::string& directory : directories) finder.add_directory(directory, is_usual(directory));
  finder.add_file(kRcLocal);
  return finder.finish();
}

Result<StartupFiles> find_programs(const std::string& directory, const std::string& root) {
  Finder finder(root);
  finder.add_directory(directory, true);
  return finder.finish();
}

}  // namespace cinit::init
