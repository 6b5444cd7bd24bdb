// The programs that cinit stands for. Each takes its own arguments and the environment, and returns its exit code.
#pragma once

#include "os/signals.hpp"

namespace cinit::dropin {

int run_tini(char** argv, char** envp);
int run_dumb_init(char** argv, char** envp);
int run_catatonit(char** argv, char** envp);
int run_fix_attrs(char** argv);
int run_with_contenv(char** argv, char** envp);
int run_exec(char** argv, char** envp);
int run_setuidgid(char** argv);
int run_envuidgid(char** argv);
int run_applyuidgid(char** argv);
int run_s6_rc(char** argv);

// Real-time signals that a libc keeps for itself, and that none of these programs gets to see: 32 and 33.
inline constexpr os::SignalSet kLibcSignals = os::SignalSet::of(32) | os::SignalSet::of(33);

}  // namespace cinit::dropin
