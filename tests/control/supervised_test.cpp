// The commands on the real supervisor: what they wait for is what it does.
#include <doctest/doctest.h>

#include <deque>
#include <set>

#include "control/commander.hpp"
#include "core/supervisor.hpp"
#include "fake_host.hpp"

using namespace cinit;
using namespace cinit::control;
using namespace std::chrono_literals;

namespace {

constexpr ClientId kMe{1};

// A container whose processes start at once, and end when they are asked to or told to.
class SupervisedHost final : public Host {
 public:
  explicit SupervisedHost(core::Plan plan) : plan_(std::move(plan)) { carry_out(supervisor_.boot(time)); }

  void tell(const core::Event& event) { carry_out(supervisor_.handle(event, time)); }
  core::ServiceId id(const std::string& name) const {
    std::size_t i = 0;
    while (plan_.services.at(i).spec.name != name) ++i;
    return static_cast<core::ServiceId>(i);
  }
  void exit(const std::string& name, int code) {
    running_.erase(id(name));
    tell(core::Exited{id(name), WaitStatus::exited(code)});
  }
  void pass(Duration span) {
    time += span;
    if (time >= supervisor_.next_deadline()) tell(core::DeadlineReached{});
  }

  const core::Plan& plan() const override { return plan_; }
  core::ServiceStatus status(core::ServiceId service) const override { return supervisor_.status(service); }
  pid_t main_pid(core::ServiceId) const override { return 0; }
  std::string trouble(core::ServiceId) const override { return {}; }
  Time now() const override { return time; }
  bool is_stopping() const override { return supervisor_.is_stopping(); }
  void ask(const core::Requested& request) override { tell(request); }
  bool send_signal(core::ServiceId, Signal, bool) override { return false; }
  bool is_captured(core::ServiceId) const override { return false; }
  std::vector<LogLine> recent_lines(core::ServiceId, std::size_t) const override { return {}; }

  Time time{Duration(1h)};
  std::set<std::string> missing;  // services whose program is not there
  bool obedient = true;           // a stop signal ends a process at once

 private:
  void carry_out(const core::Actions& actions) {
    for (const core::Action& action : actions) answer(action);
    while (!answers_.empty()) {
      const core::Event event = answers_.front();
      answers_.pop_front();
      carry_out(supervisor_.handle(event, time));
    }
  }

  void answer(const core::Action& action) {
    if (const auto* spawn = std::get_if<core::Spawn>(&action)) return answer_spawn(spawn->service);
    if (const auto* watch = std::get_if<core::WatchGroup>(&action)) {
      return answers_.push_back(core::GroupEmptied{watch->service});
    }
    const auto* send = std::get_if<core::SendSignal>(&action);
    if (!send || send->signal != kTerminate || !obedient || running_.erase(send->service) == 0) return;
    answers_.push_back(core::Exited{send->service, WaitStatus::signaled(kTerminate)});
  }

  void answer_spawn(core::ServiceId service) {
    if (missing.contains(plan_[service].spec.name)) {
      return answers_.push_back(core::SpawnFailed{service, {StartStage::Exec, 2, "no such program"}});
    }
    running_.insert(service);
    answers_.push_back(core::Spawned{service});
  }

  core::Plan plan_;
  core::Supervisor supervisor_{plan_, 1};
  std::deque<core::Event> answers_;
  std::set<core::ServiceId> running_;  // whose main process has not ended
};

core::Plan two_services() {
  config::Service spec;
  spec.on_failure = config::EndAction::Ignore;
  config::Service web = spec;
  web.ready = config::Ready{config::NotifyReady{}};
  web.required = {"db"};
  return core::plan_of(
      core::config_of({core::service("db", spec), core::service("web", web), core::oneshot("job", spec)}));
}

// Everything is up, and somebody asks.
struct Asked {
  Asked() {
    host.tell(core::ToldReady{host.id("web")});
    host.exit("job", 0);
  }

  std::string heard() { return std::exchange(replies.said[kMe], ""); }
  std::string operator()(const std::string& request) {
    commander.take(kMe, "cinit/1 " + request);
    return heard();
  }
  std::string later() {
    commander.progress();
    return heard();
  }

  SupervisedHost host{two_services()};
  FakeReplies replies;
  Commander commander{host, replies};
};

}  // namespace

TEST_CASE_FIXTURE(Asked, "a service stops and starts") {
  CHECK((*this)("health") == "end 0|");
  CHECK((*this)("stop db") == "out db: stopped|end 0|");
  CHECK((*this)("stop db") == "out db: not running|end 0|");
  CHECK((*this)("start db") == "out db: started|end 0|");
  CHECK((*this)("start db") == "out db: up already|end 0|");
}

TEST_CASE_FIXTURE(Asked, "a service that takes its time to stop is waited for") {
  host.obedient = false;
  CHECK((*this)("stop db").empty());
  CHECK(later().empty());
  host.exit("db", 0);
  CHECK(later() == "out db: stopped|end 0|");
}

TEST_CASE_FIXTURE(Asked, "a restart waits for the old process, and until the new one is ready") {
  host.obedient = false;
  CHECK((*this)("restart web").empty());
  host.exit("web", 0);
  CHECK(later().empty());
  host.pass(0s);
  CHECK(later().empty());
  host.tell(core::ToldReady{host.id("web")});
  CHECK(later() == "out web: restarted|end 0|");
}

TEST_CASE_FIXTURE(Asked, "a start while the service is stopping starts it anew") {
  host.obedient = false;
  CHECK((*this)("stop --no-wait db") == "end 0|");
  CHECK((*this)("start db").empty());
  host.exit("db", 0);
  std::string answer = later();
  host.pass(0s);
  answer += later();
  CHECK(answer == "out db: started|end 0|");
}

TEST_CASE_FIXTURE(Asked, "a oneshot that is done runs once more when it is started") {
  CHECK((*this)("start job").empty());
  host.exit("job", 0);
  CHECK(later() == "out job: started|end 0|");
  CHECK((*this)("restart job").empty());
  host.exit("job", 3);
  CHECK(later() == "err cinit: job: failed: exited with code 3; restarting in 200 ms|end 1|");
}

TEST_CASE_FIXTURE(Asked, "an attempt that fails is told, with what comes next") {
  CHECK((*this)("restart web").empty());
  host.pass(0s);
  CHECK(later().empty());
  host.exit("web", 3);
  CHECK(later() == "err cinit: web: failed: exited with code 3; restarting in 200 ms|end 1|");
}

TEST_CASE_FIXTURE(Asked, "a program that is not there is told") {
  CHECK((*this)("stop web") == "out web: stopped|end 0|");
  host.missing = {"web"};
  CHECK((*this)("start web") == "err cinit: web: failed: no such program|end 1|");
}

TEST_CASE_FIXTURE(Asked, "a start whose requirement fails fails with it") {
  CHECK((*this)("stop *") == "out db: stopped|out web: stopped|out job: not running|end 0|");
  host.missing = {"db"};
  const std::string said = (*this)("start web");
  CHECK(said.starts_with("err cinit: web: failed"));
  CHECK(said.ends_with("end 1|"));
}

TEST_CASE_FIXTURE(Asked, "somebody who stops what another starts ends his wait") {
  CHECK((*this)("restart web").empty());
  host.pass(0s);
  constexpr ClientId kOther{2};
  commander.take(kOther, "cinit/1 stop web");
  CHECK(later() == "err cinit: web: stopped before it was ready|end 1|");
  CHECK(replies.said[kOther] == "out web: stopped|end 0|");
}
