// The command line of tini, and its variables.
#pragma once

#include <bitset>

namespace cinit::dropin {

struct TiniOptions {
  enum Verbosity { Fatal, Warn, Info, Debug, Trace };

  bool subreaper = false;         // -s, TINI_SUBREAPER
  int parent_death_signal = 0;    // -p
  unsigned verbosity = Warn;      // -v, TINI_VERBOSITY; any number, and a negative one is large
  bool warns_of_reaping = false;  // -w
  bool to_group = false;          // -g, TINI_KILL_PROCESS_GROUP
  std::bitset<256> expected;      // -e: exit codes that become 0
  char** command = nullptr;       // null-terminated, not empty

  // Everything is done, or nothing can be: the exit code, and the rest means nothing. -1: there is a command to run.
  int exit_code = -1;
};

// Reads both, and prints what was asked for, or what is wrong.
TiniOptions read_tini_options(char** argv);

}  // namespace cinit::dropin
