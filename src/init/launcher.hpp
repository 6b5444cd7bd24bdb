// From a service in the plan to a running process.
#pragma once

#include <sys/resource.h>

#include <memory>
#include <optional>
#include <variant>

#include "config/config.hpp"
#include "core/action.hpp"
#include "core/plan.hpp"
#include "init/container_environment.hpp"
#include "init/env_files.hpp"
#include "init/image.hpp"
#include "init/wiring.hpp"
#include "os/as_user.hpp"
#include "os/fd.hpp"
#include "os/mark.hpp"

namespace cinit::init {

// What the container gave to cinit when it started it.
struct Inherited {
  config::Variables environment;
  std::vector<int> descriptors;  // above 2; close-on-exec, for the main command to inherit
  // What every process gets that has no limit of its own, when cinit's is another; unset: they have the same.
  std::optional<rlimit64> descriptor_limit = {};
  os::Fd null;
  // By which hooks change the environment.
  ContainerEnvironment directory;
  // Why what it, or that of the image, holds now is not known; unset: it is.
  std::optional<Error> environment_error = {};
  std::unique_ptr<Image> image = std::make_unique<Image>();  // never null
};

class LaunchSetup;
class Listener;

// Prepares starts. Everything that a start depends on (users, groups, files, the environment) is looked up anew each
// time, because hooks and other services may have changed it.
class Launcher {
 public:
  // What os::PendingSpawn needs, or why the process cannot be started, or files that have to be waited for: then the
  // same is to be asked for again, with these.
  using Files = std::unique_ptr<EnvFiles>;
  using Setup = std::unique_ptr<LaunchSetup>;
  using Prepared = std::variant<Setup, core::StartFailure, Files>;

  // All of them must outlive the launcher.
  Launcher(const core::Plan& plan, const config::Config& config, Inherited& inherited, Listener& listener)
      : plan_(plan), config_(config), inherited_(inherited), listener_(listener) {}

  // The service's main process.
  Prepared prepare(core::ServiceId id, Files files = nullptr);
  // The main command runs, with the descriptors that the container gave to cinit: they are its own now, to close as
  // well. PID 1 keeps none of them, but a socket on which close(2) would wait: SO_LINGER of socket(7).
  void main_command_started();
  // One of the service's commands. `main`: the pid of its main process; 0: there is none. `group`: its process group,
  // also of one that has ended.
  Prepared prepare_task(const core::RunTask& task, pid_t main, pid_t group, Files files = nullptr);
  // One of the scripts in its service directory, which get nothing that runsv(8) and s6-supervise(8) do not give.
  Prepared prepare_script(core::ServiceId id, const config::Command& command, Files files = nullptr);
  // An exec probe of the service. Its output goes nowhere.
  Prepared prepare_probe(core::ServiceId id, const config::Command& command, pid_t main, Files files = nullptr);

  // With whose rights the service's files are read; those of cinit where its user is not known.
  os::Identity user_of(core::ServiceId id) const;

  // A hook has ended: what starts from now on gets the environment as it is now.
  void reload_environment();

 private:
  const core::Plan& plan_;
  const config::Config& config_;
  Inherited& inherited_;
  Listener& listener_;
  os::Marks marks_;
  bool shared_stdout_ = false;
  bool shared_stderr_ = false;

  Prepared begin(core::ServiceId id, Files files);
  Prepared prepare_command(core::ServiceId id, const config::Command& command, pid_t main, Files files);
  Prepared finish(core::ServiceId id, Setup setup, const Wiring& wiring);
  std::optional<core::StartFailure> renew_environment();
  void share_outputs(const config::Service& spec);
};

}  // namespace cinit::init
