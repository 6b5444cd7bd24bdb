#include "sysctl/sources.hpp"

#include <errno.h>
#include <unistd.h>

#include <string_view>
#include <utility>

#include "os/file.hpp"
#include "os/glob.hpp"
#include "os/syscall.hpp"
#include "sysctl/parse.hpp"

namespace cinit::sysctl {
namespace {

void append(Sources& sources, Parsed parsed) {
  for (Setting& setting : parsed.settings) sources.settings.push_back(std::move(setting));
  for (Problem& problem : parsed.problems) sources.problems.push_back(std::move(problem));
}

void add_file(Sources& sources, const std::string& path) {
  const Result<std::string> text = persist([&] { return os::read_file(path, kLargestFile); });
  if (text) {
    append(sources, parse(path, *text));
  } else {
    sources.problems.push_back({path, "cannot be read: " + text.error().message});
  }
}

void add_file_if_there(Sources& sources, const std::string& path) {
  if (os::sys::faccess(path.c_str(), F_OK) != -ENOENT) add_file(sources, path);
}

void add_matching_files(Sources& sources, const std::string& name) {
  std::string_view pattern = name;
  const bool absolute = pattern.starts_with('/');
  const std::string directory = absolute ? "" : ".";
  if (absolute) pattern.remove_prefix(1);
  const Result<std::vector<std::string>> paths = os::expand(directory, pattern);
  if (!paths) return sources.problems.push_back({name, paths.error().message});
  for (const std::string& path : *paths) add_file(sources, absolute ? '/' + path : path);
}

void add_named(Sources& sources, const std::string& name) {
  const bool optional = name.starts_with('-');
  const std::string path = optional ? name.substr(1) : name;
  if (os::is_glob(path)) {
    add_matching_files(sources, path);
  } else if (optional) {
    add_file_if_there(sources, path);
  } else {
    add_file(sources, path);
  }
}

void add_assignment(Sources& sources, const Assignment& assignment) {
  Result<Setting> setting = make_setting(assignment.key, assignment.value, assignment.where);
  if (setting) {
    sources.settings.push_back(std::move(*setting));
  } else {
    sources.problems.push_back({assignment.where, setting.error().message});
  }
}

}  // namespace

Sources read_sources(const Request& request, const std::string& root) {
  Sources sources;
  add_file_if_there(sources, root + kSysctlConf);
  for (const std::string& name : request.files) add_named(sources, name);
  for (const Assignment& assignment : request.set) add_assignment(sources, assignment);
  return sources;
}

}  // namespace cinit::sysctl
