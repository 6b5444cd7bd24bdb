// From a service in the plan to a running process.
#pragma once

#include <variant>

#include "config/config.hpp"
#include "core/event.hpp"
#include "core/plan.hpp"
#include "init/container_environment.hpp"
#include "os/fd.hpp"

namespace cinit::init {

// What the container gave to cinit when it started it.
struct Surroundings {
  config::Variables environment;
  std::vector<int> inherited_fds;  // above 2; close-on-exec, for the main command to inherit
  os::Fd null;
  ContainerEnvironment directory;  // from which hooks change the environment
};

// Everything that a start depends on (users, groups, files, the environment) is looked up anew each time, because hooks and
// other services may have changed it.
class Launcher {
 public:
  // All three must outlive the launcher.
  Launcher(const core::Plan& plan, const config::Config& config, Surroundings& surroundings)
      : plan_(plan), config_(config), surroundings_(surroundings) {}

  // Starts the service's process. When it returns a pid, the program runs; otherwise nothing is left of the attempt.
  std::variant<pid_t, core::StartFailure> launch(core::ServiceId id);

  // A hook has ended: what starts from now on gets the environment as it is now.
  void reload_environment();

 private:
  const core::Plan& plan_;
  const config::Config& config_;
  Surroundings& surroundings_;
  bool shared_stdout_ = false;
  bool shared_stderr_ = false;

  void share_outputs(const config::Service& spec);
};

}  // namespace cinit::init
