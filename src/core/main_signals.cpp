#include "core/main_signals.hpp"

namespace cinit::core {

bool MainSignals::are_forwarded() const {
  return plan_.main_command && plan_.rules.forwards_signals && takes_signals(services_[index_of(*plan_.main_command)]);
}

void MainSignals::forward(Signal signal, Actions& actions) {
  const ServiceId main = *plan_.main_command;
  switch (kind_of(services_[index_of(main)].state)) {
    case StateKind::Waiting:
    case StateKind::Launching:
    case StateKind::Backoff: return pending_.push_back(signal);
    // Its process is there, or is not any more: then the signal has no effect.
    case StateKind::Idle:
    case StateKind::PreStart:
    case StateKind::Starting:
    case StateKind::PostStart:
    case StateKind::Running:
    case StateKind::PreStop:
    case StateKind::Stopping:
    case StateKind::Killing:
    case StateKind::StoppingRest:
    case StateKind::PostStop:
    case StateKind::Done:
    case StateKind::Failed:
    case StateKind::Stopped: break;
  }
  if (signal == kContinue) is_suspended_ = false;
  actions.push_back(SendSignal{main, SendSignal::Target::MainProcess, signal});
}

void MainSignals::main_runs(Actions& actions) {
  for (const Signal signal : std::exchange(pending_, {})) forward(signal, actions);
}

void MainSignals::suspended(Actions& actions) {
  is_suspended_ = true;
  const Service& main = services_[index_of(*plan_.main_command)];
  if (kind_of(main.state) == StateKind::Stopping) forward(kContinue, actions);
}

void MainSignals::asked_to_stop(const SendSignal& sent, Actions& actions) const {
  if (is_suspended_) actions.push_back(SendSignal{sent.service, sent.target, kContinue});
}

}  // namespace cinit::core
