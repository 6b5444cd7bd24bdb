#include "core/signal_policy.hpp"

#include <algorithm>

namespace cinit::core {
namespace {

bool is_stop_signal(Signal signal, const Plan& plan) {
  return std::find(plan.stop_signals.begin(), plan.stop_signals.end(), signal) != plan.stop_signals.end();
}

}  // namespace

SignalUse use_of(const SignalReceived& event, const Plan& plan, bool main_is_there) {
  if (event.signal == kTerminalInput || event.signal == kTerminalOutput) return SignalUse::Drop;
  if (event.signal == kPipe && event.origin == SignalOrigin::Self) return SignalUse::Drop;
  if (event.origin != SignalOrigin::Terminal && find_handed_on(event.signal, plan)) return SignalUse::HandOn;
  if (main_is_there) return event.signal == kTerminate ? SignalUse::Stop : SignalUse::Forward;
  if (is_stop_signal(event.signal, plan)) return SignalUse::Stop;
  // A window has another size, and no program is there to redraw it.
  if (event.signal == kWindowChange && event.origin == SignalOrigin::Terminal) return SignalUse::Drop;
  if (!plan.rules.forwards_signals) return SignalUse::Ignore;
  if (event.signal == kHangup) return event.origin == SignalOrigin::Terminal ? SignalUse::Stop : SignalUse::Reload;
  return SignalUse::Ignore;
}

const HandedOn* find_handed_on(Signal signal, const Plan& plan) {
  const auto found = std::find_if(plan.handed_on.begin(), plan.handed_on.end(),
                                  [&](const HandedOn& each) { return each.route.signal == signal; });
  return found == plan.handed_on.end() ? nullptr : &*found;
}

}  // namespace cinit::core
