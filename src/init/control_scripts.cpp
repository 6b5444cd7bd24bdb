#include "init/control_scripts.hpp"

#include <signal.h>
#include <unistd.h>

#include <string>
#include <utility>

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
  while (!service.waiting.empty() && children_.of(id).script == 0) {
    service.current = service.waiting.front();
    service.waiting.pop_front();
    if (!run_script(id, service.current.script)) send(id, service.current.signal);
  }
}

// False: there is none, or it cannot be run.
bool ControlScripts::run_script(core::ServiceId id, char letter) {
  if (letter == '\0' || !has_scripts(plan_[id])) return false;
  const std::string script = std::string("control/") + letter;
  if (access((plan_[id].spec.directory->path + "/" + script).c_str(), X_OK) != 0) return false;
  const auto started = launcher_.launch_script(id, {script});
  const pid_t* const pid = std::get_if<pid_t>(&started);
  if (pid) children_.add_script(id, *pid);
  return pid != nullptr;
}

void ControlScripts::script_ended(core::ServiceId id, WaitStatus status) {
  children_.take_script(id);
  const int signal = services_[core::index_of(id)].current.signal;
  status == WaitStatus::exited(0) ? note_pause(id, signal) : send(id, signal);
  go_on(id);
}

void ControlScripts::main_ended(core::ServiceId id) {
  Service& service = services_[core::index_of(id)];
  std::erase_if(service.waiting, [](const Delivery& delivery) { return delivery.signal != 0; });
  service.current = {};
  service.paused = false;
  service.got_term = false;
  go_on(id);
}

void ControlScripts::give_up(core::ServiceId id) {
  services_[core::index_of(id)].waiting.clear();
  const pid_t pid = children_.take_script(id);
  if (pid != 0) os::sys::kill(-pid, SIGKILL);
}

void ControlScripts::hurry(core::ServiceId id) {
  Service& service = services_[core::index_of(id)];
  const std::deque<Delivery> waiting = std::exchange(service.waiting, {});
  const pid_t pid = children_.take_script(id);
  if (pid != 0) {
    os::sys::kill(-pid, SIGKILL);
    send(id, service.current.signal);
  }
  for (const Delivery& delivery : waiting) send(id, delivery.signal);
}

bool ControlScripts::is_busy(core::ServiceId id) const {
  return children_.of(id).script != 0 || !services_[core::index_of(id)].waiting.empty();
}

void ControlScripts::send(core::ServiceId id, int signal) {
  const pid_t pid = children_.of(id).main;
  if (signal == 0 || pid == 0 || os::sys::kill(pid, signal) < 0) return;
  if (signal == SIGTERM) services_[core::index_of(id)].got_term = true;
  note_pause(id, signal);
}

// A script that has succeeded has done what the signal is for, as far as runsv(8) is concerned.
void ControlScripts::note_pause(core::ServiceId id, int signal) {
  Service& service = services_[core::index_of(id)];
  if (signal == SIGSTOP) service.paused = true;
  if (signal == SIGCONT) service.paused = false;
}

}  // namespace cinit::init
