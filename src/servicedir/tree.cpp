#include "servicedir/tree.hpp"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

#include "os/file.hpp"
#include "os/look.hpp"
#include "os/trusted_path.hpp"

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

// The directory's path without a link in it, as the kernel knows it; without /proc, which is looked up anew.
Result<std::string> real_path(const std::string& path, const os::Fd& directory) {
  std::array<char, PATH_MAX> real{};
  const std::string link = "/proc/self/fd/" + std::to_string(directory.get());
  const ssize_t size = readlink(link.c_str(), real.data(), real.size());
  if (size > 0) return std::string(real.data(), static_cast<std::size_t>(size));
  if (errno != ENOENT || realpath(path.c_str(), real.data()) == nullptr) return system_error(errno);
  return std::string(real.data());
}

Result<Directory> look_at_directory(const std::string& path) {
  const Result<os::Place> place = os::find_place_by_any_link(path + "/");
  if (!place) return place.error();
  os::Seen seen;
  if (const int error = os::look_at(place->directory, seen); error != 0) return system_error(error);
  Result<std::string> real = real_path(path, place->directory);
  if (!real) return real.error();
  return Directory{path.substr(path.rfind('/') + 1), *std::move(real), seen.status.st_dev, seen.status.st_ino};
}

}  // namespace

std::optional<Directory> find_directory(const std::string& path, Problems& problems) {
  Result<Directory> found = persist([&] { return look_at_directory(path); });
  if (found) return *std::move(found);
  note(problems, path, found.error().code);
  return std::nullopt;
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

namespace {

// A directory of services among services: it has no ./run, and directories in it that are no part of a service have one.
bool holds_services(const Directory& directory, Problems& problems) {
  constexpr std::string_view kParts[] = {"control", "data", "env", "event", "log", "supervise"};
  if (exists(directory.path + "/run", problems)) return false;
  return std::ranges::any_of(list_directories(directory.path, problems), [&](const Directory& inner) {
    return std::ranges::find(kParts, inner.name) == std::end(kParts) && exists(inner.path + "/run", problems);
  });
}

}  // namespace

std::vector<Directory> list_services(const std::string& path, Problems& problems) {
  std::vector<Directory> found;
  for (Directory& directory : list_directories(path, problems)) {
    if (std::ranges::any_of(found, is_same_as(directory))) continue;
    if (holds_services(directory, problems)) {
      problems.push_back({config::Severity::Warning,
                          {std::string(path).append("/").append(directory.name), 0, 0},
                          "this is no service: it has no run, and directories in it have one"});
      continue;
    }
    found.push_back(std::move(directory));
  }
  return found;
}

bool exists(const std::string& path, Problems& problems) {
  struct stat status {};
  const int error = persist([&] { return os::look_at_itself(path, status); });
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
