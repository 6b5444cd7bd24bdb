// Processes that services have left: children of cinit that it has not started, but inherited from a process that has
// ended. Whose they are is told by their mark (os/mark.hpp).
//
// All that PID 1 looks at is the list of its own children, when a service has ended; the mark of each of them is read
// once. As children they keep their pids until cinit reaps them, so a signal reaches none but them.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "core/plan.hpp"
#include "init/children.hpp"
#include "os/mark.hpp"
#include "os/processes.hpp"

namespace cinit::init {

class Leftovers {
 public:
  // Both must outlive it.
  Leftovers(const os::Processes& processes, const Children& children) : processes_(processes), children_(children) {}

  // Takes in who is there now. However many there are, this takes at most a twentieth of the time: false when it is not
  // looked again so soon, and what is known is from before. `now` anyway with `must`.
  bool look(Time now, bool must = false);

  // Who of the service has not ended, as of the last look.
  std::vector<os::Process> of(core::ServiceId service) const;
  bool has(core::ServiceId service) const;
  // Whether this process, by its number, was one of those at the last look.
  bool owns(core::ServiceId service, pid_t pid) const;

  // Sends the signal to all of them, and to those that are found later, each once, until forget_signal(). After SIGKILL
  // there is no other: what the last of a group that was killed has left gets SIGKILL, too.
  void send(core::ServiceId service, int signal);
  void forget_signal(core::ServiceId service) { signals_.erase(service); }
  // SIGKILL to what exec probes of the service have left. Returns how many there were.
  int end_probes(core::ServiceId service, Time now);

  // The child is none of them: it has ended, and is not reaped yet.
  void pass_over(pid_t pid);
  // The child is reaped.
  void forget(pid_t pid) { known_.erase(pid); }

 private:
  struct Known {
    std::optional<core::ServiceId> owner;  // unset: no service
    bool of_probe = false;
    int told = 0;  // the signal that it got
    std::uint64_t seen = 0;
  };

  void take_in(pid_t pid);
  void deliver(pid_t pid, Known& known, int signal);

  const os::Processes& processes_;
  const Children& children_;
  os::Marks marks_;
  std::unordered_map<pid_t, Known> known_;
  std::map<core::ServiceId, int> signals_;
  std::uint64_t looks_ = 0;
  int room_ = 0;  // for the marks of others, in this look
  Time not_before_{};
};

// "nginx (9), nginx (10) and 3 more".
std::string names_of(const std::vector<os::Process>& processes);

}  // namespace cinit::init
