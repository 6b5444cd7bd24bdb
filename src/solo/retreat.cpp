#include "solo/retreat.hpp"

#include "os/file.hpp"

namespace cinit::solo {

void retreat(const Retreat& wanted) {
  if (wanted.leaves_directory) os::sys::chdir("/");
  if (wanted.closes_descriptors) os::close_from(3);
}

}  // namespace cinit::solo
