// What the service directories of runit and s6 have in common.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/problem.hpp"

namespace cinit::servicedir {

// A directory, or what a link leads to.
struct Directory {
  std::string name;  // of the entry; a link's own
  std::string path;  // absolute, without a link in it
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

using Problems = std::vector<config::Problem>;

// What follows adds a problem when something could not be looked at for a reason that may pass: then what it has not found may
// be there all the same. Without a place for problems it does not tell the two apart.

// The directories in `path` whose names do not begin with a dot, in the order of the C locale; a link to one is one. A path
// that cannot be read has none.
std::vector<Directory> list_directories(const std::string& path, Problems& problems);
std::vector<Directory> list_directories(const std::string& path);

// The same, but each is there once, under the first of its names: runsvdir(8) and s6-svscan(8) know them by their inodes. One that
// has no ./run, and holds directories that have one, is left out with a warning; another one's ./run is still to come.
std::vector<Directory> list_services(const std::string& path, Problems& problems);

// The directory at `path`; nothing when there is none. Its name is the last part of the path.
std::optional<Directory> find_directory(const std::string& path, Problems& problems);
std::optional<Directory> find_directory(const std::string& path);

// Whether there is anything of that name, a dangling link included.
bool exists(const std::string& path, Problems& problems);

// A service that is kept by its directory: ./run in it, again and again, at most once a second, until it is told not to; and
// ./finish after each end. Its main process alone gets signals, and a SIGKILL at the end of the container's stop only.
config::Service make_service(const Directory& directory, std::string name, config::ServiceDirectory::Suite suite);

}  // namespace cinit::servicedir
