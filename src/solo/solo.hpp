// The one-command loop: PID 1 for a container that runs one program and nothing else.
//
// It uses no heap, no logger and no supervisor, wakes up only when something happens, and consists of system calls. What it
// does is what the supervisor does with a main command and no services; a container without configuration pays only for
// this.
#pragma once

#include "base/time.hpp"

namespace cinit::solo {

struct Command {
  // Null-terminated, with one writable slot before argv[0]: os::ChildSetup has the reason.
  char** argv = nullptr;
  char** envp = nullptr;

  // The budget of the stop that SIGTERM begins. In its last part (a quarter, at most 2 s) every other process gets SIGTERM,
  // at its end SIGKILL.
  Duration stop_timeout{};
  // Somebody asked for this budget: then its end is the end of the command, too. Otherwise a command that takes its time is
  // left to the container runtime, which knows how long it may.
  bool stop_timeout_chosen = false;
};

// Runs the command until it has ended, then gives whatever else is in the container its chance to end. Returns the exit
// code: the command's, 128 + its signal, or 127 or 126 when it could not be run. Signals must be blocked:
// os::block_signals().
int run(const Command& command);

}  // namespace cinit::solo
