#include "servicedir/runit.hpp"

#include <utility>

#include "servicedir/tree.hpp"

namespace cinit::servicedir {
namespace {

config::Service read_service(const Directory& directory, std::string name, Problems& problems) {
  config::Service service = make_service(directory, std::move(name), config::ServiceDirectory::Suite::Runit);
  service.autostart = !exists(directory.path + "/down", problems);
  return service;
}

}  // namespace

Found read_runit(const std::string& path) {
  Found found;
  for (const Directory& directory : list_services(path, found.problems)) {
    config::Service& service = found.services.emplace_back(read_service(directory, directory.name, found.problems));
    service.pre_start = {{"control/u"}};
    const auto log = find_directory(directory.path + "/log", found.problems);
    if (!log) continue;
    service.pipes_into = service.name + "/log";
    // runsv does not run ./log/finish, nor ./log/control.
    config::Service& logger = found.services.emplace_back(read_service(*log, directory.name + "/log", found.problems));
    logger.post_stop.clear();
  }
  return found;
}

}  // namespace cinit::servicedir
