// The subcommands that start nothing. Each returns the exit code of cinit.
#pragma once

#include "cli/options.hpp"

namespace cinit::cli {

// Prints the usage to standard output, or, for a mistake, to standard error together with `mistake`.
int help(const Options& options);
int usage_error(Line& mistake);

int version();

// Looks for every mistake in the configuration that can be found without starting anything.
int check(const Options& options);

// Prints the merged configuration, or with --defaults every key and its default.
int show(const Options& options);

// Asks the cinit that runs in this container, and prints its answer. Where `has_configuration` does not hold, a cinit that is PID 1
// runs one command and has no socket: then "health" succeeds, and everything else says so.
int ask(const Options& options, bool (*has_configuration)(const Options&));

// Whether the container has a cinit already that is PID 1, so that a word which is no subcommand was most likely to be one.
bool is_beside_cinit();
// False: this is a machine with an init of its own.
bool may_be_container();
int refuse_word(std::string_view word);
int refuse_without_dashes(std::string_view word);

}  // namespace cinit::cli
