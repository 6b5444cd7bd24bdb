#include "simulation/random_plan.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "plans.hpp"

namespace cinit::core::simulation {
namespace {

using namespace std::chrono_literals;

class Generator {
 public:
  Generator(Random& random, Depth depth) : random_(random), depth_(depth) {}

  Plan plan() {
    const std::size_t count = pick<std::size_t>({0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 12, 30});
    config::Hooks hooks = random_hooks();
    const bool hooks_alone = count == 0 && !hooks.pre_start.empty() && chance(50);
    const bool with_main = count == 0 ? !hooks_alone : chance(35);
    std::vector<config::Service> services;
    for (std::size_t i = 0; i < count; ++i) services.push_back(random_service("s" + std::to_string(10 + i)));
    link(services);
    config::Container container;
    if (chance(50)) container.stop_timeout = pick<Duration>({0s, 500ms, 2s, 4s, 9s, 12s});
    if (count > 0 && chance(15)) container.exit_code_from = services[random_.below(count)].name;
    return plan_of(with_hooks(config_of(std::move(services), std::move(container)), std::move(hooks)),
                   with_main ? std::vector<std::string>{"main"} : std::vector<std::string>{},
                   chance(10) ? std::vector<std::string>{"/etc/my_init.d/10"} : std::vector<std::string>{});
  }

 private:
  config::Hooks random_hooks() {
    config::Hooks hooks;
    if (chance(50)) return hooks;
    for (auto* kind : {&hooks.pre_start, &hooks.post_start, &hooks.pre_stop, &hooks.post_stop}) {
      if (chance(50)) *kind = commands(pick<std::vector<std::string>>({{"a"}, {"a"}, {"a", "b"}, {"a", "b", "c"}}));
    }
    if (chance(40)) hooks.timeout = pick<Duration>({100ms, 500ms, 1s, 5s});
    return hooks;
  }

  config::Service random_service(std::string name) {
    config::Service spec = service(std::move(name));
    const bool is_oneshot = chance(25);
    if (is_oneshot) spec.type = config::ServiceType::Oneshot;
    spec.autostart = chance(90);
    spec.start_timeout = 0s;
    using enum config::RestartPolicy;
    spec.restart = is_oneshot ? pick({No, OnFailure}) : pick({No, OnFailure, OnFailure, Always});
    spec.restart_delay = pick<Duration>({0s, 50ms, 200ms, 200ms, 1s});
    spec.restart_max_delay = pick<Duration>({200ms, 1s, 5s, 30s});
    spec.start_limit_burst = pick<std::uint32_t>({0, 1, 2, 3, 10});
    // Without a limit and without a delay it would be started again for ever, and the simulation would take as long.
    if (spec.start_limit_burst == 0) spec.restart_delay = 1s;
    spec.start_limit_interval = pick<Duration>({1s, 5s, 60s});
    spec.success_exit_status.codes = pick<std::vector<int>>({{0}, {0}, {0, 3}});
    if (chance(10)) spec.success_exit_status.signals = {Signal{11}};
    spec.on_success = chance(10) ? config::EndAction::Shutdown : config::EndAction::Ignore;
    spec.on_failure = chance(25) ? config::EndAction::Shutdown : config::EndAction::Ignore;
    spec.stop_signal = Signal{pick({15, 15, 2, 3, 10})};
    if (chance(40)) spec.stop_timeout = pick<Duration>({0s, 100ms, 1s, 3s, 20s});
    using enum config::KillMode;
    spec.kill_mode = pick({Mixed, Mixed, Group, Process});
    if (depth_ == Depth::Deep) deepen(spec);
    return spec;
  }

  void deepen(config::Service& spec) {
    spec.start_timeout = pick<Duration>({0s, 500ms, 2s, 2s, 10s, 60s});
    for (auto* kind : {&spec.pre_start, &spec.pre_stop, &spec.post_stop}) {
      if (chance(30)) *kind = commands(pick<std::vector<std::string>>({{"a"}, {"a"}, {"a", "b"}}));
    }
    if (chance(20)) spec.stop_command = config::Command{"stop"};
    if (spec.type == config::ServiceType::Oneshot) {
      if (chance(30)) spec.undo = config::Command{"undo"};
      return;
    }
    if (chance(15)) spec.type = config::ServiceType::Forking;
    if (chance(30)) spec.post_start = commands(pick<std::vector<std::string>>({{"a"}, {"a"}, {"a", "b"}}));
    if (chance(50)) spec.ready = random_ready();
    if (chance(50)) spec.health = random_health();
  }

  config::Ready random_ready() {
    config::Ready ready{.when = config::NotifyReady{}};
    if (chance(50)) ready.when = config::Probe{config::FileProbe{"/ready"}};
    if (chance(15)) ready.when = config::DelayReady{pick<Duration>({0s, 300ms, 1s})};
    ready.interval = pick<Duration>({10ms, 100ms, 1s});
    ready.timeout = pick<Duration>({10ms, 300ms, 3s});
    return ready;
  }

  config::Health random_health() {
    config::Health health{.check = config::Probe{config::FileProbe{"/well"}}};
    if (chance(30)) health.check = config::Watchdog{pick<Duration>({200ms, 1s, 3s})};
    health.interval = pick<Duration>({100ms, 500ms, 2s});
    health.timeout = pick<Duration>({10ms, 300ms, 3s});
    health.start_period = pick<Duration>({0s, 0s, 1s, 5s});
    health.retries = pick<std::uint32_t>({1, 2, 3});
    using enum config::HealthAction;
    health.action = pick({Restart, Restart, Restart, Shutdown, Ignore});
    return health;
  }

  // Each service may wait for those that come before it in a random order, so that names say nothing about the order.
  void link(std::vector<config::Service>& services) {
    std::vector<std::size_t> order(services.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_.below(i)]);
    const std::uint64_t density = pick<std::uint64_t>({0, 10, 30, 60});
    for (std::size_t i = 0; i < order.size(); ++i) {
      for (std::size_t j = i > 6 ? i - 6 : 0; j < i; ++j) {
        if (chance(density)) edge(services[order[i]], services[order[j]]);
      }
    }
  }

  void edge(config::Service& later, config::Service& earlier) {
    switch (random_.below(3)) {
      case 0: later.after.push_back(earlier.name); break;
      case 1: earlier.before.push_back(later.name); break;
      default: later.required.push_back(earlier.name); break;
    }
  }

  template <class T>
  T pick(std::initializer_list<T> values) {
    return values.begin()[random_.below(values.size())];
  }
  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }

  Random& random_;
  Depth depth_;
};

}  // namespace

Plan random_plan(Random& random, Depth depth) { return Generator(random, depth).plan(); }

}  // namespace cinit::core::simulation
