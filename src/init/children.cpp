#include "init/children.hpp"

#include <errno.h>

#include <utility>

#include "os/syscall.hpp"

namespace cinit::init {

std::optional<Children::Found> Children::find(pid_t pid) const {
  const auto owner = owners_.find(pid);
  if (owner == owners_.end()) return std::nullopt;
  const ServiceProcesses& processes = of(owner->second);
  if (pid == processes.main) return Found{owner->second, ChildKind::Main};
  if (pid == processes.task) return Found{owner->second, ChildKind::Task};
  if (pid == processes.probe) return Found{owner->second, ChildKind::Probe};
  if (pid == processes.script) return Found{owner->second, ChildKind::Script};
  // A group that is watched is one whose leader we have reaped before: this is somebody else with that pid.
  return std::nullopt;
}

bool Children::started(pid_t pid) const {
  const auto owner = owners_.find(pid);
  return owner != owners_.end() && (find(pid) || of(owner->second).starting == pid);
}

void Children::add_starting(core::ServiceId id, pid_t pid) {
  at(id).starting = pid;
  owners_.insert_or_assign(pid, id);
}

void Children::add_main(core::ServiceId id, pid_t pid, pid_t group) {
  at(id).main = pid;
  at(id).group = group;
  at(id).is_one_of_many = false;
  owners_.insert_or_assign(pid, id);
}

void Children::look_at_group(core::ServiceId id) {
  ServiceProcesses& processes = at(id);
  if (processes.main == 0 || processes.group == processes.main) return;
  const long group = os::sys::call(SYS_getpgid, processes.main);
  if (group > 0) processes.group = static_cast<pid_t>(group);
}

void Children::add_task(core::ServiceId id, pid_t pid, std::uint32_t number) {
  at(id).task = pid;
  at(id).task_number = number;
  at(id).task_asked = false;
  owners_.insert_or_assign(pid, id);
}

void Children::add_probe(core::ServiceId id, pid_t pid, std::uint32_t number) {
  at(id).probe = pid;
  at(id).probe_number = number;
  owners_.insert_or_assign(pid, id);
}

void Children::add_script(core::ServiceId id, pid_t pid) {
  at(id).script = pid;
  owners_.insert_or_assign(pid, id);
}

void Children::main_reaped(core::ServiceId id, bool is_watched) {
  at(id).main = 0;
  if (!is_watched) at(id).group = 0;
}

void Children::group_emptied(core::ServiceId id) { owners_.erase(std::exchange(at(id).group, 0)); }

pid_t Children::take_starting(core::ServiceId id) {
  const pid_t pid = std::exchange(at(id).starting, 0);
  owners_.erase(pid);
  return pid;
}

pid_t Children::take_task(core::ServiceId id) {
  const pid_t pid = std::exchange(at(id).task, 0);
  owners_.erase(pid);
  return pid;
}

pid_t Children::take_probe(core::ServiceId id) {
  const pid_t pid = std::exchange(at(id).probe, 0);
  owners_.erase(pid);
  return pid;
}

pid_t Children::take_script(core::ServiceId id) {
  const pid_t pid = std::exchange(at(id).script, 0);
  owners_.erase(pid);
  return pid;
}

void signal_group(pid_t pid, int signal) {
  if (os::sys::kill(-pid, signal) == -ESRCH) os::sys::kill(pid, signal);
}

}  // namespace cinit::init
