// What cinit does with a signal that it gets.
#pragma once

#include "core/event.hpp"
#include "core/plan.hpp"

namespace cinit::core {

enum class SignalUse {
  Drop,     // meant for cinit itself: its own SIGPIPE, or what a terminal tells a process in the background
  Ignore,   // logged, nothing else
  Forward,  // to the main command
  Stop,     // begins the stop of everything, or urges it on
  Reload,
  HandOn,  // to the service that the configuration names
};

// What the configuration hands on to a service goes there alone, in the stop, too. With a main command all other
// signals are forwarded to it, and SIGTERM begins the stop as well. It alone does: SIGINT and SIGQUIT are what commands
// handle and go on (Ctrl-C in a shell, a thread dump of a JVM). `main_is_there`: the plan has a main command, and it
// has not ended.
SignalUse use_of(const SignalReceived& event, const Plan& plan, bool main_is_there);

// What becomes of a signal that the configuration hands on; null: it does not.
const HandedOn* find_handed_on(Signal signal, const Plan& plan);

}  // namespace cinit::core
