#include "dropin/dumb_init_options.hpp"

#include <stdlib.h>
#include <string.h>

#include "base/line.hpp"
#include "dropin/options.hpp"
#include "dropin/print.hpp"

namespace cinit::dropin {
namespace {

constexpr int kUsageError = 1;
constexpr int kLastSignal = 31;

constexpr LongOption kLongOptions[] = {{"help", 'h'},    {"single-child", 'c'}, {"rewrite", 'r'},
                                       {"verbose", 'v'}, {"version", 'V'},      {nullptr, '\0'}};

constexpr std::string_view kVersion = "dumb-init v1.2.5\n";

constexpr std::string_view kHelp = R"(Usage: dumb-init [option] [--] program [args]

cinit )" CINIT_VERSION R"( in the place of dumb-init v1.2.5: runs program in a session of its own, and passes
every signal on to its process group.

  -c, --single-child   no session of its own, and signals for program alone (DUMB_INIT_SETSID=0)
  -r, --rewrite s:r    pass signal s on as signal r, or not at all when r is 0; both are numbers,
                       and the option may be repeated
  -v, --verbose        say on standard error what happens (DUMB_INIT_DEBUG=1)
  -h, --help           print this text, and exit
  -V, --version        print the version, and exit
)";

constexpr std::string_view kRewriteUsage =
    "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n"
    "This option can be specified multiple times.\n"
    "Use --help for full usage.\n";

int print_usage(const char* program) {
  Line line;
  line << "Usage: " << program << " [option] program [args]\nTry " << program << " --help for full usage.";
  print(2, line.line());
  return kUsageError;
}

// "S:R", numbers in decimal; what follows them does not matter.
bool add_rewrite(DumbInitOptions& options, char* text) {
  char* end = text;
  const long from = strtol(text, &end, 10);
  if (end == text || *end != ':') return false;
  char* const second = end + 1;
  const long to = strtol(second, &end, 10);
  if (end == second || from < 1 || from > kLastSignal || to < 0 || to > kLastSignal) return false;
  options.rewrites[static_cast<std::size_t>(from)] = static_cast<int>(to);
  return true;
}

int print_and_end(std::string_view text, int code) {
  print(2, text);
  return code;
}

void take(DumbInitOptions& options, char option, const OptionReader& reader) {
  switch (option) {
    case 'c': options.own_session = false; return;
    case 'v': options.verbose = true; return;
    case 'h': options.exit_code = print_and_end(kHelp, 0); return;
    case 'V': options.exit_code = print_and_end(kVersion, 0); return;
    case 'r':
      if (!add_rewrite(options, reader.value())) options.exit_code = print_and_end(kRewriteUsage, kUsageError);
      return;
    default: options.exit_code = kUsageError;
  }
}

bool is_set_to(const char* name, const char* value) {
  const char* const text = getenv(name);
  return text && strcmp(text, value) == 0;
}

}  // namespace

DumbInitOptions read_dumb_init_options(char** argv) {
  DumbInitOptions options;
  OptionReader reader(argv, "hvVcr:", kLongOptions);
  while (const char option = reader.read()) {
    take(options, option, reader);
    if (options.exit_code >= 0) return options;
  }
  options.command = reader.rest();
  if (!*options.command) options.exit_code = print_usage(argv[0]);
  if (is_set_to("DUMB_INIT_DEBUG", "1")) {
    options.verbose = true;
    print(2, "[dumb-init] Running in debug mode.\n");
  }
  if (is_set_to("DUMB_INIT_SETSID", "0")) options.own_session = false;
  return options;
}

}  // namespace cinit::dropin
