// The one-command loop: PID 1 for a container that runs one program and nothing else.
//
// It uses no heap, no logger and no supervisor, wakes up only when something happens, and consists of system calls. What it
// does for `cinit -- COMMAND` is what the supervisor does with a main command and no services; a container without
// configuration pays only for this. The programs that cinit stands for (dropin/) are this loop with other options.
#pragma once

#include "solo/command.hpp"

namespace cinit::solo {

// Runs the command until it has ended and what is to follow has been done. Returns the exit code: the command's, 128 + its
// signal, or one of Command::failure_codes. The awaited signals must be blocked: os::block_signals().
int run(const Command& command);

// Reaps every orphan, runs nothing, and ends with 0 at SIGTERM or SIGINT. The handled signals must be blocked.
int pause();

}  // namespace cinit::solo
