// Service directories of runit and s6, and sources of s6-rc: a tree that the input describes.
//
//   @runit/web/run       a file; its text is what follows, up to the next line that begins with @
//   @s6/web/env/         a directory
//   @rc/db/type -> x     a link, within the tree
//   @rc/db/up |          a FIFO: whatever opens it waits
//
// Below rc/ are sources, below user/ and user2/ the names that are in those bundles, below env/ files of an environment.
#include <algorithm>

#include "config/load.hpp"
#include "config/show.hpp"
#include "core/plan.hpp"
#include "directory.hpp"
#include "problems.hpp"
#include "servicedir/contenv.hpp"
#include "servicedir/service_trees.hpp"
#include "target.hpp"
#include "text.hpp"

namespace cinit::fuzz {
namespace {

constexpr std::size_t kMostEntries = 64;

// Nothing that leads out of the tree, or that no file system takes.
bool is_inside(std::string_view path) {
  constexpr std::size_t kMostParts = 6;
  constexpr std::size_t kLongestPart = 64;
  const auto parts = split(path, "/");
  const auto is_name = [](std::string_view part) {
    return !part.empty() && part.size() <= kLongestPart && part != "." && part != ".." &&
           part.find('\0') == std::string_view::npos;
  };
  return parts.size() <= kMostParts && std::ranges::all_of(parts, is_name);
}

void make_entry(const std::string& root, std::string_view line, std::string_view text) {
  const auto ends_in = [&line](std::string_view ending) {
    if (!line.ends_with(ending)) return false;
    line.remove_suffix(ending.size());
    return true;
  };
  const std::size_t arrow = line.find(" -> ");
  if (arrow != std::string_view::npos) {
    const std::string_view path = line.substr(0, arrow);
    const std::string_view target = line.substr(arrow + 4);
    if (is_inside(path) && is_inside(target)) make_link(std::string(target), root + "/" + std::string(path));
  } else if (ends_in(" |")) {
    if (is_inside(line)) make_fifo(root + "/" + std::string(line));
  } else if (ends_in("/")) {
    if (is_inside(line)) make_directory(root + "/" + std::string(line));
  } else if (is_inside(line)) {
    make_file(root + "/" + std::string(line), text);
  }
}

const std::string& make_tree(std::string_view input) {
  const std::string& root = empty_directory();
  if (input.starts_with('@')) input.remove_prefix(1);
  for (const std::string_view entry : split(input, "\n@", kMostEntries)) {
    const std::size_t end = std::min(entry.find('\n'), entry.size());
    make_entry(root, entry.substr(0, end), entry.substr(std::min(end + 1, entry.size())));
  }
  return root;
}

servicedir::ServiceTrees trees_in(const std::string& root) {
  servicedir::ServiceTrees trees;
  trees.runit = {root + "/runit"};
  trees.s6 = {root + "/s6"};
  trees.s6_rc = root + "/rc";
  trees.s6_bundles = {root + "/user/contents.d", root + "/user2/contents.d"};
  return trees;
}

void check_services(const std::vector<config::Service>& services) {
  const auto is_there = [&](const std::string& name) {
    return std::ranges::find(services, name, &config::Service::name) != services.end();
  };
  for (std::size_t i = 0; i < services.size(); ++i) {
    const config::Service& service = services[i];
    require(i == 0 || services[i - 1].name < service.name, "services are by name, each once", service.name);
    require(!service.command.empty(), "a service has a command", service.name);
    require(service.directory || service.type == config::ServiceType::Oneshot, "a service has a directory",
            service.name);
    require(service.pipes_into.empty() || is_there(service.pipes_into), "a service pipes into another", service.name);
    for (const std::string& name : service.required) require(is_there(name), "what is required is there", name);
  }
}

void check_environment(const std::string& directory, const std::string& copy) {
  const auto files = servicedir::read_contenv(directory);
  if (!files || !*files) return;
  config::Variables variables;
  for (const auto& [name, value] : (*files)->files) {
    require(!name.empty() && name.find('=') == std::string::npos, "a variable has a name", name);
    if (value) variables.emplace(name, *value);
  }
  require(servicedir::write_contenv(copy, variables) == 0, "an environment can be written");
  const auto again = servicedir::read_contenv(copy);
  require(again && *again && (*again)->files.size() == variables.size(), "all variables are written");
  for (const auto& [name, value] : variables) require((*again)->files.at(name) == value, "a variable comes back", name);
}

}  // namespace

void take_service_directories(std::string_view input) {
  const std::string& root = make_tree(input);
  config::Loaded loaded;
  trees_in(root).add_to(loaded);
  check_problems(loaded.problems, Place::File);
  check_environment(root + "/env", root + "/copy-of-env");
  if (has_errors(loaded.problems)) return;
  check_services(loaded.config.services);
  core::make_plan(loaded.config, {});
  to_toml(loaded.config);
}

}  // namespace cinit::fuzz
