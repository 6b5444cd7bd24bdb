#include "core/service_state.hpp"

namespace cinit::core {

const Nature& nature_of(const State& state) {
  return std::visit([]<class S>(const S&) -> const Nature& { return S::kNature; }, state);
}

Time deadline_of(const State& state) {
  return std::visit([](const auto& each) { return each.deadline(); }, state);
}

bool is_probed(const State& state) {
  return std::visit(
      [](const auto& each) {
        if constexpr (requires { each.probe; }) return each.probe.running;
        return false;
      },
      state);
}

Fault fault_of(const State& state) {
  return std::visit(
      [](const auto& each) {
        if constexpr (requires { each.fault; }) return each.fault;
        return Fault::None;
      },
      state);
}

std::optional<RunningTask>* task_of(State& state) {
  return std::visit(
      [](auto& each) -> std::optional<RunningTask>* {
        if constexpr (requires { each.task; }) return &each.task;
        return nullptr;
      },
      state);
}

}  // namespace cinit::core
