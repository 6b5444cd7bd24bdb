#include "init/launcher.hpp"

#include <unistd.h>

#include "init/launch_setup.hpp"
#include "init/listener.hpp"
#include "os/file.hpp"
#include "os/spawn.hpp"

namespace cinit::init {

namespace {

const config::Command& command_of(const config::Service& spec, const core::RunTask& task) {
  switch (task.task) {
    case core::Task::PreStart: return spec.pre_start[task.index];
    case core::Task::PostStart: return spec.post_start[task.index];
    case core::Task::PreStop: return spec.pre_stop[task.index];
    case core::Task::PostStop: return spec.post_stop[task.index];
    case core::Task::StopCommand: break;
  }
  return *spec.stop_command;
}

std::optional<pid_t> main_pid(pid_t main) { return main == 0 ? std::nullopt : std::optional(main); }

}  // namespace

Launcher::Launched Launcher::launch(core::ServiceId id) {
  LaunchSetup setup(plan_[id], config_, surroundings_);
  if (auto failed = setup.identify()) return *std::move(failed);
  const auto provided = listener_.provide(id, setup.uid(), setup.gid());
  if (const auto* failed = std::get_if<core::StartFailure>(&provided)) return *failed;
  Launched launched = start(id, setup, *std::get_if<Provision>(&provided));
  listener_.spawned(id);
  return launched;
}

Launcher::Launched Launcher::launch_task(const core::RunTask& task, pid_t main) {
  LaunchSetup setup(plan_[task.service], config_, surroundings_);
  if (auto failed = setup.identify()) return *std::move(failed);
  auto provided = listener_.provide_for_command(task.service, setup.uid(), setup.gid());
  if (const auto* failed = std::get_if<core::StartFailure>(&provided)) return *failed;
  Provision& provision = *std::get_if<Provision>(&provided);
  provision.command = &command_of(plan_[task.service].spec, task);
  provision.main_pid = main_pid(main);
  return start(task.service, setup, provision);
}

Launcher::Launched Launcher::launch_probe(core::ServiceId id, const config::Command& command, pid_t main) {
  LaunchSetup setup(plan_[id], config_, surroundings_);
  if (auto failed = setup.identify()) return *std::move(failed);
  Provision provision;
  provision.command = &command;
  provision.silent = true;
  provision.main_pid = main_pid(main);
  return start(id, setup, provision);
}

Launcher::Launched Launcher::start(core::ServiceId id, LaunchSetup& setup, const Provision& provision) {
  if (auto failed = setup.prepare(provision)) return *std::move(failed);
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
