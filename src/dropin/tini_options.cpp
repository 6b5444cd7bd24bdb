#include "dropin/tini_options.hpp"

#include <stdlib.h>
#include <string.h>

#include "base/signal.hpp"
#include "dropin/options.hpp"
#include "dropin/print.hpp"
#include "dropin/tini_reporter.hpp"

namespace cinit::dropin {
namespace {

constexpr int kUsageError = 1;

// dockerd looks for "tini version VERSION - git.COMMIT", and shows COMMIT in `docker info`.
constexpr std::string_view kVersion = "tini version 0.19.0 - git.cinit - cinit " CINIT_VERSION "\n";

constexpr std::string_view kUsage = R"( (cinit )" CINIT_VERSION R"( in the place of tini version 0.19.0)
Usage: tini [OPTIONS] [--] PROGRAM [ARGS] | --version

Runs PROGRAM under the supervision of a valid init process: cinit, which behaves as tini here.

  --version   print the version (only as the one argument)
  -h          print this text
  -s          become a child subreaper (TINI_SUBREAPER)
  -p SIGNAL   get SIGNAL when the parent ends, e.g. -p SIGKILL
  -v          be more verbose, up to three times (TINI_VERBOSITY=N; 1 without)
  -w          print a warning for each orphan that is reaped
  -g          send signals to the process group of PROGRAM (TINI_KILL_PROCESS_GROUP)
  -e CODE     exit with 0 when PROGRAM exits with CODE (0 to 255); may be repeated
  -l          print what this program is, and exit
)";

constexpr std::string_view kAbout =
    "This is cinit " CINIT_VERSION
    ", an init for containers, in the place of tini. It is a program of its own: nothing of tini is in it.\n";

int print_usage(int fd, const char* program, int code) {
  print(fd, program);
  print(fd, kUsage);
  return code;
}

int refuse_value(const char* option, const char* value) {
  TiniReporter({}).print_fatal("Not a valid option for ", option, ": ", value);
  return kUsageError;
}

// Only whole names in capitals. 0: there is no such signal.
int signal_named(const char* name) {
  for (int signal = 1; signal < kRealTimeMin; ++signal) {
    const char* const known = standard_signal_name(signal);
    if (known && strcmp(known, name) == 0) return signal;
  }
  return 0;
}

// An empty text is 0.
bool add_expected(TiniOptions& options, const char* text) {
  char* end = nullptr;
  const long code = strtol(text, &end, 10);
  if (*end != '\0' || code < 0 || code > 255) return false;
  options.expected.set(static_cast<std::size_t>(code));
  return true;
}

void take(TiniOptions& options, char option, const OptionReader& reader, const char* program) {
  switch (option) {
    case 'h': options.exit_code = print_usage(1, program, 0); return;
    case 'l':
      print(1, kAbout);
      options.exit_code = 0;
      return;
    case 's': options.subreaper = true; return;
    case 'v': ++options.verbosity; return;
    case 'w': options.warns_of_reaping = true; return;
    case 'g': options.to_group = true; return;
    case 'p':
      options.parent_death_signal = signal_named(reader.value());
      if (options.parent_death_signal == 0) options.exit_code = refuse_value("-p", reader.value());
      return;
    case 'e':
      if (!add_expected(options, reader.value())) options.exit_code = refuse_value("-e", reader.value());
      return;
    default: options.exit_code = print_usage(2, program, kUsageError);
  }
}

void read_environment(TiniOptions& options) {
  if (getenv("TINI_SUBREAPER")) options.subreaper = true;
  if (getenv("TINI_KILL_PROCESS_GROUP")) options.to_group = true;
  if (const char* const verbosity = getenv("TINI_VERBOSITY"))
    options.verbosity = static_cast<unsigned>(atoi(verbosity));
}

}  // namespace

TiniOptions read_tini_options(char** argv) {
  TiniOptions options;
  if (argv[1] && !argv[2] && strcmp(argv[1], "--version") == 0) {
    print(1, kVersion);
    options.exit_code = 0;
    return options;
  }
  OptionReader reader(argv, "p:hvwgle:s");
  while (const char option = reader.read()) {
    take(options, option, reader, argv[0]);
    if (options.exit_code >= 0) return options;
  }
  options.command = reader.rest();
  if (!*options.command) options.exit_code = print_usage(2, argv[0], kUsageError);
  read_environment(options);
  return options;
}

}  // namespace cinit::dropin
