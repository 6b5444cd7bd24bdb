// cinit in the place of another program: chosen by the name that it is called with, or by `cinit --as NAME`.
//
// Each init but my_init (my_init/) is the one-command loop (solo/) with other options, uses no heap and reads no
// configuration.
#pragma once

#include <optional>

namespace cinit::dropin {

enum class Program {
  Tini,
  DumbInit,
  Catatonit,
  MyInit,
  Runsvdir,
  FixAttrs,
  WithContenv,
  Exec,
  SetUidGid,
  EnvUidGid,
  ApplyUidGid,
  S6Rc,
  True,     // true(1), for what needs a program that only succeeds
  Unknown,  // --as names none, or no name at all
};

// Which program to be, and its arguments: argv[0] is its own name.
struct Choice {
  Program program = Program::Unknown;
  char** argv = nullptr;
};

// Reads argv (null-terminated). Nothing: cinit is itself.
std::optional<Choice> choose(char** argv);

// A program as a function: of its own arguments and the environment, to its exit code.
using Run = int (*)(char** argv, char** envp);

// Programs that have services, and so are none of this folder.
struct Supervisors {
  Run my_init;
  Run runsvdir;
};

// Is that program. Returns the exit code.
int run(const Choice& choice, char** envp, Supervisors supervisors);

}  // namespace cinit::dropin
