// All the processes that cinit answers for: as PID 1 every one of its PID namespace, otherwise its own descendants.
#pragma once

#include "os/processes.hpp"

namespace cinit::os {

// Who is left besides us.
struct Remaining {
  enum class Who {
    Nobody,
    Children,  // SIGCHLD tells when that changes
    Outsider,  // nobody's parent tells us; `pid` is one of them, for a pidfd
    Unknown,   // somebody, but without /proc nobody knows who
  };
  Who who = Who::Nobody;
  pid_t pid = 0;
};

class Population {
 public:
  // When we are not PID 1, this makes us a child subreaper: prctl(2), PR_SET_CHILD_SUBREAPER.
  Population();

  bool is_init() const { return is_init_; }
  const Processes& processes() const { return processes_; }

  // SIGTERM (SIGHUP as well to one that has a terminal, because that is what ends an interactive shell), then SIGCONT, to
  // each for which spare(process) is false. Where /proc shows none of them PID 1 reaches everybody by kill(-1), spared or not;
  // anybody else reaches nobody, since -1 would be the neighbours, too.
  template <class Spare>
  void terminate(Spare&& spare) const {
    bool sees_some = false;
    const bool sees_all = processes_.for_each([&](const Process& process) {
      sees_some = true;
      if (is_ours(process) && !spare(process)) terminate(process);
      return true;
    });
    if (!sees_all && !sees_some) terminate_unseen();
  }

  // SIGKILL to everybody.
  void kill() const {
    if (is_init_) {
      sys::kill(-1, SIGKILL);
    } else {
      kill([](const Process&) { return false; });
    }
  }

  // SIGKILL to each for which spare(process) is false, and again until none of them is left that could have forked.
  template <class Spare>
  void kill(Spare&& spare) const {
    constexpr int kMostPasses = 10;
    bool found = true;
    for (int pass = 0; found && pass < kMostPasses; ++pass) {
      found = false;
      processes_.for_each([&](const Process& process) {
        if (is_ours(process) && !spare(process)) found = kill(process) || found;
        return true;
      });
    }
  }

  // Who is left. `have_children`: there are children that have not been reaped.
  Remaining remaining(bool have_children) const;

  // Calls visit(const Process&) for each that has not ended, until it returns false.
  template <class Visit>
  void for_each(Visit&& visit) const {
    processes_.for_each([&](const Process& process) { return !is_ours(process) || visit(process); });
  }

 private:
  bool is_ours(const Process& process) const;
  void terminate(const Process& process) const;
  bool kill(const Process& process) const;
  void terminate_unseen() const;

  pid_t self_;
  bool is_init_;
  Processes processes_;
};

}  // namespace cinit::os
