// Signals as they reach cinit: blocked, and fetched when it is ready for them.
#pragma once

#include <signal.h>

#include "base/time.hpp"
#include "os/syscall.hpp"

namespace cinit::os {

using sys::SignalSet;

// Signals that are about the receiver itself: they keep their default action, which as PID 1 the kernel lets only a real
// fault take (signal(7), pid_namespaces(7)).
inline constexpr SignalSet kFaultSignals = SignalSet::of(SIGFPE) | SignalSet::of(SIGILL) | SignalSet::of(SIGSEGV) |
                                           SignalSet::of(SIGBUS) | SignalSet::of(SIGABRT) | SignalSet::of(SIGTRAP) |
                                           SignalSet::of(SIGSYS);

// Everything else: blocked, and waited for.
inline constexpr SignalSet kHandledSignals = SignalSet::all().without(kFaultSignals);

// Blocks these signals (and no other) and returns the mask that was in force before. A blocked signal is kept even when it
// is ignored, so from here on none is lost.
SignalSet block_signals(const SignalSet& signals = kHandledSignals);

// Sets each of these signals that was inherited as ignored back to its default: a child would inherit it in turn, and an
// ignored SIGCHLD would make the kernel reap without us.
void reset_ignored_signals(const SignalSet& signals = SignalSet::all());

// The same for one signal.
void reset_signal(int signal);

// Gives up the processor until one of `signals`, which are blocked, is pending or `deadline` has come. Returns its number,
// or 0.
int wait_for_signal(siginfo_t& info, Time deadline, const SignalSet& signals = kHandledSignals);

// The next pending one of `signals` at once: its number, or 0.
int take_signal(siginfo_t& info, const SignalSet& signals = kHandledSignals);

}  // namespace cinit::os
