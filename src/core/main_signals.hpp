// The signals that are handed on to the main command.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "core/action.hpp"
#include "core/order.hpp"

namespace cinit::core {

class MainSignals {
 public:
  // Both must outlive it.
  MainSignals(const Plan& plan, const Services& services) : plan_(plan), services_(services) {}

  // Signals are for the main command: there is one, and it has not ended.
  bool are_forwarded() const;
  // A signal that arrives before the main command runs waits for that.
  void forward(Signal signal, Actions& actions);
  void main_runs(Actions& actions);

  // It was stopped by job control, and cannot take its stop signal like this. Before its stop it is left alone.
  void suspended(Actions& actions);
  // It got its stop signal by `sent`.
  void asked_to_stop(const SendSignal& sent, Actions& actions) const;

 private:
  const Plan& plan_;
  const Services& services_;
  std::vector<Signal> pending_;
  bool is_suspended_ = false;
};

}  // namespace cinit::core
