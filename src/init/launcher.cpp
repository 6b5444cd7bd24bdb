#include "init/launcher.hpp"

#include <unistd.h>

#include "init/launch_setup.hpp"
#include "os/file.hpp"
#include "os/spawn.hpp"

namespace cinit::init {

std::variant<pid_t, core::StartFailure> Launcher::launch(core::ServiceId id) {
  LaunchSetup setup(plan_[id], config_, surroundings_);
  if (auto failed = setup.prepare()) return *std::move(failed);
  if (setup.child().set_uid && setup.child().uid != geteuid()) share_outputs(plan_[id].spec);
  const os::SpawnResult result = os::spawn(setup.child());
  if (result.pid != 0) return result.pid;
  return setup.explain(result);
}

void Launcher::reload_environment() {
  if (!surroundings_.directory.exists()) return;
  surroundings_.directory.reload(surroundings_.environment);
  surroundings_.directory.dump(surroundings_.environment);
}

// Programs open /dev/stdout and /dev/stderr by name, as nginx's logs in many images do; as another user than the one that
// made the pipe they could not.
void Launcher::share_outputs(const config::Service& spec) {
  if (spec.output.kind == config::Output::Kind::Inherit && !shared_stdout_) shared_stdout_ = os::share_for_writing(1);
  if (spec.error.kind == config::Output::Kind::Inherit && !shared_stderr_) shared_stderr_ = os::share_for_writing(2);
}

}  // namespace cinit::init
