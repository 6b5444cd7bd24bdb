// A container that is nothing but what a test says of it.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "control/host.hpp"
#include "control/replies.hpp"
#include "plans.hpp"

namespace cinit::control {

class FakeHost final : public Host {
 public:
  explicit FakeHost(core::Plan plan) : plan_(std::move(plan)) {
    for (const core::PlannedService& service : plan_.services) {
      parts.push_back({});
      parts.back().status.wanted = service.wanted_at_boot;
    }
  }

  // What is known of one service.
  struct Part {
    core::ServiceStatus status;
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
  Part& operator[](const std::string& name) { return parts.at(core::index_of(id(name))); }

  // It is started once more, and in `state`.
  void start(const std::string& name, core::State state = core::state::Running{}) {
    core::ServiceStatus& status = (*this)[name].status;
    status.state = std::move(state);
    status.wanted = true;
    ++status.starts;
    status.since = time;
  }
  void end(const std::string& name, core::State state, bool wanted = false) {
    (*this)[name].status.state = std::move(state);
    (*this)[name].status.wanted = wanted;
  }
  void write(const std::string& name, std::string text) {
    (*this)[name].captured = true;
    (*this)[name].lines.push_back({++last_line, std::move(text)});
  }

  const core::Plan& plan() const override { return plan_; }
  core::ServiceStatus status(core::ServiceId service) const override { return parts[core::index_of(service)].status; }
  pid_t main_pid(core::ServiceId service) const override { return parts[core::index_of(service)].pid; }
  std::string trouble(core::ServiceId service) const override { return parts[core::index_of(service)].trouble; }
  Time now() const override { return time; }
  bool is_stopping() const override { return stopping; }
  void ask(const core::Requested& request) override {
    const char* const names[] = {"start ", "stop ", "restart "};
    calls.push_back(names[static_cast<int>(request.what)] + plan_[request.service].spec.name);
    if (on_ask) on_ask(request);
  }
  bool send_signal(core::ServiceId service, Signal signal, bool group) override {
    if (parts[core::index_of(service)].pid == 0) return false;
    calls.push_back(to_string(signal) + " to " + plan_[service].spec.name + (group ? "'s group" : ""));
    return true;
  }
  bool is_captured(core::ServiceId service) const override { return parts[core::index_of(service)].captured; }
  std::vector<LogLine> recent_lines(core::ServiceId service, std::size_t most) const override {
    const std::vector<LogLine>& lines = parts[core::index_of(service)].lines;
    return {lines.end() - static_cast<std::ptrdiff_t>(std::min(most, lines.size())), lines.end()};
  }

  std::vector<Part> parts;
  std::vector<std::string> calls;
  std::function<void(const core::Requested&)> on_ask;
  Time time{std::chrono::hours(1)};
  bool stopping = false;
  std::uint64_t last_line = 0;

 private:
  core::Plan plan_;
};

// Two services, "db" and "web", of which the second is started after the first, a hook, and a main command "app".
inline core::Plan some_plan() {
  config::Hooks hooks;
  hooks.pre_start = {{"/bin/prepare"}};
  config::Service web;
  web.after = {"db"};
  return core::plan_of(core::with_hooks(core::config_of({core::service("db"), core::service("web", web)}), hooks),
                       {"/bin/app"});
}

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
