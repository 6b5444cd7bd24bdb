#include "core/service_state.hpp"

#include <array>
#include <type_traits>

#include "base/overloaded.hpp"

namespace cinit::core {

namespace {

template <class... States>
constexpr std::array<Nature, sizeof...(States)> natures_of(std::type_identity<std::variant<States...>>) {
  return {States::kNature...};
}

}  // namespace

// A table costs less than a visit of all states.
const Nature& nature_of(const State& state) {
  static constexpr auto kNatures = natures_of(std::type_identity<State>());
  return kNatures[state.index()];
}

Time deadline_of(const State& state) {
  return match([](const auto& each) { return each.deadline(); }, state);
}

bool is_probed(const State& state) {
  return match(
      [](const auto& each) {
        if constexpr (requires { each.probe; }) return each.probe.running;
        return false;
      },
      state);
}

Fault fault_of(const State& state) {
  return match(
      [](const auto& each) {
        if constexpr (requires { each.fault; }) return each.fault;
        return Fault::None;
      },
      state);
}

std::optional<RunningTask>* task_of(State& state) {
  return match(
      [](auto& each) -> std::optional<RunningTask>* {
        if constexpr (requires { each.task; }) return &each.task;
        return nullptr;
      },
      state);
}

}  // namespace cinit::core
