#include "init/control_scripts.hpp"

#include <signal.h>
#include <sys/stat.h>

#include <string>
#include <utility>

#include "os/file.hpp"

namespace cinit::init {
namespace {

// A logger's, and those of s6, have none.
bool has_scripts(const core::PlannedService& service) {
  const auto& directory = service.spec.directory;
  return directory && directory->suite == config::ServiceDirectory::Suite::Runit && service.producers.empty();
}

}  // namespace

void ControlScripts::deliver(core::ServiceId id, const Delivery& delivery) {
  services_[core::index_of(id)].waiting.push_back(delivery);
  go_on(id);
}

void ControlScripts::go_on(core::ServiceId id) {
  Service& service = services_[core::index_of(id)];
  while (!service.waiting.empty() && !service.runs) {
    service.current = service.waiting.front();
    service.waiting.pop_front();
    if (!run_script(id, service.current.script)) send(id, service.current.signal);
  }
}

// False: there is none.
bool ControlScripts::run_script(core::ServiceId id, char letter) {
  if (letter == '\0' || !has_scripts(plan_[id])) return false;
  const std::string script = std::string("control/") + letter;
  const std::string path = plan_[id].spec.directory->path + "/" + script;
  struct stat status {};
  const int error = persist([&] { return os::look_at_itself(path, status); });
  // What cannot be looked at may be there, and a link may lead to a script. If there is none, its start fails, and the
  // signal is sent then.
  if (error != 0 && !may_pass(error)) return false;
  constexpr mode_t kExecutable = S_IXUSR | S_IXGRP | S_IXOTH;
  if (error == 0 && !S_ISLNK(status.st_mode) && (status.st_mode & kExecutable) == 0) return false;
  services_[core::index_of(id)].runs = true;
  starts_.begin({id, ChildKind::Script}, [this, id, script](Launcher::Files files) {
    return launcher_.prepare_script(id, {script}, std::move(files));
  });
  return true;
}

// SIGKILL to the script that runs. False: there is none.
bool ControlScripts::end_script(core::ServiceId id) {
  starts_.withdraw(id, ChildKind::Script);
  const pid_t pid = children_.take_script(id);
  if (pid != 0) signal_group(pid, SIGKILL);
  return std::exchange(services_[core::index_of(id)].runs, false);
}

void ControlScripts::script_ended(core::ServiceId id, WaitStatus status) {
  children_.take_script(id);
  Service& service = services_[core::index_of(id)];
  service.runs = false;
  const bool replaces = status == WaitStatus::exited(0);
  if (replaces && service.current.signal == SIGTERM) service.replaced_term = true;
  replaces ? note_pause(id, service.current.signal) : send(id, service.current.signal);
  go_on(id);
}

void ControlScripts::script_failed(core::ServiceId id) {
  constexpr int kNotStarted = 111;  // what runsv(8) takes it for
  script_ended(id, WaitStatus::exited(kNotStarted));
}

void ControlScripts::main_ended(core::ServiceId id) {
  Service& service = services_[core::index_of(id)];
  std::erase_if(service.waiting, [](const Delivery& delivery) { return delivery.signal != 0; });
  service.current = {};
  service.paused = false;
  service.got_term = false;
  service.replaced_term = false;
  go_on(id);
}

void ControlScripts::give_up(core::ServiceId id) {
  services_[core::index_of(id)].waiting.clear();
  end_script(id);
}

void ControlScripts::hurry(core::ServiceId id) {
  Service& service = services_[core::index_of(id)];
  const std::deque<Delivery> waiting = std::exchange(service.waiting, {});
  if (end_script(id)) send(id, service.current.signal);
  for (const Delivery& delivery : waiting) send(id, delivery.signal);
}

bool ControlScripts::is_busy(core::ServiceId id) const {
  const Service& service = services_[core::index_of(id)];
  return service.runs || !service.waiting.empty();
}

void ControlScripts::send(core::ServiceId id, int signal) {
  const pid_t pid = children_.of(id).main;
  if (signal == 0 || pid == 0 || os::sys::kill(pid, signal) < 0) return;
  if (signal == SIGTERM) {
    services_[core::index_of(id)].got_term = true;
    services_[core::index_of(id)].replaced_term = false;
  }
  note_pause(id, signal);
}

// A script that has succeeded has done what the signal is for, as far as runsv(8) is concerned.
void ControlScripts::note_pause(core::ServiceId id, int signal) {
  Service& service = services_[core::index_of(id)];
  if (signal == SIGSTOP) service.paused = true;
  if (signal == SIGCONT) service.paused = false;
}

}  // namespace cinit::init
