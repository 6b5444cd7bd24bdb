#include "servicedir/service_trees.hpp"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "base/passing.hpp"
#include "config/quote.hpp"
#include "os/trusted_path.hpp"
#include "servicedir/runit.hpp"
#include "servicedir/s6.hpp"
#include "servicedir/s6_rc.hpp"
#include "servicedir/tree.hpp"

namespace cinit::servicedir {
namespace {

void append(Found& all, Found found) {
  std::move(found.services.begin(), found.services.end(), std::back_inserter(all.services));
  std::move(found.problems.begin(), found.problems.end(), std::back_inserter(all.problems));
}

// The second of two is left out.
void check_names(std::vector<config::Service>& services, std::vector<config::Problem>& problems) {
  std::map<std::string, config::Location> places;
  std::erase_if(services, [&](const config::Service& service) {
    const auto [first, is_new] = places.emplace(service.name, service.where);
    if (is_new) return false;
    problems.push_back({config::Severity::Error, service.where,
                        "there is a service " + config::quote(service.name) + " in " + to_string(first->second) +
                            " already: give one of them another name, or take it out"});
    return true;
  });
}

using Places = std::map<std::pair<std::uint64_t, std::uint64_t>, std::string>;  // by st_dev and st_ino

// A directory that links in two trees lead to is one service, and so is its logger.
Found leave_out_known(Found found, const std::string& tree, Places& places) {
  std::map<std::string, bool> loggers;  // and whether their services are left out
  std::erase_if(found.services, [&](const config::Service& service) {
    if (const auto logger = loggers.find(service.name); logger != loggers.end()) return logger->second;
    const std::string place = tree + "/" + service.name;
    const auto [first, is_new] = places.emplace(std::pair(service.directory->device, service.directory->inode), place);
    if (!service.pipes_into.empty()) loggers.emplace(service.pipes_into, !is_new);
    if (is_new) return false;
    found.problems.push_back({config::Severity::Warning,
                              {place, 0, 0},
                              "this is the same directory as " + config::quote_path(first->second) +
                                  ", of which there is one service: take one of the two out"});
    return true;
  });
  return found;
}

// With-contenv puts the container's environment over this one.
Found in_environment(Found found, const std::optional<config::Variables>& environment) {
  if (!environment) return found;
  for (config::Service& service : found.services) {
    service.clear_env = true;
    service.env.insert(environment->begin(), environment->end());
  }
  return found;
}

bool is_of_s6(const config::Service& service) {
  return service.directory->suite == config::ServiceDirectory::Suite::S6;
}

std::vector<std::string> names_of_s6(const std::vector<config::Service>& services) {
  std::vector<std::string> names;
  for (const config::Service& service : services) {
    if (is_of_s6(service)) names.push_back(service.name);
  }
  return names;
}

}  // namespace

std::string find_service_directory(std::span<const std::string> runit, std::string_view name) {
  std::vector<std::string> trees(runit.begin(), runit.end());
  trees.insert(trees.end(), {kS6Services, kS6Sources});
  for (const std::string& tree : trees) {
    for (const Directory& directory : list_directories(tree)) {
      if (directory.name == name) return tree + "/" + directory.name;
    }
  }
  return "";
}

ServiceTrees ServiceTrees::of_image(std::vector<std::string> runit) {
  ServiceTrees trees;
  trees.runit = std::move(runit);
  trees.s6 = {kS6Services};
  trees.s6_rc = kS6Sources;
  trees.s6_bundles.assign(std::begin(kS6Bundles), std::end(kS6Bundles));
  return trees;
}

std::vector<std::string> ServiceTrees::watched() const {
  std::vector<std::string> all = runit;
  all.insert(all.end(), s6.begin(), s6.end());
  return all;
}

std::vector<std::string> ServiceTrees::readable() const {
  std::vector<std::string> places = watched();
  std::erase_if(places, [](const std::string& place) {
    const int error = persist([&] {
      const os::Fd directory = os::open_directory(place);
      if (!directory) return directory.error();
      return static_cast<int>(-os::sys::faccess(directory.get(), ".", R_OK | X_OK));
    });
    return error != 0 && !may_pass(error);
  });
  return places;
}

Found ServiceTrees::read() const {
  Found all;
  Places places;
  for (const std::string& tree : runit) append(all, leave_out_known(read_runit(tree), tree, places));
  for (const std::string& tree : s6) {
    append(all, in_environment(leave_out_known(read_s6(tree), tree, places), s6_environment));
  }
  check_names(all.services, all.problems);
  return all;
}

void ServiceTrees::add_to(config::Loaded& loaded) const {
  Found found = read();
  if (!s6_rc.empty()) {
    const std::vector<std::string> scanned = names_of_s6(found.services);
    S6RcFound sources = read_s6_rc(s6_rc, s6_bundles, scanned, s6_oneshots);
    for (config::Service& service : found.services) {
      if (is_of_s6(service)) service.required = sources.required;
    }
    append(found, in_environment(std::move(sources), s6_environment));
  }
  std::vector<config::Service>& services = loaded.config.services;
  std::move(found.services.begin(), found.services.end(), std::back_inserter(services));
  std::move(found.problems.begin(), found.problems.end(), std::back_inserter(loaded.problems));
  check_names(services, loaded.problems);
  std::stable_sort(services.begin(), services.end(),
                   [](const config::Service& one, const config::Service& other) { return one.name < other.name; });
}

}  // namespace cinit::servicedir
