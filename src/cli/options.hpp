// The command line and the variables that stand in for it.
#pragma once

#include <optional>

#include "base/line.hpp"
#include "base/time.hpp"

namespace cinit::cli {

enum class Action { Run, Check, Show, Help, Version };

// What was asked for. It points into argv and the environment, and needs no heap.
struct Options {
  Action action = Action::Run;
  const char* config_file = nullptr;     // -c, CINIT_CONFIG
  std::optional<Duration> stop_timeout;  // -t, CINIT_STOP_TIMEOUT
  bool no_services = false;
  bool skip_startup_files = false;
  bool defaults = false;          // show --defaults
  char** main_command = nullptr;  // null-terminated, with cinit's own argv before it; null: none
};

struct ParsedOptions {
  Options options;
  std::optional<Line> mistake;  // the line to print: then the options mean nothing
};

// Reads argv (null-terminated) and the environment. Options end at the first word that is none, or at "--"; behind that
// everything belongs to the main command.
ParsedOptions parse_options(char** argv);

}  // namespace cinit::cli
