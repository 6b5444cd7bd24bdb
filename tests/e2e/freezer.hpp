// Puts a process into a state that no signal ends.
#pragma once

#include <sys/types.h>

#include <string>

#include "temporary_directory.hpp"

namespace cinit::e2e {

// Freezes one process in a freezer cgroup of version 1: there it stands in state D, and even SIGKILL has to wait. (One
// that the freezer of cgroup version 2 holds can be killed.) The hierarchy is mounted for this, where it is not yet.
class Freezer {
 public:
  explicit Freezer(pid_t pid);
  ~Freezer();
  Freezer(const Freezer&) = delete;
  Freezer& operator=(const Freezer&) = delete;

  void thaw();

 private:
  TemporaryDirectory mount_point_;
  std::string group_;
};

}  // namespace cinit::e2e
