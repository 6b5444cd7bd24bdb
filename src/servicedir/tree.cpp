#include "servicedir/tree.hpp"

#include <limits.h>
#include <stdlib.h>
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

}  // namespace

std::optional<Directory> find_directory(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return std::nullopt;
  std::array<char, PATH_MAX> real{};
  if (realpath(path.c_str(), real.data()) == nullptr) return std::nullopt;
  return Directory{path.substr(path.rfind('/') + 1), real.data(), status.st_dev, status.st_ino};
}

std::vector<Directory> list_directories(const std::string& path) {
  std::vector<Directory> found;
  const Result<std::vector<std::string>> names = os::list_directory(path);
  if (!names) return found;
  for (const std::string& name : *names) {
    if (name.starts_with('.')) continue;
    auto directory = find_directory(std::string(path).append("/").append(name));
    if (directory) found.push_back(*std::move(directory));
  }
  return found;
}

std::vector<Directory> list_distinct_directories(const std::string& path) {
  std::vector<Directory> found;
  for (Directory& directory : list_directories(path)) {
    if (std::ranges::none_of(found, is_same_as(directory))) found.push_back(std::move(directory));
  }
  return found;
}

bool exists(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0;
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
