#include "core/service_state.hpp"

#include <algorithm>

#include "base/overloaded.hpp"

namespace cinit::core {

Time deadline_of(const State& state) {
  using namespace state;
  return std::visit(Overloaded{
                        [](const PreStart& pre_start) { return pre_start.give_up_at; },
                        [](const Launching& launching) { return std::min(launching.give_up_at, launching.stop_by); },
                        [](const Starting& starting) { return std::min(starting.give_up_at, starting.probe.at); },
                        [](const PostStart& post_start) { return post_start.give_up_at; },
                        [](const Running& running) { return running.probe.at; },
                        [](const Backoff& backoff) { return backoff.retry_at; },
                        [](const PreStop& pre_stop) { return std::min(pre_stop.ask_at, pre_stop.kill_at); },
                        [](const Stopping& stopping) { return stopping.kill_at; },
                        [](const Killing& killing) { return killing.tell_at; },
                        [](const Clearing& clearing) { return clearing.kill_at; },
                        [](const PostStop& post_stop) { return post_stop.kill_at; },
                        [](const OneOf<Idle, Waiting, Done, Failed, Stopped> auto&) { return kNever; },
                    },
                    state);
}

bool is_alive(const State& state) {
  return std::visit(
      []<class S>(const S&) {
        return OneOf<S, state::PreStart, state::Launching, state::Starting, state::PostStart, state::Running,
                     state::PreStop, state::Stopping, state::Killing, state::Clearing, state::PostStop>;
      },
      state);
}

bool is_final(const State& state) {
  return std::visit([]<class S>(const S&) { return OneOf<S, state::Idle, state::Done, state::Failed, state::Stopped>; },
                    state);
}

bool is_probed(const State& state) {
  if (const auto* starting = std::get_if<state::Starting>(&state)) return starting->probe.running;
  if (const auto* running = std::get_if<state::Running>(&state)) return running->probe.running;
  return false;
}

}  // namespace cinit::core
