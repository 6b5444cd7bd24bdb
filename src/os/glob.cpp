#include "os/glob.hpp"

#include <fnmatch.h>
#include <sys/stat.h>

#include <utility>

#include "os/file.hpp"

namespace cinit::os {
namespace {

constexpr int kFlags = FNM_NOESCAPE | FNM_PERIOD | FNM_PATHNAME;

std::string join(std::string_view parent, std::string_view name) {
  std::string path(parent);
  if (!parent.empty()) path += '/';
  return path += name;
}

// Keeps the slash where one of them is empty: the directory is the root of the file system, the path is nothing yet.
std::string below(std::string_view directory, std::string_view path) {
  std::string place(directory);
  place += '/';
  return place += path;
}

// The names in `directory` that match, sorted.
std::vector<std::string> names_in(const std::string& directory, const std::string& pattern) {
  Result<std::vector<std::string>> names = list_directory(directory);
  if (!names) return {};
  std::erase_if(*names, [&](const std::string& name) { return fnmatch(pattern.c_str(), name.c_str(), kFlags) != 0; });
  return *std::move(names);
}

bool exists(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0;
}

// The paths below `directory` that `component` leads to from each of `parents`.
std::vector<std::string> step(const std::string& directory, const std::vector<std::string>& parents,
                              const std::string& component) {
  std::vector<std::string> found;
  for (const std::string& parent : parents) {
    if (!is_glob(component)) {
      found.push_back(join(parent, component));
      continue;
    }
    for (const std::string& name : names_in(below(directory, parent), component)) found.push_back(join(parent, name));
  }
  return found;
}

}  // namespace

bool is_glob(std::string_view pattern) { return pattern.find_first_of("*?[") != std::string_view::npos; }

bool matches(const std::string& pattern, const std::string& path) {
  return fnmatch(pattern.c_str(), path.c_str(), kFlags) == 0;
}

std::vector<std::string> expand(const std::string& directory, std::string_view pattern) {
  std::vector<std::string> found{""};
  while (!pattern.empty()) {
    const std::size_t end = std::min(pattern.find('/'), pattern.size());
    found = step(directory, found, std::string(pattern.substr(0, end)));
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  std::erase_if(found, [&](const std::string& path) { return !exists(below(directory, path)); });
  return found;
}

}  // namespace cinit::os
