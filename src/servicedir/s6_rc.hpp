// Sources of s6-rc, such as /etc/s6-overlay/s6-rc.d.
#pragma once

#include <string>
#include <vector>

#include "servicedir/found.hpp"

namespace cinit::servicedir {

// Where oneshots are run, and what of: s6-rc(8) has a service that runs all of them.
struct OneshotPlace {
  std::string working_dir;  // empty: that of the container
  std::string execlineb;    // the path of that program; empty: the image has none
  bool failure_ends_boot = false;
};

// What s6-overlay starts of the sources: everything in its bundles "user" and "user2", and what that depends on. Each of
// `bundles` is a directory whose files are named as what is in the bundle, such as
// /etc/s6-overlay/user-bundles.d/user/contents.d; sources/user and sources/user2 are read as well. What is in user2 alone
// comes after all of user, and so does what depends on s6-overlay's legacy-services. Between the two come the services that
// `scanned` names, which another reader has found: those of kS6Services. Services that come after others are not started when
// one of these has failed.
// Of sources that are not started nothing is looked at but their type, and the name of their pipeline.
struct S6RcFound : Found {
  std::vector<std::string> required;  // what `scanned` are to require
};
S6RcFound read_s6_rc(const std::string& sources, const std::vector<std::string>& bundles,
                     const std::vector<std::string>& scanned, const OneshotPlace& oneshots = {});

}  // namespace cinit::servicedir
