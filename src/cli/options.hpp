// The command line and the variables that stand in for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/line.hpp"
#include "base/time.hpp"

namespace cinit::cli {

// Ask: the cinit that runs in this container, by its control socket.
enum class Action { Run, Check, Show, Help, Version, Ask };

// What was asked for. It points into argv and the environment, and without `words` it needs no heap.
struct Options {
  Action action = Action::Run;
  const char* config_file = nullptr;     // -c, CINIT_CONFIG
  std::optional<Duration> stop_timeout;  // -t, CINIT_STOP_TIMEOUT
  bool no_services = false;
  bool skip_startup_files = false;
  bool defaults = false;  // show --defaults
  bool strict = false;    // check --strict
  // Of Action::Ask.
  const char* command = nullptr;   // what is asked: "status". Of Action::Help: what about; null: everything
  std::vector<const char*> words;  // what stands behind it: the server reads it
  const char* socket = nullptr;    // --socket; null: the configuration's
  bool after_dashes = false;       // the main command stood behind "--"
  char** main_command = nullptr;   // null-terminated, with cinit's own argv before it; null: none
};

struct ParsedOptions {
  Options options;
  std::optional<Line> mistake;  // the line to print: then the options mean nothing
};

// What cinit has for a command of supervisorctl, systemctl, docker or sv, or the subcommand that `word` was probably meant to be;
// empty: nothing. It ends with no punctuation.
std::string subcommand_for(std::string_view word);

// Reads argv (null-terminated) and the environment. Options end at the first word that is none, or at "--"; behind that
// everything belongs to the main command.
ParsedOptions parse_options(char** argv);

}  // namespace cinit::cli
