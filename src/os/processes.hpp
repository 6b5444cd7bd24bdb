// The other processes of the PID namespace, as /proc tells of them: proc(5), /proc/[pid]/stat.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "os/fd.hpp"
#include "os/signals.hpp"

namespace cinit::os {

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;  // 0: in another PID namespace, as for what `docker exec` or nsenter(1) started
  pid_t group = 0;
  pid_t session = 0;
  int terminal = 0;  // 0: it has no controlling terminal
  char state = '?';  // R, S, D, Z, T...
  // In clock ticks since boot: tells a process from a later one with the same pid. 0: it could not be looked at.
  std::uint64_t start = 0;
  char name[16] = {};  // the first 15 bytes of what comm says

  bool ended() const { return state == 'Z' || state == 'X'; }
};

// What the letter of a process state stands for: "D (uninterruptible sleep)". proc(5), /proc/[pid]/stat.
const char* describe_state(char state);

// A pid in decimal and nothing else; 0 when the text is no pid.
pid_t to_pid(const char* text);

// A view of /proc, if that is the one of our own PID namespace: if /proc/self is us. It is opened at the first use, since
// most containers end without anybody having asked, and needs one descriptor from then on.
class Processes {
 public:
  // Without it nothing below finds anything.
  bool available() const;

  // One process; false when there is none of that pid. Of one that is there and cannot be looked at, for a reason that may pass (no
  // descriptor), only pid, group and session are known.
  bool read(pid_t pid, Process& process) const;

  // The first bytes of /proc/PID/NAME, with one read(2). Returns how many, or a negative errno.
  long read_text(pid_t pid, const char* name, char* buffer, std::size_t size) const;

  // Calls visit(pid) for each child of ours, zombies included: /proc/[pid]/task/[tid]/children, without a look at each process of the
  // namespace; where the kernel does not have that file (CONFIG_PROC_CHILDREN), by such a look. False when they could not all be
  // seen.
  template <class Visit>
  bool for_each_child(Visit&& visit) const {
    return each_child([](void* context, pid_t pid) { (*static_cast<Visit*>(context))(pid); }, &visit);
  }

  // Calls visit(const Process&) for every process but ourselves, until it returns false. Zombies are among them. Returns
  // whether all were seen: false when /proc could not be read to its end.
  template <class Visit>
  bool for_each(Visit&& visit) const {
    return each([](void* context, const Process& process) { return (*static_cast<Visit*>(context))(process); }, &visit);
  }

  // Whether matches(pid) is true for a parent of `process`, or for one further up.
  template <class Matches>
  bool any_ancestor(const Process& process, Matches&& matches) const {
    Process at = process;
    // A child may be adopted while we climb, so that the way up never ends; nothing is this deep.
    for (int depth = 0; depth < 1000 && at.parent > 0; ++depth) {
      if (matches(at.parent)) return true;
      if (!read(at.parent, at)) return false;
    }
    return false;
  }

 private:
  using Visitor = bool (*)(void* context, const Process& process);
  using ChildVisitor = void (*)(void* context, pid_t pid);
  bool each(Visitor visitor, void* context) const;
  bool each_child(ChildVisitor visitor, void* context) const;

  mutable Fd proc_;
  mutable bool looked_ = false;
};

// Sends `signals` (null-terminated) to exactly the process that `process` describes: never to a later one with its pid. Our
// own children keep their pids until we reap them; any other is held by a pidfd and looked at again (pidfd_open(2)).
// Returns whether it was still there.
bool signal_process(const Processes& processes, const Process& process, const int* signals);

}  // namespace cinit::os
