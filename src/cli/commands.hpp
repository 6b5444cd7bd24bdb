// The subcommands that start nothing. Each returns the exit code of cinit.
#pragma once

#include "cli/options.hpp"

namespace cinit::cli {

// Prints the usage to standard output, or, for a mistake, to standard error together with `mistake`.
int help();
int usage_error(Line& mistake);

int version();

// Looks for every mistake in the configuration that can be found without starting anything.
int check(const Options& options);

// Prints the merged configuration, or with --defaults every key and its default.
int show(const Options& options);

// Asks the cinit that runs in this container, and prints its answer.
int ask(const Options& options);

}  // namespace cinit::cli
