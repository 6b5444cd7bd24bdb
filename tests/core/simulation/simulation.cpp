#include "simulation/simulation.hpp"

#include <algorithm>

#include "core/supervisor.hpp"
#include "simulation/fake_kernel.hpp"
#include "simulation/history.hpp"
#include "simulation/random_plan.hpp"
#include "simulation/rules.hpp"

namespace cinit::core::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Signal kTerminate{15};
constexpr Signal kContinue{18};

constexpr Time kStart = Time(1h);

// A signal or a request to cinit from outside.
struct Knock {
  Time at;
  Event event;
};

Climate random_climate(Random& random) {
  Climate climate;
  const auto one_of = [&](std::vector<std::uint64_t> values) { return values[random.below(values.size())]; };
  climate.ends_by_itself = one_of({0, 30, 80, 100});
  climate.fails = one_of({0, 20, 50, 100});
  climate.ignores_signals = one_of({0, 0, 20, 60, 100});
  climate.forks = one_of({0, 20, 60});
  climate.suspended = one_of({0, 5, 30});
  climate.undying = one_of({0, 0, 10});
  climate.broken = one_of({0, 0, 5, 20});
  climate.spawn_fails = one_of({0, 0, 5, 40});
  climate.starts_slowly = one_of({0, 0, 30, 100});
  climate.start_hangs = one_of({0, 5, 40});
  if (random.below(100) < 20) {
    climate.no_slots_from = kStart + Duration(std::chrono::milliseconds(random.below(3000)));
    climate.no_slots_until = climate.no_slots_from + Duration(std::chrono::milliseconds(random.below(4000)));
  }
  return climate;
}

// Stop signals, 0 to 4, often close together, and some others. The first is the next.
std::vector<Knock> random_knocks(Random& random) {
  std::vector<Knock> knocks;
  const auto moment = [&](std::uint64_t longest_ms) {
    return Duration(std::chrono::milliseconds(50 * random.below(longest_ms / 50)));
  };
  Time at = kStart + moment(random.below(2) == 0 ? 1000 : 20000);
  constexpr int kStops[] = {15, 15, 15, 2, 3};
  for (std::uint64_t i = random.below(5); i > 0; --i) {
    knocks.push_back({at, SignalReceived{Signal{kStops[random.below(5)]}}});
    at += moment(random.below(2) == 0 ? 300 : 6000);
  }
  constexpr int kOthers[] = {1, 10, 12, 28, 40};
  for (std::uint64_t i = random.below(4); i > 0; --i)
    knocks.push_back({kStart + moment(15000), SignalReceived{Signal{kOthers[random.below(5)]}}});
  std::stable_sort(knocks.begin(), knocks.end(), [](const Knock& a, const Knock& b) { return a.at < b.at; });
  return knocks;
}

// Requests, often close together, and standstills.
void add_interference(std::vector<Knock>& knocks, Random& random, const Plan& plan) {
  const std::uint64_t longest = random.below(2) == 0 ? 2000 : 20000;
  const auto moment = [&] { return kStart + Duration(std::chrono::milliseconds(50 * random.below(longest / 50))); };
  const auto somebody = [&] { return static_cast<ServiceId>(random.below(plan.services.size())); };
  for (std::uint64_t i = random.below(9); i > 0; --i) {
    knocks.push_back({moment(), Requested{somebody(), static_cast<Requested::What>(random.below(3))}});
  }
  for (std::uint64_t i = random.below(3); i > 0; --i) {
    knocks.push_back({moment(), Notified{.service = somebody(), .extend_timeout = 1s * random.below(8)}});
  }
  if (random.below(4) == 0) knocks.push_back({moment(), StoodStill{100ms * (1 + random.below(80))}});
  std::stable_sort(knocks.begin(), knocks.end(), [](const Knock& a, const Knock& b) { return a.at < b.at; });
}

Climate deep_climate(Random& random) {
  Climate climate = random_climate(random);
  const auto one_of = [&](std::vector<std::uint64_t> values) { return values[random.below(values.size())]; };
  climate.commands_fail = one_of({0, 10, 50});
  climate.commands_hang = one_of({0, 5, 40});
  climate.probes_fail = one_of({0, 20, 60, 100});
  climate.probes_hang = one_of({0, 5, 30});
  climate.never_tells = one_of({0, 10, 60});
  return climate;
}

class Simulation {
 public:
  Simulation(std::uint64_t seed, const Plan& plan, Random& random, Life& life, Depth depth)
      : life_(life),
        random_(random),
        knocks_(random_knocks(random)),
        kernel_(plan, depth == Depth::Plain ? random_climate(random) : deep_climate(random), random.next(), life.record,
                life.violations),
        supervisor_(plan, seed),
        most_deadlines_(depth == Depth::Plain ? 4 + 2 * plan.services.size() : 10 + 8 * plan.services.size()) {
    if (depth == Depth::Deep) add_interference(knocks_, random, plan);
  }

  void run() {
    life_.record.push_back({now_, entry::Booted{}});
    carry_out(supervisor_.boot(now_));
    tell_answers();
    while (!kernel_.has_left() && life_.violations.empty()) {
      if (!something_happens() && !time_passes() && !somebody_interferes()) {
        life_.violations.push_back("nothing will ever happen again, and cinit has not left");
      }
    }
  }

 private:
  // Of all that may happen at this instant, one thing at random. False when there is nothing.
  bool something_happens() {
    std::vector<Event> events = kernel_.news();
    if (!knocks_.empty() && knocks_.front().at <= now_) events.push_back(knocks_.front().event);
    if (supervisor_.next_deadline() <= now_) events.emplace_back(DeadlineReached{});
    const bool processes_are_due = kernel_.next_process_event() <= now_;
    const bool stood_still = !knocks_.empty() && std::holds_alternative<StoodStill>(knocks_.front().event);
    if (stood_still && knocks_.front().at <= now_) {
      tell_standstill();
      return true;
    }
    const std::size_t choice = random_.below(events.size() + (processes_are_due ? 1 : 0));
    if (choice < events.size()) {
      tell(events[choice]);
      return true;
    }
    return kernel_.step(now_);
  }

  bool time_passes() {
    Time next = std::min(supervisor_.next_deadline(), kernel_.next_process_event());
    if (!knocks_.empty()) next = std::min(next, knocks_.front().at);
    if (next == kNever) return false;
    if (next <= now_) life_.violations.push_back("time does not pass");
    now_ = next;
    deadlines_now_ = 0;
    // Nothing but restarts without end: somebody gives up.
    if (now_ - kStart > 2min && !std::exchange(gave_up_, true)) {
      knocks_.push_back({now_, SignalReceived{kTerminate}});
    }
    return true;
  }

  // A container in which nothing happens any more is stopped; a main command that is suspended is woken.
  bool somebody_interferes() {
    if (interferences_ == 2) return false;
    knocks_.push_back({now_, SignalReceived{++interferences_ == 1 ? kTerminate : kContinue}});
    return true;
  }

  // Nothing is told between the begin of a standstill and its end.
  void tell_standstill() {
    const Event event = knocks_.front().event;
    knocks_.erase(knocks_.begin());
    now_ += std::get<StoodStill>(event).span;
    handle(event);
    tell_answers();
  }

  void tell(const Event& event) {
    if (is_knock(event)) knocks_.erase(knocks_.begin());
    // The rules know of no request in a stop: directories_test.cpp has them.
    if (std::holds_alternative<Requested>(event) && supervisor_.is_stopping()) return;
    kernel_.telling(event);
    handle(event);
    tell_answers();
    kernel_.told(event, now_);
  }

  bool is_knock(const Event& event) const {
    const auto* notified = std::get_if<Notified>(&event);
    return std::holds_alternative<SignalReceived>(event) || std::holds_alternative<Requested>(event) ||
           (notified && notified->extend_timeout);
  }

  void handle(const Event& event) {
    life_.record.push_back({now_, entry::Told{event}});
    carry_out(supervisor_.handle(event, now_));
    if (!std::holds_alternative<DeadlineReached>(event)) return;
    if (++deadlines_now_ > most_deadlines_) life_.violations.push_back("deadlines without end at one instant");
  }

  void carry_out(const Actions& actions) {
    for (const Action& action : actions) kernel_.carry_out(action, now_);
  }

  void tell_answers() {
    while (const auto answer = kernel_.take_answer()) handle(*answer);
  }

  Life& life_;
  Random& random_;
  std::vector<Knock> knocks_;
  FakeKernel kernel_;
  Supervisor supervisor_;
  std::size_t most_deadlines_;
  Time now_ = kStart;
  std::size_t deadlines_now_ = 0;
  int interferences_ = 0;
  bool gave_up_ = false;
};

}  // namespace

Life live(std::uint64_t seed, Depth depth) {
  Random random(seed);
  Life life{random_plan(random, depth), kStart, {}, {}};
  Simulation(seed, life.plan, random, life, depth).run();
  return life;
}

std::string complaint(std::uint64_t seed, Depth depth) {
  const Life life = live(seed, depth);
  Violations violations = life.violations;
  if (violations.empty() && depth == Depth::Deep) violations = deep_rules(life.plan, life.record);
  if (violations.empty() && depth == Depth::Plain) {
    const History history(life.plan, life.record);
    for (const auto& rules : {start_rules, launch_rules, hook_rules, stop_rules, exit_rules}) {
      for (std::string& violation : rules(history)) violations.push_back(std::move(violation));
    }
  }
  if (violations.empty()) return "";
  std::string text =
      "seed " + std::to_string(seed) + "\n" + to_text(life.plan) + to_text(life.record, life.plan, life.start);
  for (const std::string& violation : violations) text += "WRONG: " + violation + "\n";
  return text;
}

}  // namespace cinit::core::simulation
