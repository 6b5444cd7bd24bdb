// The command line of dumb-init, and its variables.
#pragma once

#include <array>

namespace cinit::dropin {

struct DumbInitOptions {
  bool verbose = false;          // -v, DUMB_INIT_DEBUG=1
  bool own_session = true;       // not with -c, nor with DUMB_INIT_SETSID=0
  std::array<int, 32> rewrites;  // -r: what is sent in the place of each signal, 0 for nothing; kAsItIs
  char** command = nullptr;      // null-terminated, not empty

  // Everything is done, or nothing can be: the exit code, and the rest means nothing. -1: there is a command to run.
  int exit_code = -1;

  static constexpr int kAsItIs = -1;
  DumbInitOptions() { rewrites.fill(kAsItIs); }
};

// Reads both, and prints what was asked for, or what is wrong.
DumbInitOptions read_dumb_init_options(char** argv);

}  // namespace cinit::dropin
