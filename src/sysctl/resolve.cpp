#include "sysctl/resolve.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "os/glob.hpp"

namespace cinit::sysctl {
namespace {

using LastMention = std::map<std::string_view, const Setting*>;

LastMention find_last_mentions(const std::vector<Setting>& settings) {
  LastMention last;
  for (const Setting& setting : settings) last[setting.path] = &setting;
  return last;
}

bool is_excluded(const std::vector<Setting>& settings, const std::string& path) {
  return std::ranges::any_of(
      settings, [&](const Setting& setting) { return setting.exclusion && os::matches(setting.path, path); });
}

void add_matches(std::vector<Setting>& resolved, const Setting& pattern, const std::vector<Setting>& settings,
                 const LastMention& named, const std::vector<std::string>& paths) {
  if (paths.empty()) resolved.push_back(pattern);
  for (const std::string& path : paths) {
    if (named.contains(path) || is_excluded(settings, path)) continue;
    resolved.push_back(pattern);
    resolved.back().path = path;
  }
}

}  // namespace

std::vector<Setting> resolve(const std::vector<Setting>& settings, const std::string& root,
                             std::vector<Problem>& problems) {
  const LastMention named = find_last_mentions(settings);
  std::vector<Setting> resolved;
  for (const Setting& setting : settings) {
    if (setting.exclusion || named.at(setting.path) != &setting) continue;
    if (!os::is_glob(setting.path)) {
      resolved.push_back(setting);
      continue;
    }
    const Result<std::vector<std::string>> paths = os::expand(root, setting.path);
    if (paths) {
      add_matches(resolved, setting, settings, named, *paths);
    } else {
      problems.push_back({setting.where, paths.error().message});
    }
  }
  // Two patterns may have matched the same key.
  const LastMention last = find_last_mentions(resolved);
  std::vector<Setting> once;
  for (const Setting& setting : resolved) {
    if (last.at(setting.path) == &setting) once.push_back(setting);
  }
  return once;
}

}  // namespace cinit::sysctl
