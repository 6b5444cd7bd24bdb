// cinit in the place of another init: chosen by the name that it is called with, or by `cinit --as NAME`.
//
// Each is the one-command loop (solo/) with other options, uses no heap and reads no configuration.
#pragma once

#include <optional>

namespace cinit::dropin {

enum class Program {
  Tini,
  DumbInit,
  Catatonit,
  Unknown,  // --as names none, or no name at all
};

// Which program to be, and its arguments: argv[0] is its own name.
struct Choice {
  Program program = Program::Unknown;
  char** argv = nullptr;
};

// Reads argv (null-terminated). Nothing: cinit is itself.
std::optional<Choice> choose(char** argv);

// Is that program. Returns the exit code.
int run(const Choice& choice, char** envp);

}  // namespace cinit::dropin
