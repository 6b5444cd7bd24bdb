// Whoever started cinit, and wants to know how it is.
#pragma once

#include <optional>
#include <string>

#include "container.hpp"
#include "temporary_directory.hpp"

namespace cinit::e2e {

// The socket behind cinit's own NOTIFY_SOCKET, as podman's and systemd's.
class Upstream {
 public:
  Upstream();
  ~Upstream();
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  // Adds what a container needs to reach it.
  Options reachable(Options options = {}) const;

  // What was sent next; nothing when there is none in time.
  std::optional<std::string> next(Clock::duration limit = kLimit);

 private:
  TemporaryDirectory directory_;
  int fd_ = -1;
};

}  // namespace cinit::e2e
