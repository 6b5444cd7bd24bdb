#include "servicedir/tree.hpp"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "os/file.hpp"

namespace cinit::servicedir {

namespace {

auto is_same_as(const Directory& one) {
  return [&one](const Directory& other) { return one.device == other.device && one.inode == other.inode; };
}

// An error of looking is no answer. Any other says that it is not there for us.
void note(Problems& problems, const std::string& path, int error) {
  if (!os::may_pass(error)) return;
  const std::string message = std::string("cannot be looked at: ") + strerror(error);
  problems.push_back({config::Severity::Error, {path, 0, 0}, message, true});
}

}  // namespace

std::optional<Directory> find_directory(const std::string& path, Problems& problems) {
  struct stat status {};
  std::array<char, PATH_MAX> real{};
  const int error = persist([&] {
    if (stat(path.c_str(), &status) != 0) return errno;
    if (!S_ISDIR(status.st_mode)) return ENOTDIR;
    return realpath(path.c_str(), real.data()) == nullptr ? errno : 0;
  });
  if (error != 0) {
    note(problems, path, error);
    return std::nullopt;
  }
  return Directory{path.substr(path.rfind('/') + 1), real.data(), status.st_dev, status.st_ino};
}

std::optional<Directory> find_directory(const std::string& path) {
  Problems passed_over;
  return find_directory(path, passed_over);
}

std::vector<Directory> list_directories(const std::string& path, Problems& problems) {
  std::vector<Directory> found;
  const Result<std::vector<std::string>> names = persist([&] { return os::list_directory(path); });
  if (!names) {
    note(problems, path, names.error().code);
    return found;
  }
  for (const std::string& name : *names) {
    if (name.starts_with('.')) continue;
    auto directory = find_directory(std::string(path).append("/").append(name), problems);
    if (directory) found.push_back(*std::move(directory));
  }
  return found;
}

std::vector<Directory> list_directories(const std::string& path) {
  Problems passed_over;
  return list_directories(path, passed_over);
}

std::vector<Directory> list_distinct_directories(const std::string& path, Problems& problems) {
  std::vector<Directory> found;
  for (Directory& directory : list_directories(path, problems)) {
    if (std::ranges::none_of(found, is_same_as(directory))) found.push_back(std::move(directory));
  }
  return found;
}

bool exists(const std::string& path, Problems& problems) {
  struct stat status {};
  const int error = persist([&] { return lstat(path.c_str(), &status) == 0 ? 0 : errno; });
  note(problems, path, error);
  return error == 0;
}

config::Service make_service(const Directory& directory, std::string name, config::ServiceDirectory::Suite suite) {
  config::Service service;
  service.name = std::move(name);
  service.where = {directory.path, 0, 0};
  service.command = {"./run"};
  service.working_dir = directory.path;
  service.input = config::Input::Inherit;
  service.start_timeout = Duration::zero();
  service.restart = config::RestartPolicy::Always;
  service.start_limit_burst = 0;
  service.on_failure = config::EndAction::Ignore;
  service.kill_mode = config::KillMode::Process;
  service.post_stop = {{"./finish"}};
  service.directory.emplace();
  service.directory->suite = suite;
  service.directory->path = directory.path;
  service.directory->device = directory.device;
  service.directory->inode = directory.inode;
  return service;
}

}  // namespace cinit::servicedir
