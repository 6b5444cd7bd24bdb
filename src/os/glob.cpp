#include "os/glob.hpp"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>
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

Error cannot_look(const std::string& path, int error) {
  return {path + " cannot be looked at: " + strerror(error), error};
}

// The names in `directory` that match, sorted.
Result<std::vector<std::string>> names_in(const std::string& directory, const std::string& pattern) {
  Result<std::vector<std::string>> names = persist([&] { return list_directory(directory); });
  if (!names && may_pass(names.error().code)) return cannot_look(directory, names.error().code);
  if (!names) return std::vector<std::string>();
  std::erase_if(*names, [&](const std::string& name) { return fnmatch(pattern.c_str(), name.c_str(), kFlags) != 0; });
  return names;
}

// Returns 0, or the errno.
int look(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? 0 : errno;
}

// The paths below `directory` that `component` leads to from each of `parents`.
Result<std::vector<std::string>> step(const std::string& directory, const std::vector<std::string>& parents,
                                      const std::string& component) {
  std::vector<std::string> found;
  for (const std::string& parent : parents) {
    if (!is_glob(component)) {
      found.push_back(join(parent, component));
      continue;
    }
    const Result<std::vector<std::string>> names = names_in(below(directory, parent), component);
    if (!names) return names.error();
    for (const std::string& name : *names) found.push_back(join(parent, name));
  }
  return found;
}

}  // namespace

bool is_glob(std::string_view pattern) { return pattern.find_first_of("*?[") != std::string_view::npos; }

bool matches(const std::string& pattern, const std::string& path) {
  return fnmatch(pattern.c_str(), path.c_str(), kFlags) == 0;
}

Result<std::vector<std::string>> expand(const std::string& directory, std::string_view pattern) {
  std::vector<std::string> candidates{""};
  while (!pattern.empty()) {
    const std::size_t end = std::min(pattern.find('/'), pattern.size());
    Result<std::vector<std::string>> further = step(directory, candidates, std::string(pattern.substr(0, end)));
    if (!further) return further;
    candidates = *std::move(further);
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  std::vector<std::string> found;
  for (std::string& candidate : candidates) {
    const std::string path = below(directory, candidate);
    const int error = persist([&] { return look(path); });
    if (may_pass(error)) return cannot_look(path, error);
    if (error == 0) found.push_back(std::move(candidate));
  }
  return found;
}

}  // namespace cinit::os
