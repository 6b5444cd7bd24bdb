// From what was asked for to a running container.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "init/personality.hpp"

namespace cinit::init {

struct BootRequest {
  const char* config_file = nullptr;     // instead of the places where configuration usually is
  std::optional<Duration> stop_timeout;  // instead of the configured one
  bool no_services = false;
  bool skip_startup_files = false;
  std::vector<std::string> main_command;  // empty: none
  char* const* environment = nullptr;
  Personality personality = {};  // cinit itself, or the init in whose place it is
};

// Reads the configuration, makes the plan, and runs it. What is wrong is said on standard error before any process has
// been started. Returns the exit code: that of the container, 78 for a configuration that is wrong, 64 when there is
// nothing to run, 1 when PID 1 cannot get what it needs. Signals must be blocked.
int boot(const BootRequest& request);

}  // namespace cinit::init
