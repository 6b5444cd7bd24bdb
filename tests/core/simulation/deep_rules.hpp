// What is known of services at one place of a record, and the rules of the second family, which walk through it.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "simulation/record.hpp"

namespace cinit::core::simulation {

inline constexpr Signal kKill{9};
inline constexpr Signal kTerminate{15};
inline constexpr Signal kContinue{18};

template <class T, class Variant>
const T* as(const Variant& what) {
  return std::get_if<T>(&what);
}

// What is known of a service at one place of the record.
struct Facts {
  // Its main process: from its birth until its end was told.
  std::optional<Pid> main;
  bool launching = false;           // until its start is answered, or given up
  Time launch_limit = kNever;       // of that
  Time launch_stop = kNever;        // it was to be stopped meanwhile, and is not waited for any longer
  std::optional<Time> runs_since;   // its start was told
  bool forks = false;               // it has not gone into the background yet
  std::optional<Time> ready_since;  // it has met its condition
  std::optional<Time> up_since;     // and its post-start commands have succeeded
  bool in_attempt = false;
  Time begun{};
  Time give_up_at = kNever;
  Time ready_at = kNever;  // it will have run for its delay

  std::optional<entry::TaskBegan> task;  // until its end was told, or it was given up
  Time task_began{};
  bool task_asked = false;      // it got SIGTERM
  std::size_t pre_starts = 0;   // that succeeded in this attempt
  std::size_t post_starts = 0;  // likewise
  std::size_t pre_stops = 0;    // that ended
  std::size_t post_stops = 0;   // likewise
  bool pre_stop_cut = false;    // at the end of its time
  bool stop_command_failed = false;
  bool done = false;  // a oneshot has succeeded
  bool undone = false;
  bool owes_post_stop = false;  // an attempt has ended, and they have not all run yet

  std::optional<entry::ProbeBegan> probe;
  Time probe_began{};
  Time no_probe_before{};
  std::uint32_t failed_checks = 0;
  bool probe_cut = false;        // before its time: in this answer
  bool must_be_stopped = false;  // its health asks for it: in this answer
  Time fed_until = kNever;       // the watchdog's time

  std::optional<Time> stop_began;  // of this run: the first thing that was done to end it
  bool stop_was_own = false;       // began before the stop of everything
  bool condemned = false;
  std::set<int> asked_by;        // the signals that asked for it
  Time extended_until{};         // it has said that it takes that long
  std::optional<Time> ended_at;  // of the last main process
  std::optional<Pid> last_main;  // that ended
  std::optional<int> code;       // of its last end, as a shell sees it

  bool wanted = true;      // nobody asked for its stop since it was asked for
  bool held = false;       // somebody did, while it ran
  bool unsettled = false;  // to come up for the first time since it was asked for
  bool fresh = false;      // to be started because it was asked for, not because it crashed
  bool restart_due = false;
  std::vector<Time> starts;
};

// Walks through the record once, and compares each thing that the supervisor does with what is known until then.
class DeepRules {
 public:
  DeepRules(const Plan& plan, const Record& record);
  Violations check();

 private:
  Facts& of(ServiceId id) { return facts_[index_of(id)]; }
  const config::Service& spec(ServiceId id) const { return plan_[id].spec; }
  bool stops() const { return stop_at_.has_value(); }
  bool hurries() const { return stop_signals_ > 1 || killed_; }
  bool killed_by_now() const { return now_ >= deadline() || stop_signals_ > 2 || ends_by_main_; }
  Time deadline() const { return stops() ? *stop_at_ + plan_.stop.total : kNever; }
  Duration reserve() const { return std::min<Duration>(plan_.stop.total / 4, std::chrono::seconds(2)); }
  Time sweep_time() const { return deadline() - reserve(); }
  bool group_is_over(ServiceId id) const { return !clearing_.contains(id); }

  void wrong(const std::string& what);
  void wrong(ServiceId id, const std::string& what) { wrong(spec(id).name + " " + what); }

  // The walk: deep_rules.cpp.
  void nothing_was_left_out();
  void nothing_was_left_out(ServiceId id);
  void see(const entry::Booted&) { last_ = now_; }
  void see(const entry::Reaped&) {}
  void see(const entry::TaskOver&) {}
  void see(const entry::Told& told);
  void see(const entry::Said& said);
  void requested(const Requested& event);
  void ask_for(ServiceId id);
  void stood_still(Duration span);
  void failed(ServiceId id);
  void timed_out(ServiceId id);
  void went_on(const notice::WentIntoBackground& notice);
  void done(ServiceId id);

  // Attempts to start a service, until it is up: deep_start_rules.cpp.
  void see(const entry::LaunchBegan& launch) { begin_launch(launch.service); }
  void see(const entry::LaunchCancelled& launch);
  void see(const entry::Born& born);
  void see(const entry::Refused& refused);
  void begin_attempt(ServiceId id);
  void begin_launch(ServiceId id);
  void dependencies(ServiceId id);
  void limit(ServiceId id);
  static void take_back(Facts& facts);
  void attempt_ends(ServiceId id, bool anything_ran);
  bool is_late(ServiceId id);
  void launch_is_answered(ServiceId id);
  void launch_is_in_time(ServiceId id);
  void stop_launch(ServiceId id);
  void spawned(ServiceId id);
  void forked(ServiceId id);
  void begins_to_run(ServiceId id);
  void spawn_failed(const SpawnFailed& event);
  void told_ready(ServiceId id);
  void delays();
  void ready(ServiceId id);
  void up(ServiceId id);

  // Commands beside a main process: deep_task_rules.cpp.
  void see(const entry::TaskBegan& task);
  void see(const entry::TaskSignalled& sent);
  void see(const entry::TaskGivenUp& given_up);
  void task_ended(const TaskEnded& event);
  void pre_start_ended(const TaskEnded& event, const entry::TaskBegan& task);
  Time pre_stop_end(ServiceId id);
  void pre_stop_is_over(ServiceId id);

  // Health: deep_health_rules.cpp.
  void see(const entry::ProbeBegan& probe);
  void see(const entry::ProbeGivenUp& given_up);
  void probe_over(ServiceId id, bool passed, bool counts);
  void unhealthy(ServiceId id);
  void notified(const Notified& event);

  // The end of one service, and of all: deep_stop_rules.cpp.
  void see(const entry::Signalled& sent);
  void see(const entry::GroupWatched& watched);
  void see(const entry::GroupForgotten& forgotten);
  void see(const entry::Ended& ended);
  void see(const entry::Swept&);
  void see(const entry::KilledEverything& kill);
  Time kill_time(ServiceId id);
  void begin_stop(ServiceId id);
  void asked(ServiceId id, Signal signal);
  void killed(const entry::Born& process);
  void kill_has_come(ServiceId id);
  void exited(const Exited& event);
  void leftovers_are_seen_to();
  void got_signal(Signal signal);
  void stop_begins(const notice::ShutdownBegun& begun);

  // How cinit leaves: deep_exit_rules.cpp.
  void see(const entry::Left& left);
  void at_the_end();
  int expected_code();
  int failure_code(ServiceId id);
  bool needed_kill();

  // A main process whose end was told, and what it has left in its group then.
  struct Remains {
    ServiceId service;
    Pid leader;
    WaitStatus status;
    std::set<Pid> members;
    std::set<Pid> terminated;
    std::set<Pid> continued;
    bool is_done = false;  // it was a oneshot, which is said to be done
  };

  const Plan& plan_;
  const Record& record_;
  std::vector<Facts> facts_;
  Time now_{};
  Time last_{};
  Duration stood_still_{};
  std::map<Pid, entry::Born> processes_;
  std::map<Pid, WaitStatus> ended_;
  std::map<Pid, Time> kills_;
  std::set<Pid> abandoned_;             // their start was given up when they had begun
  std::set<ServiceId> clearing_;        // their group is watched, and is not known to be empty
  std::optional<Remains> remains_;      // in this answer
  std::set<ServiceId> is_down_;         // they have failed for good
  std::vector<ServiceId> failures_;     // in order; those that were asked for since are not among them
  std::optional<ServiceId> just_runs_;  // it was told by the last event
  std::optional<ServiceId> unhealthy_;
  std::optional<notice::ShutdownBegun> begun_;
  std::optional<Time> stop_at_;
  std::optional<Time> swept_at_;
  std::optional<Time> last_kill_;
  int stop_signals_ = 0;
  bool killed_ = false;
  bool ends_by_main_ = false;
  bool main_is_gone_ = false;
  bool main_needed_kill_ = false;
  std::optional<Time> left_at_;
  entry::Left left_{};
  Violations violations_;
};

}  // namespace cinit::core::simulation
