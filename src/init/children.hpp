// Which of our processes is what: the main processes of services, and the commands that run beside them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/plan.hpp"

namespace cinit::init {

// Script: one of control/ in a service directory.
enum class ChildKind { Main, Task, Probe, Script };

// The processes of one service; 0: there is none.
struct ServiceProcesses {
  pid_t starting = 0;  // is to become the main process, and has not called exec yet
  pid_t main = 0;
  pid_t group = 0;  // the main process's group, which may outlive it
  // The main process stands for several that go on in the background, of which none is known to be the main process.
  bool is_one_of_many = false;
  pid_t task = 0;
  bool task_asked = false;  // to end
  pid_t probe = 0;
  pid_t script = 0;
  // By which the supervisor knows them.
  std::uint32_t task_number = 0;
  std::uint32_t probe_number = 0;
};

class Children {
 public:
  explicit Children(std::size_t services) : processes_(services) {}
  // There are this many services now, which are not fewer than before.
  void grow(std::size_t services) { processes_.resize(services); }

  struct Found {
    core::ServiceId service;
    ChildKind kind;
  };
  // Whose process this is, if it is one of those.
  std::optional<Found> find(pid_t pid) const;
  // Whether it is one of those, or the number of a group that is watched.
  bool knows(pid_t pid) const { return owners_.contains(pid); }

  // Whether cinit has started it for a service, and it is not over.
  bool started(pid_t pid) const;

  const ServiceProcesses& of(core::ServiceId id) const { return processes_[core::index_of(id)]; }

  void add_starting(core::ServiceId id, pid_t pid);
  void add_main(core::ServiceId id, pid_t pid, pid_t group);
  // A main process that has taken the place of another may still change its group: daemon(3) does, after its parent has
  // ended. As long as it is not reaped the group that it is in is known, and is no other's.
  void look_at_group(core::ServiceId id);
  void mark_as_one_of_many(core::ServiceId id, bool is_one) { at(id).is_one_of_many = is_one; }
  void add_task(core::ServiceId id, pid_t pid, std::uint32_t number);
  void add_probe(core::ServiceId id, pid_t pid, std::uint32_t number);
  void add_script(core::ServiceId id, pid_t pid);
  // Its command is asked to end.
  void ask_task(core::ServiceId id) { at(id).task_asked = true; }

  // The main process has ended, and is not reaped yet: what is left of it belongs to nobody, unless its group is
  // watched.
  void main_ended(core::ServiceId id) { owners_.erase(at(id).main); }
  void watch_group(core::ServiceId id) { owners_.insert_or_assign(at(id).group, id); }
  // It is reaped. Its group is remembered when it is watched.
  void main_reaped(core::ServiceId id, bool is_watched);
  void group_emptied(core::ServiceId id);
  // Forgets it, and returns its pid.
  pid_t take_starting(core::ServiceId id);
  pid_t take_task(core::ServiceId id);
  pid_t take_probe(core::ServiceId id);
  pid_t take_script(core::ServiceId id);

 private:
  ServiceProcesses& at(core::ServiceId id) { return processes_[core::index_of(id)]; }

  std::vector<ServiceProcesses> processes_;
  std::unordered_map<pid_t, core::ServiceId> owners_;
};

// Sends a signal to the process group that `pid` leads, or to `pid` alone as long as it leads none: a child that has
// not come to its setsid(2) yet.
void signal_group(pid_t pid, int signal);

}  // namespace cinit::init
