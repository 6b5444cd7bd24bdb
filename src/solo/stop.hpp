// How a container with one command ends: the stop that SIGTERM begins, and the sweep of what the command leaves behind.
#pragma once

#include "base/stop_budget.hpp"
#include "os/fd.hpp"
#include "os/population.hpp"
#include "solo/command.hpp"

namespace cinit::solo {

// Knows everybody in the container, and what they still have of their time.
class Stop {
 public:
  // When we are not PID 1, this makes us a child subreaper.
  explicit Stop(const Command& command)
      : command_(command), budget_{command.stop_timeout, command.stop_timeout_chosen} {}

  void command_started(pid_t pid) { main_ = pid; }
  void command_ended() { main_ = 0; }
  void signal_received();

  // Acts on what is due. `no_children`: there is not one child left.
  void go_on(bool no_children);

  // Nobody is left, or those who are cannot be helped.
  bool over() const { return over_; }

  // Waits until the next signal or deadline, or the end of somebody who is no child of ours. Returns the signal, or 0.
  int wait(siginfo_t& info);

 private:
  enum class Phase {
    Running,   // nobody asked the command to end
    Stopping,  // SIGTERM was forwarded; next the others get theirs
    Swept,     // so they did; next comes SIGKILL
    Reaping,   // after SIGKILL
  };

  void begin();
  void sweep();
  void act_on_deadline();
  void spend_budget();
  void kill_everybody();
  void wind_up(bool no_children);
  void watch(pid_t pid);
  void report_others(const char* what) const;
  bool is_of_main(const os::Process& process) const;

  const Command& command_;
  StopBudget budget_;
  os::Population population_;
  pid_t main_ = 0;  // 0: it has ended
  bool over_ = false;
  bool swept_after_main_ = false;
  int signals_received_ = 0;
  Phase phase_ = Phase::Running;
  Time began_{};
  Time deadline_ = kNever;    // of the phase
  Time look_again_ = kNever;  // when somebody is left whom nothing can tell us about
  Time budget_end_ = kNever;
  os::Fd witness_;  // a process that is not our child: nothing can be over before it is
  os::Fd signals_;  // only to wait for both in one call
};

}  // namespace cinit::solo
