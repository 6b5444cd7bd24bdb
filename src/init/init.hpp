// PID 1: one wait, one deadline, and everything that happens put to the supervisor.
#pragma once

#include <sys/signalfd.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "control/host.hpp"
#include "control/server.hpp"
#include "core/named_main.hpp"
#include "core/revision.hpp"
#include "core/supervisor.hpp"
#include "init/children.hpp"
#include "init/launcher.hpp"
#include "init/leftovers.hpp"
#include "init/listener.hpp"
#include "init/narrator.hpp"
#include "init/prober.hpp"
#include "init/service_directories.hpp"
#include "init/starts.hpp"
#include "init/stop_reason.hpp"
#include "init/words.hpp"
#include "log/log.hpp"
#include "os/as_user.hpp"
#include "os/discarder.hpp"
#include "os/poller.hpp"
#include "os/population.hpp"
#include "os/wait.hpp"
#include "servicedir/service_trees.hpp"

namespace cinit::init {

// What PID 1 cannot do without, and whose want ends the boot.
struct LoopParts {
  os::Poller poller;
  os::Fd signals;
  os::Discarder discarder = {};

  // Signals must be blocked: os::block_signals().
  static Result<LoopParts> make();
};

// Translates: what the kernel says into events, actions into system calls. It decides nothing.
class Init final : private control::Host, private ServiceDirectories::Loop {
 public:
  // All of them must outlive it.
  struct Parts {
    LoopParts& loop;
    Launcher& launcher;
    Listener& listener;
    log::Log& log;
    const servicedir::ServiceTrees& trees;
    const config::Container& defaults;  // [cinit]
    MakeWords make_words;
    // What has been said about service directories already.
    std::span<const config::Problem> told_problems;
  };
  // The plan is changed when service directories come or go.
  Init(core::Plan& plan, const Parts& parts);

  // Lets commands come in by a socket at this path; empty: none. What prevents that is a warning.
  void listen(const std::string& control_socket);

  // Runs the container until its end. Returns the exit code.
  int run();
  // Whether that end was asked for by a signal.
  bool is_stopped_by_signal() const { return supervisor_.is_stopped_by_signal(); }

 private:
  // The kernel's side.
  void wait();
  Time next_deadline() const;
  void dispatch(std::uint64_t token);
  void reap();
  void note_out_of_memory(WaitStatus& status);
  void child_ended(os::ChildChange change);
  void main_ended(core::ServiceId service, const os::ChildChange& change);
  void task_ended(core::ServiceId service, const os::ChildChange& change);
  void probe_ended(core::ServiceId service, const os::ChildChange& change);
  void hook_ended(core::ServiceId service, bool succeeded);
  void hear_notification(core::ServiceId service);
  void take_main_pid(core::ServiceId service);
  bool hands_over(core::ServiceId service);
  void check_groups();

  // What services leave behind, and services that go into the background: init_leftovers.cpp.
  struct PidFile {
    Time look_at{};
    std::optional<os::FileProcess> work = {};
  };
  std::string tell_of_leftovers(core::ServiceId service, const os::ChildChange& change);
  void signal_leftovers(core::ServiceId service, Signal signal);
  bool has_left_nothing(core::ServiceId service, bool looked) const;
  bool goes_on_in_background(core::ServiceId service, const os::ChildChange& change);
  void make_main(core::ServiceId service, const os::Process& process, bool is_one_of_many);
  void say_where_it_goes_on(core::ServiceId service, const std::vector<os::Process>& processes);
  Time next_look_for_pid_file() const;
  void look_for_pid_files();
  std::optional<std::string> read_pid_file(core::ServiceId service, PidFile& file);
  bool take_pid(core::ServiceId service, pid_t pid);

  bool is_watched(core::ServiceId service) const;
  bool is_empty(core::ServiceId service) const;
  void check_suspension();
  std::vector<core::SignalReceived> take_signals();
  core::SignalOrigin origin_of(const signalfd_siginfo& info) const;
  void take_in_starts() override;
  void say_the_last();
  bool is_urged();
  void make_room_in_memory();
  void check_deadline();
  void tell_whom_the_stop_awaits();
  void look_who_is_left();
  void watch(pid_t pid);

  // The supervisor's side: init_actions.cpp.
  void tell(const core::Event& event) override;
  void tell_answers();
  void take_start_results();
  void main_started(const Starts::Result& result);
  void command_not_started(const Starts::Result& result);
  void tell_what_was_heard();
  void carry_out(const core::Actions& actions);
  void carry_out(const core::Spawn& action);
  void carry_out(const core::CancelSpawn& action);
  void carry_out(const core::SendSignal& action);
  void carry_out(const core::CloseInput& action) { listener_.close_input(action.service); }
  void carry_out(const core::RunTask& action);
  void carry_out(const core::SignalTask& action);
  void carry_out(const core::EndTask& action);
  void carry_out(const core::StartProbe& action);
  void carry_out(const core::EndProbe& action);
  void carry_out(const core::WatchGroup& action);
  void carry_out(const core::ForgetGroup& action);
  void carry_out(const core::Sweep& action);
  void carry_out(const core::KillEverything& action);
  void carry_out(const core::Announce& action);
  void carry_out(const core::Exit& action);
  core::Notice as_it_was(core::Notice notice) const;
  void write(const Narration& narration, bool is_repeatable = false);
  void look_for_nothing();
  void log_last_lines(core::ServiceId service);
  void tell_who_started_us(const core::Notice& notice);
  void name_undying(core::ServiceId service);
  void report_processes(const char* event, const char* what, bool of_services);

  // Service directories.
  void open_directories();
  void revise_plan();
  void rescan() override;
  void run_task(const core::RunTask& task) override { carry_out(task); }

  // control::Host: init_host.cpp.
  const core::Plan& plan() const override { return plan_; }
  core::ServiceStatus status(core::ServiceId service) const override { return supervisor_.status(service); }
  pid_t main_pid(core::ServiceId service) const override { return children_.of(service).main; }
  std::string trouble(core::ServiceId service) const override { return reason_.why_down(service); }
  Time now() const override;
  bool is_stopping() const override { return supervisor_.is_stopping(); }
  bool takes(core::Requested::What what) const override { return supervisor_.takes(what); }
  void ask(const core::Requested& request) override;
  void shut_down(std::optional<int> code) override;
  bool send_signal(core::ServiceId service, Signal signal, bool group) override;
  bool is_captured(core::ServiceId service) const override { return listener_.captures(service); }
  std::vector<control::Process> background(core::ServiceId service) override;
  std::vector<control::LogLine> recent_lines(core::ServiceId service, std::size_t most) const override;

  bool belongs_to_service(const os::Process& process) const;
  bool belongs_to(core::ServiceId service, const os::Process& process) const;
  bool is_of(core::ServiceId service, const os::Process& process) const;

  core::Plan& plan_;
  os::Poller& poller_;
  os::Fd& signals_;
  os::Discarder& discarder_;
  Launcher& launcher_;
  Listener& listener_;
  log::Log& log_;
  const config::Container& defaults_;
  os::Population population_;
  core::Supervisor supervisor_;
  Prober prober_;
  Children children_;
  Leftovers leftovers_{population_.processes(), children_};
  std::map<core::ServiceId, PidFile>
      pid_files_;  // of services that have gone into the background, until they name a process
  Starts starts_;
  ServiceDirectories directories_;
  std::unique_ptr<Words> words_;
  StopReason reason_;
  control::Server control_;

  std::deque<core::Event> answers_;                  // to actions, not told yet
  core::NamedMains named_mains_;                     // processes in which services go on when their main process ends
  std::vector<core::ServiceId> watched_groups_;      // whose main process has ended, and whose group has not
  std::set<std::pair<pid_t, std::uint64_t>> swept_;  // pid and start time of who got the sweep's SIGTERM

  Time awake_{};                 // when the last wait was over
  Time shown_at_{};              // likewise, when it was asked what runs in the background
  std::uint64_t oom_kills_ = 0;  // of the kernel, that have been told or were before us
  bool more_to_reap_ = true;     // whoever started us by exec(2) may have had children
  bool no_children_ = false;
  bool looking_for_nothing_ = false;
  Time look_again_ = kNever;
  std::optional<Time> stop_began_at_;
  Time stop_told_at_ = kNever;  // when it is told what the stop waits for
  os::Fd outsider_;             // a process that is not our child: nothing can be over before it is
  std::optional<int> exit_code_;
};

}  // namespace cinit::init
