// PID 1: one wait, one deadline, and everything that happens put to the supervisor.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/supervisor.hpp"
#include "init/launcher.hpp"
#include "init/narrator.hpp"
#include "log/log.hpp"
#include "os/poller.hpp"
#include "os/population.hpp"
#include "os/wait.hpp"

namespace cinit::init {

// Translates: what the kernel says into events, actions into system calls. It decides nothing.
class Init {
 public:
  // The references must outlive it. Signals must be blocked: os::block_signals(). The error, before any process has been
  // started, says what PID 1 cannot do without.
  static Result<Init> make(const core::Plan& plan, Launcher& launcher, log::Log& log);

  // Runs the container until its end. Returns the exit code.
  int run();

 private:
  Init(const core::Plan& plan, Launcher& launcher, log::Log& log, os::Poller poller, os::Fd signals);

  // The kernel's side.
  void wait();
  void reap();
  void child_ended(const os::ChildChange& change);
  void check_groups();
  bool is_watched(core::ServiceId service) const;
  void check_suspension();
  std::vector<core::SignalReceived> take_signals();
  void check_deadline();
  void look_who_is_left();
  void watch(pid_t pid);

  // The supervisor's side.
  void tell(const core::Event& event);
  void tell_answers();
  void carry_out(const core::Actions& actions);
  void carry_out(const core::Spawn& action);
  void carry_out(const core::SendSignal& action);
  void carry_out(const core::WatchGroup& action);
  void carry_out(const core::Sweep& action);
  void carry_out(const core::KillEverything& action);
  void carry_out(const core::Announce& action);
  void carry_out(const core::Exit& action);
  void remember(const core::Notice& notice, const Narration& narration);
  void look_for_nothing();
  void report_processes(const char* event, const char* what, bool of_services);

  bool belongs_to_service(const os::Process& process) const;
  bool belongs_to(core::ServiceId service, const os::Process& process) const;
  pid_t& pid_of(core::ServiceId id) { return pids_[core::index_of(id)]; }

  const core::Plan& plan_;
  Launcher& launcher_;
  log::Log& log_;
  os::Poller poller_;
  os::Fd signals_;
  os::Population population_;
  core::Supervisor supervisor_;

  std::deque<core::Event> answers_;                      // to actions, not told yet
  std::vector<pid_t> pids_;                              // of each service's main process, and so of its group; 0: none
  std::unordered_map<pid_t, core::ServiceId> services_;  // the inverse
  std::vector<core::ServiceId> watched_groups_;          // whose main process has ended, and whose group has not
  std::set<std::pair<pid_t, std::uint64_t>> swept_;      // pid and start time of who got the sweep's SIGTERM

  bool more_to_reap_ = true;  // whoever started us by exec(2) may have had children
  bool no_children_ = false;
  bool looking_for_nothing_ = false;
  Time look_again_ = kNever;
  os::Fd witness_;  // a process that is not our child: nothing can be over before it is
  bool stopping_ = false;
  std::map<core::ServiceId, std::string> troubles_;  // what went wrong with a service since its last start
  std::string reason_;                               // of the stop, if it is that something was wrong
  std::optional<int> exit_code_;
};

}  // namespace cinit::init
