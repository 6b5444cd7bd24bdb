// A supervisor whose events and actions read like a story: each step returns what the supervisor did, as one line.
#pragma once

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/revision.hpp"
#include "core/supervisor.hpp"
#include "plans.hpp"

namespace cinit::core {

// Every Spawn is answered at once: with success, unless refuse() said otherwise. What the supervisor does in answer to that
// belongs to the same step.
//
// A step's line names the actions in order, with commas between them and "-" when there were none: "spawn db",
// "SIGTERM db", "SIGTERM group of db", "watch db", "sweep", "sweep again", "kill everything", "kill all but main",
// "cancel db", "exit 3", "abandon 3", "pre-start 0 of db", "SIGTERM command of db", "end command of db", "probe readiness of db", "probe
// health of db", "end probe of db", "close input of log". The SIGCONT that follows a stop signal is in it. Notices are not: see said().
class Story {
 public:
  explicit Story(Plan plan) : plan_(std::move(plan)), supervisor_(plan_, 1) {}
  // The supervisor holds on to the plan.
  Story(const Story&) = delete;
  Story& operator=(const Story&) = delete;

  std::string boot();

  // Events, at the time that it is now.
  std::string exits(const std::string& name, int code);
  std::string dies(const std::string& name, int signal);
  std::string group_empties(const std::string& name);
  // Both: its main process ends, and nothing else was in its group.
  std::string exits_alone(const std::string& name, int code);
  std::string signal(int number, SignalOrigin origin = SignalOrigin::Process);
  // The command that runs beside its main process ends.
  std::string command_exits(const std::string& name, int code);
  std::string command_cannot_start(const std::string& name, const StartFailure& failure);
  // Of the command, or probe, before the last one.
  std::string late_command_exits(const std::string& name, int code);
  std::string late_probe_fails(const std::string& name);
  std::string probe_passes(const std::string& name);
  std::string probe_fails(const std::string& name);
  std::string tells_ready(const std::string& name);
  std::string requests(Requested::What what, const std::string& name);
  // What there is in directories of service directories now.
  std::string finds(const std::vector<config::Service>& directories);
  std::string suspends(int signal);
  // Time passes without anybody noticing, and is told.
  std::string stands_still(Duration span);
  std::string nothing_left();
  std::string happens(const Event& event);

  // Lets time pass. Nothing may be due before that; what is due then happens.
  // `probes` says how far probes have got by then.
  std::string after(Duration span, std::vector<ProbeProgress> probes = {});
  // Lets time pass until the next deadline.
  std::string at_next_deadline();

  // From now on, starting `name` fails in this way; allow() ends that.
  void refuse(const std::string& name, StartFailure failure) { refused_[name] = std::move(failure); }
  void allow(const std::string& name) { refused_.erase(name); }
  // From now on, starting `name` is not answered until runs() or cannot_start() says so.
  void hold_up(const std::string& name) { held_up_.insert(name); }
  std::string runs(const std::string& name);
  std::string cannot_start(const std::string& name, StartFailure failure);

  // The time until the next deadline; Duration::max() when there is none.
  Duration next_deadline() const;
  Duration elapsed() const { return now_ - kStart; }

  template <class State>
  bool is(const std::string& name) const {
    return std::holds_alternative<State>(supervisor_.state(id_of(name)));
  }

  // The notices of the given kind since the start.
  template <class Kind>
  std::vector<Kind> said() const {
    std::vector<Kind> found;
    for (const Notice& notice : notices_) {
      if (const auto* kind = std::get_if<Kind>(&notice)) found.push_back(*kind);
    }
    return found;
  }

  // The first of that name, and the last.
  ServiceId id_of(const std::string& name) const;
  ServiceId last_id_of(const std::string& name) const;
  const Plan& plan() const { return plan_; }
  const std::string& name_of(ServiceId id) const { return plan_[id].spec.name; }

 private:
  static constexpr Time kStart = Time(std::chrono::hours(1));

  std::string carry_out(const Actions& actions);
  void carry_out_one(const Action& action);
  void answer(ServiceId service);
  static std::string name_of(Task task);
  std::string line() const;

  Plan plan_;
  Supervisor supervisor_;
  Time now_ = kStart;
  std::map<std::string, StartFailure> refused_;
  std::set<std::string> held_up_;
  std::map<ServiceId, std::uint32_t> last_command_;
  std::map<ServiceId, std::uint32_t> last_probe_;
  std::vector<Event> answers_;
  std::vector<std::string> done_;
  std::vector<Notice> notices_;
};

}  // namespace cinit::core
