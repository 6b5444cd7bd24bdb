// What a record tells about services, processes and the stop. It knows the plan, what the documentation says of its keys,
// and what the kernel saw: nothing of the supervisor.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/plan.hpp"
#include "simulation/record.hpp"

namespace cinit::core::simulation {

// A place in the record. What has not happened is at kNowhere, which is after everything.
using Index = std::size_t;
inline constexpr Index kNowhere = static_cast<Index>(-1);

// How the end of a main process is to be taken.
enum class Verdict { Done, Failed, Restart, Stopped };

struct SentSignal {
  Index index;
  Signal signal;
  Means means;
};

struct ProcessHistory {
  Pid pid;
  Kind kind;
  ServiceId service;
  Pid leader;
  Index born;
  Index ended = kNowhere;
  std::optional<WaitStatus> status = {};
  std::vector<SentSignal> signals = {};

  // Main processes only.
  Index begun = kNowhere;      // its start was asked for
  Index cancelled = kNowhere;  // before its Spawned was told: nothing more is heard of it
  Index runs = kNowhere;       // its Spawned was told
  Index told = kNowhere;       // its Exited was told
  Index over = kNowhere;       // nothing of it is waited for any more: its group is empty, or left alone
  bool forgotten = false;      // its group is not empty then: SIGKILL does not end it
  Verdict verdict = Verdict::Stopped;
  Time restart_from = kNever;  // Verdict::Restart: the next start is due in this span
  Time restart_until = kNever;

  bool alive_at(Index index) const { return born < index && index < ended; }
};

struct Attempt {
  // Pending: the record ends before it is answered. Late: not answered within its start-timeout.
  enum class Outcome { Pending, Born, Postponed, Refused, Cancelled, Late };
  Index index;
  Outcome outcome;
  Index answered = kNowhere;  // Spawned or SpawnFailed was told, or it was cancelled
  std::optional<Pid> leader = {};

  // There was no start: it is as if it had not been tried.
  bool counts() const { return outcome != Outcome::Postponed && outcome != Outcome::Cancelled; }
};

struct ServiceHistory {
  std::vector<Pid> runs;
  std::vector<Attempt> attempts;
  Index settled = kNowhere;  // nobody has to wait for it any more
  Index ended_for_good = kNowhere;
  Index requirement_failed = kNowhere;
  bool failed = false;              // when it has ended for good
  std::optional<int> code;          // of its last end, as a shell sees it
  std::optional<int> failure_code;  // when it has failed for good
};

// The stop of everything.
struct StopHistory {
  Index index;
  notice::StopCause cause;
  std::optional<ServiceId> service;
  Time begins;
  Time deadline;     // D
  Duration reserve;  // R
  Time sweep_at;     // D - R
};

// When a running service is to get its stop signal: in the answer to the event at `index`.
struct Ask {
  Index index;
  Time at;
};

class History {
 public:
  // Both must outlive the history.
  History(const Plan& plan, const Record& record);

  const Plan& plan() const { return plan_; }
  const Record& record() const { return record_; }
  Time at(Index index) const { return index == kNowhere ? kNever : record_[index].at; }
  // The end of the supervisor's answer to the event at or before `index`.
  Index answer_end(Index index) const;
  // The event to whose answer `index` belongs.
  Index event_of(Index index) const;
  // Whether `index` is in the answer to the event at `event`.
  bool answers(Index index, Index event) const { return index > event && index < answer_end(event); }

  const std::map<Pid, ProcessHistory>& processes() const { return processes_; }
  const ProcessHistory& process(Pid pid) const { return processes_.at(pid); }
  const ServiceHistory& service(ServiceId id) const { return services_[index_of(id)]; }
  const std::string& name(ServiceId id) const { return plan_[id].spec.name; }
  std::vector<ServiceId> ids() const;

  const std::optional<StopHistory>& stop() const { return stop_; }
  Index stop_index() const { return stop_ ? stop_->index : kNowhere; }
  // Signals that ask for the stop or urge it on, in order.
  const std::vector<Index>& stop_signals() const { return stop_signals_; }
  Index stop_signal(std::size_t number) const;  // counted from 1
  // From here on the main command is not there: it has ended, or will not be started.
  Index main_gone() const { return main_gone_; }
  Index left() const { return left_; }

  // Whether what a main process leaves in its group is none of cinit's business.
  bool leaves_group_alone(const ProcessHistory& leader) const;
  // Whether cinit was started for the main command alone.
  bool is_lone_main() const;
  // The SIGTERM that a hook got because its time was over; kNowhere when it got none.
  Index timed_out(const ProcessHistory& leader) const;
  // When nothing more comes of this hook, as it has ended or cannot be started; kNowhere when that never was so.
  Index hook_over(ServiceId hook) const;
  // Whether the boot got so far that there is something for the hooks of the stop.
  bool stop_hooks_run() const;
  // When the services are to be asked to stop: the hooks before that have ended, or had their time, or are cut short.
  Index drain() const { return drain_; }
  // The first start of a hook after the stop, also one that failed.
  Index post_stop() const;
  // Whether it descends from one of these hooks.
  bool is_post_stop(const ProcessHistory& process) const;
  // When everything gets SIGKILL, if the hooks after the stop have begun.
  Time end_of_patience_with_hooks() const;

  // When every service has stopped after the stop began.
  Index all_over() const;
  // When everything gets SIGKILL; kNever when there is no stop.
  Time end_of_patience() const;
  // Whether the main command is spared then.
  bool spares_main_at(Index index) const;
  // When each main process that runs or leaves something when the stop begins is to be asked to end, and when each start that
  // is under way then is to be given up: by the place at which it was asked for.
  std::map<Index, Ask> asks() const;
  // The first signal that asks this main process to end; kNowhere when there is none.
  Index asked(const ProcessHistory& leader) const;

 private:
  // A service or hook that runs, leaves something, or is about to be started when services are asked to stop.
  struct Unfinished {
    std::uint32_t tier;
    Index begun;
    Index over;  // when it has stopped
  };

  void find_tiers();
  void find_stop();
  void read();
  void see(Index index, const entry::LaunchBegan& launch);
  void see(Index index, const entry::LaunchCancelled& launch);
  void see(Index index, const entry::Born& born);
  void see(Index index, const entry::Refused& refused);
  void see(Index index, const entry::Told& told);
  void see(Index index, const entry::Said& said);
  void exited(Index index, const Exited& event);
  void spawn_failed(Index index, const SpawnFailed& event);
  void got_signal(Index index, const SignalReceived& event);
  Verdict judge(Index index, ProcessHistory& leader, bool went_on);
  Verdict judge_restart(Index index, ProcessHistory& leader);
  void end_for_good(Index index, ServiceId id, bool failed);
  std::size_t starts_in_interval(ServiceId id, Time due) const;
  bool says_start_limit_hit(Index event, ServiceId id) const;
  Index first_event_at(Time at) const;
  static bool all_over_by(const std::vector<Unfinished>& services, Index index);
  std::vector<Unfinished> unfinished() const;
  Index find_drain() const;

  Attempt& attempt_under_way(Index index, ServiceId id);
  bool is_pending(ServiceId id) const;
  ServiceHistory& at_service(ServiceId id) { return services_[index_of(id)]; }
  ProcessHistory& last_run(ServiceId id) { return processes_.at(at_service(id).runs.back()); }

  const Plan& plan_;
  const Record& record_;
  std::map<Pid, ProcessHistory> processes_;
  std::vector<ServiceHistory> services_;
  std::vector<Duration> next_delays_;
  std::vector<std::uint32_t> tiers_;  // one more than the highest of those that wait for it
  std::optional<StopHistory> stop_;
  std::vector<Index> stop_signals_;
  Index drain_ = kNowhere;
  Index main_gone_ = kNowhere;
  Index left_ = kNowhere;
};

}  // namespace cinit::core::simulation
