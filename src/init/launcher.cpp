#include "init/launcher.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "init/launch_setup.hpp"
#include "init/listener.hpp"
#include "os/file.hpp"

namespace cinit::init {

namespace {

const config::Command& command_of(const config::Service& spec, const core::RunTask& task) {
  switch (task.task) {
    case core::Task::PreStart: return spec.pre_start[task.index];
    case core::Task::PostStart: return spec.post_start[task.index];
    case core::Task::PreStop: return spec.pre_stop[task.index];
    case core::Task::PostStop: return spec.post_stop[task.index];
    case core::Task::Down: return *spec.undo;
    case core::Task::StopCommand: break;
  }
  return *spec.stop_command;
}

// runsv(8): the exit code or -1, and the low byte of the wait status, which has the signal and whether there is a core
// dump; 111 and 0 when ./run could not be started.
config::Command runit_finish(const config::Service& spec, const std::optional<WaitStatus>& end) {
  config::Command command = spec.post_stop.front();
  if (!end) {
    command.insert(command.end(), {"111", "0"});
  } else if (end->by_signal()) {
    constexpr int kCoreDumped = 0x80;
    command.push_back("-1");
    command.push_back(std::to_string(end->signal().number | (end->dumped_core() ? kCoreDumped : 0)));
  } else {
    command.insert(command.end(), {std::to_string(end->code()), "0"});
  }
  return command;
}

// s6-supervise(8): the exit code or 256, the signal, the service's name, and its process group.
config::Command s6_finish(const config::Service& spec, const std::optional<WaitStatus>& end, pid_t group) {
  config::Command command = spec.post_stop.front();
  const bool by_signal = end && end->by_signal();
  command.push_back(std::to_string(by_signal ? 256 : end ? end->code() : 127));
  command.push_back(std::to_string(by_signal ? end->signal().number : 0));
  command.push_back(spec.name);
  command.push_back(std::to_string(group));
  return command;
}

config::Command finish_command(const config::Service& spec, const std::optional<WaitStatus>& end, pid_t group) {
  const bool is_runit = spec.directory->suite == config::ServiceDirectory::Suite::Runit;
  return is_runit ? runit_finish(spec, end) : s6_finish(spec, end, group);
}

std::optional<pid_t> main_pid(pid_t main) { return main == 0 ? std::nullopt : std::optional(main); }

bool lingers(int fd) {
  linger value{};
  socklen_t size = sizeof(value);
  return getsockopt(fd, SOL_SOCKET, SO_LINGER, &value, &size) == 0 && value.l_onoff != 0;
}

}  // namespace

// Looks up the user, and reads what such a process needs to know beforehand.
Launcher::Prepared Launcher::begin(core::ServiceId id, Files files) {
  auto setup = std::make_unique<LaunchSetup>(plan_[id], config_, inherited_);
  if (auto failed = setup->identify()) return *std::move(failed);
  if (!files) files = std::make_unique<EnvFiles>(setup->env_files(), setup->user());
  if (files->is_waiting()) return files;
  if (auto failed = setup->take_env_files(files->take())) return *std::move(failed);
  return setup;
}

Launcher::Prepared Launcher::prepare(core::ServiceId id, Files files) {
  Prepared begun = begin(id, std::move(files));
  Setup* const setup = std::get_if<Setup>(&begun);
  if (!setup) return begun;
  const auto provided = listener_.provide(id, (*setup)->user());
  if (const auto* failed = std::get_if<core::StartFailure>(&provided)) return *failed;
  return finish(id, std::move(*setup), *std::get_if<Wiring>(&provided));
}

void Launcher::main_command_started() {
  for (const int fd : inherited_.descriptors) {
    if (!lingers(fd)) os::sys::close(fd);
  }
  inherited_.descriptors.clear();
}

Launcher::Prepared Launcher::prepare_task(const core::RunTask& task, pid_t main, pid_t group, Files files) {
  const config::Service& spec = plan_[task.service].spec;
  const bool is_finish = task.task == core::Task::PostStop && spec.directory;
  if (is_finish) return prepare_script(task.service, finish_command(spec, task.end, group), std::move(files));
  if (spec.directory) return prepare_script(task.service, command_of(spec, task), std::move(files));
  return prepare_command(task.service, command_of(spec, task), main, std::move(files));
}

Launcher::Prepared Launcher::prepare_script(core::ServiceId id, const config::Command& command, Files files) {
  return prepare_command(id, command, 0, std::move(files));
}

Launcher::Prepared Launcher::prepare_command(core::ServiceId id, const config::Command& command, pid_t main,
                                             Files files) {
  Prepared begun = begin(id, std::move(files));
  Setup* const setup = std::get_if<Setup>(&begun);
  if (!setup) return begun;
  auto provided = listener_.provide_for_command(id, (*setup)->user());
  if (const auto* failed = std::get_if<core::StartFailure>(&provided)) return *failed;
  Wiring& wiring = *std::get_if<Wiring>(&provided);
  wiring.command = &command;
  wiring.main_pid = main_pid(main);
  return finish(id, std::move(*setup), wiring);
}

Launcher::Prepared Launcher::prepare_probe(core::ServiceId id, const config::Command& command, pid_t main,
                                           Files files) {
  Prepared begun = begin(id, std::move(files));
  Setup* const setup = std::get_if<Setup>(&begun);
  if (!setup) return begun;
  Wiring wiring;
  wiring.command = &command;
  wiring.silent = true;
  wiring.main_pid = main_pid(main);
  return finish(id, std::move(*setup), wiring);
}

Launcher::Prepared Launcher::finish(core::ServiceId id, Setup setup, const Wiring& wiring) {
  if (auto failed = renew_environment()) return *std::move(failed);
  if (auto failed = setup->prepare(wiring)) return *std::move(failed);
  // Services of runit and s6 are kept as these keep them, down to the limits.
  const core::PlannedService& planned = plan_[id];
  const bool is_marked = planned.role == core::Role::Service && !planned.spec.directory;
  const os::MarkKind kind = wiring.silent ? os::MarkKind::Probe : os::MarkKind::Service;
  const auto mark = marks_.limits_of({static_cast<std::uint32_t>(core::index_of(id)), kind});
  if (mark && is_marked) setup->take_mark(*mark);
  if (setup->child().set_uid && setup->child().uid != geteuid()) share_outputs(plan_[id].spec);
  return setup;
}

os::Identity Launcher::user_of(core::ServiceId id) const {
  LaunchSetup setup(plan_[id], config_, inherited_);
  return setup.identify() ? os::Identity{} : setup.user();
}

void Launcher::reload_environment() {
  std::optional<Error>& error = inherited_.environment_error;
  error = inherited_.image->reload_environment(inherited_.environment);
  if (error) return;
  const Result<bool> reloaded = inherited_.directory.reload(inherited_.environment);
  if (!reloaded) {
    error = reloaded.error();
  } else if (*reloaded) {
    inherited_.directory.dump(inherited_.environment);
  }
}

// Nothing starts in an environment that hooks may have changed.
std::optional<core::StartFailure> Launcher::renew_environment() {
  if (inherited_.environment_error) reload_environment();
  if (!inherited_.environment_error) return std::nullopt;
  const Error& error = *inherited_.environment_error;
  return core::StartFailure{StartStage::Prepare, error.code,
                            "what hooks have made of the environment cannot be read: " + error.message, true};
}

// Programs open /dev/stdout and /dev/stderr by name, as nginx's logs in many images do; as another user than the one
// that made the pipe they could not.
void Launcher::share_outputs(const config::Service& spec) {
  if (spec.output.kind == config::Output::Kind::Inherit && !shared_stdout_) shared_stdout_ = os::share_for_writing(1);
  if (spec.error.kind == config::Output::Kind::Inherit && !shared_stderr_) shared_stderr_ = os::share_for_writing(2);
}

}  // namespace cinit::init
