// Containers whose services are kept by the real supervisor, and whose processes do what a test says.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/host.hpp"
#include "control/replies.hpp"
#include "core/supervisor.hpp"
#include "plans.hpp"

namespace cinit::control {

// Processes start at once, unless held, and end when they are asked to or told to.
class FakeHost final : public Host {
 public:
  explicit FakeHost(core::Plan plan) : plan_(std::move(plan)) {
    parts_.resize(plan_.services.size());
    carry_out(supervisor_.boot(time));
  }

  // What the supervisor does not know of one service.
  struct Part {
    pid_t pid = 0;
    std::string trouble;
    bool captured = false;
    std::vector<LogLine> lines;
  };

  core::ServiceId id(const std::string& name) const {
    std::size_t i = 0;
    while (plan_.services.at(i).spec.name != name) ++i;
    return static_cast<core::ServiceId>(i);
  }
  Part& operator[](const std::string& name) { return parts_.at(core::index_of(id(name))); }

  // ---- What happens

  void tell(const core::Event& event) { carry_out(supervisor_.handle(event, time)); }
  void pass(Duration span) {
    time += span;
    if (time >= supervisor_.next_deadline()) tell(core::DeadlineReached{});
  }
  // From now on a start of `name` is not answered before runs().
  void hold(const std::string& name) { held_.insert(name); }
  void runs(const std::string& name) {
    pass(Duration::zero());  // a restart is due
    held_.erase(name);
    answer_spawn(id(name));
    carry_out({});
  }
  void exit(const std::string& name, int code) {
    running_.erase(id(name));
    tell(core::Exited{id(name), WaitStatus::exited(code)});
  }
  void probe_fails(const std::string& name, std::string detail) {
    tell(core::ProbeEnded{id(name), false, std::move(detail), last_probe_});
  }
  void write(const std::string& name, std::string text) {
    (*this)[name].captured = true;
    (*this)[name].lines.push_back({++last_line_, std::move(text)});
  }

  // ---- Host

  const core::Plan& plan() const override { return plan_; }
  core::ServiceStatus status(core::ServiceId service) const override { return supervisor_.status(service); }
  pid_t main_pid(core::ServiceId service) const override { return parts_[core::index_of(service)].pid; }
  std::vector<Process> background(core::ServiceId) override { return {}; }
  std::string trouble(core::ServiceId service) const override { return parts_[core::index_of(service)].trouble; }
  Time now() const override { return time; }
  bool is_stopping() const override { return supervisor_.is_stopping(); }
  bool takes(core::Requested::What what) const override { return supervisor_.takes(what); }
  void ask(const core::Requested& request) override {
    const char* const names[] = {"start ", "stop ", "restart "};
    calls.push_back(names[static_cast<int>(request.what)] + plan_[request.service].spec.name);
    tell(request);
  }
  void shut_down(std::optional<int> code) override { carry_out(supervisor_.shut_down(code, time)); }
  bool send_signal(core::ServiceId service, Signal signal, bool group) override {
    if (main_pid(service) == 0) return false;
    calls.push_back(to_string(signal) + " to " + plan_[service].spec.name + (group ? "'s group" : ""));
    return true;
  }
  bool is_captured(core::ServiceId service) const override { return parts_[core::index_of(service)].captured; }
  std::vector<LogLine> recent_lines(core::ServiceId service, std::size_t most) const override {
    const std::vector<LogLine>& lines = parts_[core::index_of(service)].lines;
    return {lines.end() - static_cast<std::ptrdiff_t>(std::min(most, lines.size())), lines.end()};
  }

  std::vector<std::string> calls;
  Time time{std::chrono::hours(1)};
  std::set<std::string> missing;  // services whose program is not there
  bool obedient = true;           // a stop signal ends a process at once
  bool leaves_nothing = true;     // with a main process its whole group ends

 private:
  void carry_out(const core::Actions& actions) {
    for (const core::Action& action : actions) answer(action);
    while (!answers_.empty()) {
      const core::Event event = answers_.front();
      answers_.pop_front();
      for (const core::Action& action : supervisor_.handle(event, time)) answer(action);
    }
  }

  void answer(const core::Action& action) {
    if (const auto* spawn = std::get_if<core::Spawn>(&action)) return answer_spawn(spawn->service);
    if (const auto* probe = std::get_if<core::StartProbe>(&action)) last_probe_ = probe->number;
    const auto* watch = std::get_if<core::WatchGroup>(&action);
    if (watch && leaves_nothing) answers_.push_back(core::GroupEmptied{watch->service});
    const auto* send = std::get_if<core::SendSignal>(&action);
    if (!send || send->signal != kTerminate || !obedient || running_.erase(send->service) == 0) return;
    answers_.push_back(core::Exited{send->service, WaitStatus::signaled(kTerminate)});
  }

  void answer_spawn(core::ServiceId service) {
    const std::string& name = plan_[service].spec.name;
    if (held_.contains(name)) return;
    if (missing.contains(name)) {
      return answers_.push_back(core::SpawnFailed{service, {StartStage::Exec, 2, "no such program"}});
    }
    running_.insert(service);
    answers_.push_back(core::Spawned{service});
  }

  core::Plan plan_;
  core::Supervisor supervisor_{plan_, 1};
  std::vector<Part> parts_;
  std::deque<core::Event> answers_;
  std::set<core::ServiceId> running_;  // whose main process has not ended
  std::set<std::string> held_;
  std::uint32_t last_probe_ = 0;
  std::uint64_t last_line_ = 0;
};

// Two services, "db" and "web", of which the second is started after the first, a hook that runs until it is told to end, and a
// main command "app".
inline core::Plan some_plan(config::Service web = {}) {
  config::Hooks hooks;
  hooks.pre_start = {{"/bin/prepare"}};
  config::Service db;
  db.on_failure = web.on_failure = config::EndAction::Ignore;
  web.after = {"db"};
  return core::plan_of(core::with_hooks(core::config_of({core::service("db", db), core::service("web", web)}), hooks),
                       {"/bin/app"});
}

// The hook ends, and so the services and the main command run that are not held.
inline void bring_up(FakeHost& host) { host.exit("pre-start prepare", 0); }

// What is said to clients, by client: "out x|err y|end 0|".
class FakeReplies final : public Replies {
 public:
  void out(ClientId client, std::string_view text) override { said[client] += "out " + std::string(text) + "|"; }
  void err(ClientId client, std::string_view text) override { said[client] += "err " + std::string(text) + "|"; }
  void end(ClientId client, int code) override { said[client] += "end " + std::to_string(code) + "|"; }
  void wait(ClientId client) override { said[client] += "wait|"; }
  std::size_t pending(ClientId) const override { return waiting; }

  std::map<ClientId, std::string> said;
  std::size_t waiting = 0;
};

}  // namespace cinit::control
