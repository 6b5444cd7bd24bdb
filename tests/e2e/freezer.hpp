// Puts processes into a state that no signal ends.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "temporary_directory.hpp"

namespace cinit::e2e {

// Freezes processes in a freezer cgroup of version 1: there each stands in state D, and even SIGKILL has to wait. (One
// that the freezer of cgroup version 2 holds can be killed.) The hierarchy is mounted for this, where it is not yet.
class Freezer {
 public:
  // What `pid` starts from then on is frozen, too, so the `others` are asked for when it has its place. Those of them that
  // have ended meanwhile are passed over.
  explicit Freezer(pid_t pid, const std::function<std::vector<pid_t>()>& others = {});
  ~Freezer();
  Freezer(const Freezer&) = delete;
  Freezer& operator=(const Freezer&) = delete;

  void thaw();

 private:
  Freezer();

  TemporaryDirectory mount_point_;
  std::string group_;
};

}  // namespace cinit::e2e
