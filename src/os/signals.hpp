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

// Blocks the handled signals and returns the mask that was in force before. A blocked signal is kept even when it is
// ignored, so from here on none is lost.
SignalSet block_signals();

// Sets every signal that was inherited as ignored back to its default: a child would inherit it in turn, and an ignored
// SIGCHLD would make the kernel reap without us.
void reset_ignored_signals();

// Gives up the processor until a handled signal is pending or `deadline` has come. Returns the signal's number, or 0.
int wait_for_signal(siginfo_t& info, Time deadline);

// The next pending signal at once: its number, or 0.
int take_signal(siginfo_t& info);

}  // namespace cinit::os
