// Random lives of service directories: they come, go and are asked for, and their processes do what they like. The rules look
// at the actions alone.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/overloaded.hpp"
#include "core/random.hpp"
#include "core/revision.hpp"

using namespace cinit;
using namespace cinit::core;
using namespace std::chrono_literals;

namespace {

class Life {
 public:
  explicit Life(std::uint64_t seed) : random_(seed), plan_(make()), supervisor_(plan_, seed) {}

  std::string live() {
    carry_out(supervisor_.boot(now_));
    tell_answers();
    const std::uint64_t steps = 20 + random_.below(200);
    for (std::uint64_t i = 0; i < steps && wrong_.empty(); ++i) step();
    stop();
    return wrong_;
  }

 private:
  static constexpr std::size_t kNames = 5;
  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }
  void complain(std::string what) {
    if (wrong_.empty()) wrong_ = std::move(what);
  }

  static std::pair<std::uint64_t, std::uint64_t> identity_of(const config::Service& service) {
    return {service.directory->device, service.directory->inode};
  }

  static config::Service directory(std::string name, std::uint64_t inode) {
    config::Service service;
    service.name = std::move(name);
    service.command = {"./run"};
    service.start_timeout = 0s;
    service.restart = config::RestartPolicy::Always;
    service.start_limit_burst = 0;
    service.on_failure = config::EndAction::Ignore;
    service.kill_mode = config::KillMode::Process;
    service.post_stop = {{"./finish"}};
    service.directory = config::ServiceDirectory{.device = std::hash<std::string>()(service.name), .inode = inode};
    return service;
  }

  // What there is now, of which something changes at times.
  const std::vector<config::Service>& look() {
    for (std::size_t i = 0; i < kNames; ++i) {
      if (!chance(30)) continue;
      std::erase_if(found_, [&](const config::Service& each) { return each.name.front() == name_of(i).front(); });
      if (chance(60)) add(name_of(i), 1 + random_.below(2));
    }
    if (chance(20)) exchange_names(name_of(random_.below(kNames)).front(), name_of(random_.below(kNames + 1)).front());
    return found_;
  }

  // The last one is a service of the configuration.
  static std::string name_of(std::size_t i) { return {static_cast<char>('a' + i)}; }

  // Each directory gets the name of the other, if there are two.
  void exchange_names(char one, char other) {
    for (config::Service& each : found_) {
      const char name = each.name.front();
      if (name != one && name != other) continue;
      each.name.front() = name == one ? other : one;
      if (!each.pipes_into.empty()) each.pipes_into.front() = each.name.front();
    }
  }

  void add(const std::string& name, std::uint64_t inode) {
    config::Service service = directory(name, inode);
    const auto is_same = [&](const config::Service& each) { return identity_of(each) == identity_of(service); };
    if (std::any_of(found_.begin(), found_.end(), is_same)) return;
    service.autostart = chance(80);
    if (chance(50)) service.pre_start = {{"./control/u"}};
    if (!chance(40)) return found_.push_back(std::move(service));
    service.pipes_into = name + "/log";
    config::Service logger = directory(name + "/log", inode);
    logger.post_stop.clear();
    found_.push_back(std::move(service));
    found_.push_back(std::move(logger));
  }

  Plan make() {
    config::Config config;
    config.services = look();
    std::erase_if(config.services,
                  [](const config::Service& each) { return each.name.front() == name_of(kNames).front(); });
    config::Service& own = config.services.emplace_back();
    own.name = name_of(kNames);
    own.command = {"own"};
    own.kill_mode = config::KillMode::Process;
    own.on_failure = config::EndAction::Ignore;
    config.container.stop_timeout = 5s;
    Commands commands;
    if (chance(30)) commands.main_command = {"/bin/main"};
    if (chance(50)) commands.startup = {std::string("/hook")};
    Plan plan = std::get<Plan>(make_plan(config, commands));
    plan.is_kept_open = true;
    return plan;
  }

  void tell(const Event& event) {
    if (over_) return;
    carry_out(supervisor_.handle(event, now_));
    tell_answers();
    for (const auto& [id, launch] : launches_) {
      if (now_ >= launch.give_up_at) complain(plan_[id].spec.name + " hangs in its start and is not given up");
    }
  }

  void tell_answers() {
    while (!answers_.empty()) {
      const Event answer = answers_.front();
      answers_.erase(answers_.begin());
      answered(answer);
      carry_out(supervisor_.handle(answer, now_));
    }
    check_plan();
  }

  void carry_out(const Actions& actions) {
    for (const Action& action : actions) {
      std::visit(Overloaded{
                     [&](const Spawn& spawn) { this->spawn(spawn.service); },
                     [&](const CancelSpawn& cancel) { give_up(cancel.service); },
                     [&](const RunTask& run) {
                       leave_alone_while_starting(run.service);
                       if (plan_[run.service].consumer) pipes_.insert(*plan_[run.service].consumer);
                       if (!tasks_.emplace(run.service, run.number).second) complain("two commands at once");
                     },
                     [&](const EndTask& end) { tasks_.erase(end.service); },
                     [&](const CloseInput& close) { close_input(close.service); },
                     [&](const SendSignal& send) {
                       leave_alone_while_starting(send.service);
                       if (send.signal == kKill) killed_.insert(send.service);
                     },
                     [&](const KillEverything&) { killed_.insert(running_.begin(), running_.end()); },
                     [&](const Announce& announce) {
                       if (std::holds_alternative<notice::InvariantBroken>(announce.notice)) complain("an invariant");
                     },
                     [&](const Exit&) { over_ = true; },
                     [](const auto&) {},
                 },
                 action);
    }
  }

  void spawn(ServiceId id) {
    const bool is_new =
        !running_.contains(id) && launches_.emplace(id, Launch{now_ + kLaunchTimeout, chance(10)}).second;
    if (!is_new) complain(plan_[id].spec.name + " is started twice");
    check_directory(id);
    open_pipes(id);
    // A logger is kept as long as there is somebody for whom it reads, or was when this was decided.
    const auto& producers = plan_[id].producers;
    const bool is_needed = std::any_of(producers.begin(), producers.end(), [&](ServiceId producer) {
      return !is_final(supervisor_.state(producer)) || there().contains(producer);
    });
    if (plan_[id].retired && !is_needed) complain(plan_[id].spec.name + " is started although it is gone");
    const auto& consumer = plan_[id].consumer;
    if (consumer && input_closed_.contains(*consumer)) complain("somebody writes to a logger that has seen its end");
    input_closed_.erase(id);
    if (!chance(30)) answers_.push_back(result_of_start(id));
  }

  Event result_of_start(ServiceId id) {
    if (!chance(10)) return Spawned{id};
    const bool transient = chance(50);
    return SpawnFailed{id, {StartStage::Exec, 2, "no", transient}};
  }

  void answered(const Event& answer) {
    const auto* spawned = std::get_if<Spawned>(&answer);
    const auto* failed = std::get_if<SpawnFailed>(&answer);
    const ServiceId id = spawned ? spawned->service : failed->service;
    if (spawned) running_.insert(id);
    launches_.erase(id);
  }

  void give_up(ServiceId id) {
    if (launches_.erase(id) == 0) complain("a start is given up that is not under way");
    std::erase_if(answers_, [id](const Event& answer) {
      const auto* spawned = std::get_if<Spawned>(&answer);
      const auto* failed = std::get_if<SpawnFailed>(&answer);
      return (spawned && spawned->service == id) || (failed && failed->service == id);
    });
  }

  void leave_alone_while_starting(ServiceId id) {
    if (launches_.contains(id)) complain("something is done to " + plan_[id].spec.name + " while it is being started");
  }

  std::set<ServiceId> there() const {
    std::set<ServiceId> there = running_;
    for (const auto& [id, launch] : launches_) there.insert(id);
    return there;
  }

  void check_directory(ServiceId id) {
    for (const ServiceId other : there()) {
      if (other == id || !plan_[id].spec.directory || !plan_[other].spec.directory) continue;
      if (identity_of(plan_[id].spec) == identity_of(plan_[other].spec)) complain("two services in one directory");
    }
  }

  void open_pipes(ServiceId id) {
    if (plan_[id].consumer) pipes_.insert(*plan_[id].consumer);
    if (!plan_[id].producers.empty()) pipes_.insert(id);
  }

  bool is_gone(ServiceId id) const { return plan_[id].retired && is_final(supervisor_.state(id)); }

  void check_plan() {
    std::set<std::string> names;
    for (std::size_t i = 0; i < plan_.services.size(); ++i) {
      const auto id = static_cast<ServiceId>(i);
      if (plan_[id].role != Role::Service || is_gone(id)) continue;
      if (!names.insert(plan_[id].spec.name).second) complain("two services are called " + plan_[id].spec.name);
    }
    if (supervisor_.is_stopping()) return;
    for (const ServiceId id : pipes_) {
      const auto& producers = plan_[id].producers;
      const bool is_used = std::any_of(producers.begin(), producers.end(),
                                       [&](ServiceId producer) { return !is_final(supervisor_.state(producer)); });
      if (is_gone(id) && !is_used) complain("the pipe of " + plan_[id].spec.name + " is left behind");
    }
  }

  // In the stop of everything a service that takes too long is not waited for.
  void close_input(ServiceId id) {
    pipes_.erase(id);
    if (supervisor_.is_stopping()) return;
    for (const ServiceId producer : plan_[id].producers) {
      if (there().contains(producer)) complain("a logger sees its end while its service runs");
    }
    input_closed_.insert(id);
  }

  template <class Ids>
  auto any_of(const Ids& ids) {
    return std::next(ids.begin(), static_cast<std::ptrdiff_t>(random_.below(ids.size()))).operator*();
  }

  void end(ServiceId id, WaitStatus status) {
    running_.erase(id);
    killed_.erase(id);
    tell(Exited{id, status});
  }

  void revise_plan() {
    const PlanRevised revised = revise(plan_, supervisor_, {}, look());
    // Who takes the place of another has a pipe of its own.
    for (const ServiceId id : revised.described) input_closed_.erase(id);
    tell(revised);
  }

  void go_on_with(ServiceId id) {
    if (launches_.at(id).hangs) return;
    const Event result = result_of_start(id);
    answered(result);
    tell(result);
  }

  void step() {
    if (chance(50)) now_ += std::chrono::milliseconds(random_.below(700));
    if (chance(3) && !launches_.empty()) now_ = std::max(now_, supervisor_.next_deadline());
    if (now_ >= supervisor_.next_deadline()) return tell(DeadlineReached{});
    const std::uint64_t what = random_.below(100);
    if (what < 35 && !running_.empty()) return end(any_of(running_), WaitStatus::exited(chance(50) ? 0 : 1));
    if (what < 45 && !launches_.empty()) return go_on_with(any_of(launches_).first);
    if (what < 60 && !tasks_.empty()) {
      const auto [id, number] = *tasks_.begin();
      tasks_.erase(id);
      return tell(TaskEnded{id, WaitStatus::exited(0), number});
    }
    if (what < 80) return supervisor_.is_stopping() ? void() : revise_plan();
    if (plan_.services.empty()) return;
    const auto id = static_cast<ServiceId>(random_.below(plan_.services.size()));
    if (plan_[id].retired) return;
    constexpr Requested::What kWhats[] = {Requested::What::Start, Requested::What::Stop, Requested::What::Restart,
                                          Requested::What::Once};
    tell(Requested{id, kWhats[random_.below(4)]});
  }

  // Everything ends: what is told to, at some time, and the rest by SIGKILL.
  void stop() {
    tell(SignalReceived{kTerminate});
    for (int i = 0; i < 2000 && !over_ && wrong_.empty(); ++i) {
      if (!killed_.empty() && chance(50)) {
        end(any_of(killed_), WaitStatus::signaled(kKill));
      } else if (!running_.empty() && chance(30)) {
        end(any_of(running_), WaitStatus::exited(0));
      } else if (running_.empty() && launches_.empty() && tasks_.empty()) {
        tell(NothingLeft{});
      } else {
        step();
      }
    }
    if (!over_) complain("the stop does not come to an end");
  }

  Random random_;
  Time now_{std::chrono::hours(1)};
  std::vector<config::Service> found_;
  Plan plan_;
  Supervisor supervisor_;
  std::vector<Event> answers_;
  // A start that is not answered yet.
  struct Launch {
    Time give_up_at;
    bool hangs;
  };
  std::map<ServiceId, Launch> launches_;
  std::set<ServiceId> running_;
  std::set<ServiceId> killed_;  // and not ended yet
  std::set<ServiceId> input_closed_;
  std::set<ServiceId> pipes_;  // by who reads
  std::map<ServiceId, std::uint32_t> tasks_;
  bool over_ = false;
  std::string wrong_;
};

}  // namespace

TEST_CASE("service directories come and go at random, and nothing is started twice, kept for ever or left behind") {
  const char* const runs = std::getenv("CINIT_SIM_RUNS");
  const std::uint64_t count = runs ? std::strtoull(runs, nullptr, 10) : 3000;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    const std::string wrong = Life(seed).live();
    REQUIRE_MESSAGE(wrong.empty(), "seed ", seed, ": ", wrong);
  }
}
