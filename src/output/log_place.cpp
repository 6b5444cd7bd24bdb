#include "output/log_place.hpp"

#include <errno.h>
#include <sys/stat.h>

#include "os/file.hpp"
#include "os/look.hpp"
#include "os/trusted_path.hpp"

namespace cinit::output {

bool is_relayed(const std::string& path, std::uint64_t max_size, bool has_own_user) {
  const Result<os::Place> place = persist([&] { return os::find_place(path); });
  if (place && !place->trusted) return max_size > 0 || has_own_user;
  if (max_size == 0) return false;
  // It is looked at again when it is opened, and the start fails and is repeated if that fails, too.
  if (!place) return os::may_pass(place.error().code);
  struct stat status {};
  if (place->kernel_link || is_link(path)) return false;
  const int error = persist([&] { return os::look_at(place->directory.get(), place->name.c_str(), status); });
  return error == 0 ? S_ISREG(status.st_mode) : error == ENOENT || os::may_pass(error);
}

bool is_link(const std::string& path) {
  const std::size_t name = path.rfind('/') + 1;
  const Result<os::Place> place = persist([&] { return os::find_place(path.substr(0, name)); });
  struct stat status {};
  return place && place->trusted && os::look_at(place->directory.get(), path.c_str() + name, status) == 0 &&
         S_ISLNK(status.st_mode);
}

}  // namespace cinit::output
