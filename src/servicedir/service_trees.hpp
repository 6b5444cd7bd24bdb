// Where an image may have service directories, and what is in them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"
#include "servicedir/found.hpp"
#include "servicedir/s6_rc.hpp"

namespace cinit::servicedir {

// Where images made for s6-overlay have services: of its second version, sources of s6-rc of the third, and the bundles of
// those that are started.
inline constexpr char kS6Services[] = "/etc/services.d";
inline constexpr char kS6Sources[] = "/etc/s6-overlay/s6-rc.d";
inline constexpr const char* kS6Bundles[] = {"/etc/s6-overlay/user-bundles.d/user/contents.d",
                                             "/etc/s6-overlay/user-bundles.d/user2/contents.d"};

// The service directory of that name in one of `runit`, or in a place of s6-overlay; empty: there is none.
std::string find_service_directory(std::span<const std::string> runit, std::string_view name);

struct ServiceTrees {
  std::vector<std::string> runit;       // directories of service directories, as runsvdir(8) takes them
  std::vector<std::string> s6;          // as s6-svscan(8) takes them
  std::string s6_rc;                    // sources of s6-rc; empty: none
  std::vector<std::string> s6_bundles;  // see read_s6_rc()
  OneshotPlace s6_oneshots;             // likewise
  // What services of s6 have in the place of the container's environment; unset: that.
  std::optional<config::Variables> s6_environment;

  // Trees that are not there are looked for again and again, as by runsvdir(8).
  bool are_awaited = false;

  // All that an image may have. `runit`: [cinit] service-directories.
  static ServiceTrees of_image(std::vector<std::string> runit);

  // Those that are looked at again and can be read now.
  std::vector<std::string> readable() const;
  // Every service of those whose entries come and go. Two of one name are an error; a directory that is in two trees is one
  // service, of the first of them.
  Found read() const;
  // Adds every service to a configuration, in which none may have the same name.
  void add_to(config::Loaded& loaded) const;
  // Those that are looked at again whenever their entries change.
  std::vector<std::string> watched() const;
};

}  // namespace cinit::servicedir
