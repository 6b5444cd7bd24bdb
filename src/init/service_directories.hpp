// Service directories while the container runs: the trees in which they come and go, what sv(8) and s6-svc(8) see in
// their supervise/ and ask for, and the scripts in them. Everything that PID 1's loop has because of them is here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/action.hpp"
#include "core/retirement.hpp"
#include "core/supervisor.hpp"
#include "init/children.hpp"
#include "init/control_scripts.hpp"
#include "init/launcher.hpp"
#include "init/starts.hpp"
#include "init/supervise_directories.hpp"
#include "log/log.hpp"
#include "os/directory_watch.hpp"
#include "os/poller.hpp"
#include "servicedir/service_trees.hpp"

namespace cinit::init {

class ServiceDirectories {
 public:
  // What it needs of PID 1's loop.
  class Loop {
   public:
    // What a client has asked for, for the supervisor.
    virtual void tell(const core::Event& event) = 0;
    // The process that asks may have seen that a program runs: the supervisor is to know of that first.
    virtual void take_in_starts() = 0;
    // Runs a command that had to wait for the end of a script.
    virtual void run_task(const core::RunTask& task) = 0;
    // Directories may have come or gone: read() is to be called, and revised() if it has found something.
    virtual void rescan() = 0;

   protected:
    ~Loop() = default;
  };

  // All of them must outlive it.
  struct Parts {
    Loop& loop;
    const core::Supervisor& supervisor;
    const servicedir::ServiceTrees& trees;
    Launcher& launcher;
    Starts& starts;
    Children& children;
    os::Poller& poller;
    log::Log& log;
    // What has been said about service directories already.
    std::span<const config::Problem> told_problems;
  };
  ServiceDirectories(core::Plan& plan, const Parts& parts);

  // The last boot hook has ended: from now on each service is shown in its supervise/ and can be asked there. Once
  // only.
  void open_all();
  bool are_open() const { return are_open_; }

  // ---- In a turn of the loop

  // The poller has reported one of the sources Supervise, ScanControl or Directories.
  void hear(std::uint64_t token);
  // Carries out the letters that have come. A client that writes more of them while a script runs waits for its end, as
  // with runsv(8).
  void obey();
  // Shows what has changed, at the end of the turn.
  void show();
  // The state of the service, or what is wanted of it, has changed.
  void mark(core::ServiceId service);
  Time next_deadline() const { return std::min(rescan_at_, supervise_.next_look()); }
  // When the directories are to be read again.
  Time next_rescan() const { return rescan_at_; }

  // ---- Directories that come and go

  // The services that are there now; std::nullopt while that is not certain, and in the stop. It is tried again later
  // then.
  std::optional<std::vector<config::Service>> read();
  // The plan has been revised by what was read. Each table of services has grown before the supervisor is told: here by
  // grow().
  void grow();
  void revised(const core::PlanRevised& revised);

  // ---- Processes of services

  // The service's process is about to be started.
  void starting(core::ServiceId service) { retirement_.starting(service); }
  // Its main process has ended.
  void main_ended(core::ServiceId service, WaitStatus status);
  // One of its commands has ended.
  void task_ended(core::ServiceId service, WaitStatus status);
  // One of its control scripts has ended, or could not be started.
  void script_ended(core::ServiceId service, WaitStatus status);
  void script_failed(core::ServiceId service);

  // Sends a signal to the main process, if that is a signal for which a script may stand in. False: it is not, and is
  // still to be sent.
  bool deliver(const core::SendSignal& signal);
  // A script has stood in for the stop signal, which was not sent.
  bool replaces_stop_signal(core::ServiceId service) const { return scripts_.replaces_stop_signal(service); }
  // Keeps back a command of the service until none of its scripts runs. False: none does, and the command is to be run.
  bool holds_back(const core::RunTask& task);
  void forget_held_back(core::ServiceId service) { held_back_.erase(service); }
  // The scripts of a service directory are looked for each time they are needed, and need not be there.
  bool is_missing_script(const core::RunTask& task) const;
  // No service waits for a script that hangs: the stop of everything is about to end.
  void hurry_scripts();

 private:
  void open(core::ServiceId service);
  void take_working_directory(core::ServiceId service);
  void take_letter(core::ServiceId service, char letter);
  bool take_s6_letter(core::ServiceId service, char letter);
  void note_down(core::ServiceId service, bool is_down);
  void take_scan_letter(char letter);
  void exit(core::ServiceId service);
  void deliver_stop(core::ServiceId service, int signal);
  void go_on_without_script(core::ServiceId service);
  void watch_trees();
  std::optional<Error> watch(std::span<const std::string> directories);
  bool are_all_readable();
  void tell_problems(std::vector<config::Problem> problems);
  void warn(const std::string& message);
  void rescan_in(Duration time);
  bool is_looked_after(core::ServiceId service) const;
  void close(core::ServiceId service);

  core::Plan& plan_;
  Loop& loop_;
  const core::Supervisor& supervisor_;
  const servicedir::ServiceTrees& trees_;
  Children& children_;
  os::Poller& poller_;
  log::Log& log_;
  ControlScripts scripts_;
  core::Retirement retirement_;
  SuperviseDirectories supervise_;
  std::map<core::ServiceId, core::RunTask> held_back_;  // each a ./finish, until no script runs
  std::optional<os::DirectoryWatch> watch_;
  bool watch_is_heard_ = false;  // the poller reports it
  Time rescan_at_ = kNever;
  std::set<std::string> told_problems_;  // of the last reading
  bool told_of_late_changes_ = false;
  std::set<std::string> read_before_;  // directories of service directories
  std::set<std::string> missed_;       // of these, which are not there
  std::set<core::ServiceId> asked_;    // whose supervise/control can be read
  bool scan_is_asked_ = false;         // likewise .s6-svscan/control
  std::set<core::ServiceId> muted_;    // whose is not reported, as long as a script runs
  bool are_open_ = false;
};

}  // namespace cinit::init
