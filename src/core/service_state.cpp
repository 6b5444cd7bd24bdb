#include "core/service_state.hpp"

#include "base/overloaded.hpp"

namespace cinit::core {
Time deadline_of(const State& state) {
  if (const auto* starting = std::get_if<state::Starting>(&state)) return starting->give_up_at;
  if (const auto* backoff = std::get_if<state::Backoff>(&state)) return backoff->retry_at;
  if (const auto* stopping = std::get_if<state::Stopping>(&state)) return stopping->kill_at;
  if (const auto* clearing = std::get_if<state::Clearing>(&state)) return clearing->kill_at;
  return kNever;
}

bool is_alive(const State& state) {
  return std::visit(
      []<class S>(const S&) {
        return OneOf<S, state::Launching, state::Starting, state::Running, state::Stopping, state::Killing,
                     state::Clearing>;
      },
      state);
}

bool is_final(const State& state) {
  return std::visit([]<class S>(const S&) { return OneOf<S, state::Idle, state::Done, state::Failed, state::Stopped>; },
                    state);
}

}  // namespace cinit::core
