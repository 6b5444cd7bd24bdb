// Processes that behave as badly as real ones, without a kernel. It carries out the supervisor's actions as src/init does,
// and writes down what happens.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/action.hpp"
#include "core/random.hpp"
#include "simulation/record.hpp"

namespace cinit::core::simulation {

// How the processes of one simulated container behave; chances are in percent.
struct Climate {
  std::uint64_t ends_by_itself = 60;  // sooner or later; the others would run for ever
  std::uint64_t fails = 50;           // of those that end by themselves
  std::uint64_t ignores_signals = 20;
  std::uint64_t forks = 30;          // background children and daemons
  std::uint64_t suspended = 5;       // by job control, at some time
  std::uint64_t undying = 3;         // needs a while even after SIGKILL: state D
  std::uint64_t broken = 5;          // a service whose program cannot be executed
  std::uint64_t spawn_fails = 10;    // for want of a process slot, at every attempt
  std::uint64_t starts_slowly = 30;  // between clone and exec, of those that begin
  std::uint64_t start_hangs = 5;     // of the slow ones
  std::uint64_t commands_fail = 20;  // those beside main processes
  std::uint64_t commands_hang = 5;
  std::uint64_t probes_fail = 30;
  std::uint64_t probes_hang = 5;
  std::uint64_t never_tells = 10;  // that it is ready, or well
  std::uint64_t goes_on = 10;      // into the background, unasked, of those that end well
  // No process can be started in this time.
  Time no_slots_from = kNever;
  Time no_slots_until = kNever;
};

class FakeKernel {
 public:
  FakeKernel(const Plan& plan, Climate climate, std::uint64_t seed, Record& record, Violations& violations);

  void carry_out(const Action& action, Time now);

  // The next answer to a Spawn action that is answered at once. They are to be told before other events.
  std::optional<Event> take_answer();

  // When the next process does something by itself.
  Time next_process_event() const;
  // Lets one of the processes that are due do what it is about to do. False when none is.
  bool step(Time now);

  // What can be told to the supervisor now: ends of main processes, suspensions, empty groups, and that nothing is left.
  std::vector<Event> news() const;
  // To be called before an event of news() is told...
  void telling(const Event& event);
  // ... and after its actions were carried out: what has ended is reaped now.
  void told(const Event& event, Time now);

  bool has_left() const { return left_; }

 private:
  struct Process {
    Pid pid;
    Kind kind;
    ServiceId service;
    Pid leader;
    bool ignores_signals;
    Duration takes_to_end;  // after a signal
    Duration takes_to_die;  // after SIGKILL
    WaitStatus end_status;  // when it ends by itself, or on a signal that it handles
    bool dies_of_signals;   // has no handler: ends by the signal
    Time ends_at = kNever;
    Time forks_at = kNever;
    Time suspends_at = kNever;
    Time tells_at = kNever;   // that it is ready, then that it is well
    Time forked_at = kNever;  // it has gone into the background
    bool suspended = false;
    bool swept = false;
    std::optional<Signal> while_suspended = {};
  };
  // A main process: it stays, as a zombie, until it is reaped.
  struct Main {
    Pid pid;
    bool known = true;  // that it runs has been told
    std::optional<WaitStatus> ended = {};
    std::string went_on = {};  // it did, in the background
    bool told = false;
    bool reaped = false;
    bool watched = false;
    bool forgotten = false;  // nothing may be sent to its group any more
  };

  // A command beside a main process. It stays until its end is told, or EndTask.
  struct Command {
    std::uint32_t number;
    Time ends_at;
    std::variant<WaitStatus, StartFailure> result;
    bool over = false;
  };
  // A start that is not answered yet.
  struct Launch {
    Time ends_at = kNever;
    std::optional<StartFailure> failure = {};
    bool over = false;
  };
  struct Check {
    std::uint32_t number;
    Time ends_at;
    bool passes;
    bool over = false;
  };
  using Due = std::variant<Pid, ServiceId, Command*, Check*>;  // a service: its start

  void do_action(const Spawn& action);
  void do_action(const CancelSpawn& action);
  void do_action(const SendSignal& action);
  void do_action(const WatchGroup& action);
  void do_action(const ForgetGroup& action);
  void do_action(const CloseInput& action);
  void do_action(const RunTask& action);
  void do_action(const SignalTask& action);
  void do_action(const EndTask& action);
  void do_action(const StartProbe& action);
  void do_action(const EndProbe& action);
  void do_action(const Sweep& action);
  void do_action(const KillEverything& action);
  void do_action(const Announce& action);
  void do_action(const Exit& action);

  std::vector<Due> due(Time now);
  Event finish(ServiceId service, Launch& launch);
  static bool answers(const Event& event, ServiceId service);
  void finish(Command& command);
  void finish(Check& check);
  void tell(Process& process);
  template <class Kind>
  void forget(const Kind& told);
  std::optional<StartFailure> refusal(ServiceId service);
  Pid give_birth(Kind kind, ServiceId service, std::optional<Pid> leader);
  void signal(Process& process, Signal signal, Means means);
  void take_effect(Process& process, Signal signal);
  void end(Pid pid);
  void act(Process& process);
  void look_for_the_end() {
    end_is_looked_for_ = true;
    told_nothing_left_ = false;
  }
  bool group_is_empty(Pid leader) const;
  bool is_spared(const Process& process) const;
  bool is_tellable(const Event& event) const;
  bool belongs_to_running_service(const Process& process) const;
  bool reacts_to(const Process& process, Signal signal) const;
  Time due_time(const Process& process) const;
  Duration some_time(Duration longest);
  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }
  void write(What what) { record_.push_back({now_, std::move(what)}); }

  const Plan& plan_;
  Climate climate_;
  Random random_;
  Record& record_;
  Violations& violations_;
  Time now_{};
  std::uint32_t last_pid_ = 1;
  std::map<Pid, Process> processes_;  // those that are alive
  std::map<ServiceId, Main> mains_;   // the last one of each service
  std::map<ServiceId, Launch> launches_;
  std::map<ServiceId, Command> commands_;
  std::map<ServiceId, Check> checks_;
  std::vector<Event> untold_;  // what was said, and the ends of commands and probes, also when nobody waits for them
  std::set<ServiceId> broken_;
  std::deque<Event> answers_;
  bool main_suspension_untold_ = false;
  bool end_is_looked_for_ = false;  // NothingLeft is to be told
  bool told_nothing_left_ = false;  // and has been since the last other event
  bool left_ = false;
};

}  // namespace cinit::core::simulation
