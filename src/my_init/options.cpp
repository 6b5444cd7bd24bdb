#include "my_init/options.hpp"

#include <stdlib.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string_view>

#include "dropin/options.hpp"
#include "dropin/print.hpp"

namespace cinit::my_init {
namespace {

constexpr int kUsageError = 2;  // argparse's
constexpr int kError = 1;

constexpr char kUsage[] =
    "usage: my_init [-h] [--enable-insecure-key] [--skip-startup-files] [--skip-runit]\n"
    "               [--no-kill-all-on-exit] [--quiet] [--] [MAIN_COMMAND [ARGUMENT...]]\n";

constexpr char kHelp[] = R"(
Runs the hooks of /etc/my_init.d and /etc/rc.local, then the services of /etc/service, and MAIN_COMMAND if there is one.
This is cinit )" CINIT_VERSION R"( in the place of my_init.

  -h, --help              print this text
  --enable-insecure-key   run /usr/sbin/enable_insecure_key first
  --skip-startup-files    run no hook of /etc/my_init.d (ENV_INIT_DIRECTORY), nor /etc/rc.local
  --skip-runit            run no service; needs a MAIN_COMMAND
  --no-kill-all-on-exit   leave other processes alone at the end
  --quiet                 print warnings and errors only

KILL_PROCESS_TIMEOUT and KILL_ALL_PROCESSES_TIMEOUT (seconds, 30; 0: for ever) are how long MAIN_COMMAND and each service,
and then everything else, have between SIGTERM and SIGKILL.
)";

// Options that have no letter.
constexpr char kEnableInsecureKey = '\1';
constexpr char kSkipStartupFiles = '\2';
constexpr char kSkipRunit = '\3';
constexpr char kNoKillAll = '\4';
constexpr char kQuiet = '\5';
constexpr char kLetters[] = {'h', kEnableInsecureKey, kSkipStartupFiles, kSkipRunit, kNoKillAll, kQuiet, '\0'};

constexpr dropin::LongOption kLongOptions[] = {
    {"help", 'h'},
    {"enable-insecure-key", kEnableInsecureKey},
    {"skip-startup-files", kSkipStartupFiles},
    {"skip-runit", kSkipRunit},
    {"no-kill-all-on-exit", kNoKillAll},
    {"quiet", kQuiet},
    {nullptr, '\0'},
};

int fail(int code, const std::string& message) {
  dropin::print(2, "*** " + message + "\n");
  return code;
}

void take(Options& options, char letter) {
  switch (letter) {
    case 'h':
      dropin::print(1, kUsage);
      dropin::print(1, kHelp);
      options.exit_code = 0;
      return;
    case kEnableInsecureKey: options.enable_insecure_key = true; return;
    case kSkipStartupFiles: options.skip_startup_files = true; return;
    case kSkipRunit: options.skip_runit = true; return;
    case kNoKillAll: options.kills_all_on_exit = false; return;
    case kQuiet: options.quiet = true; return;
    default: dropin::print(2, kUsage); options.exit_code = kUsageError;
  }
}

// A number as Python's int() takes it: with blanks around it, and a plus sign. One that is too large is the largest.
std::optional<std::uint32_t> to_number(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n\v\f\r";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  text.remove_suffix(text.size() - (text.find_last_not_of(kBlanks) + 1));
  if (text.starts_with('+')) text.remove_prefix(1);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) return std::nullopt;
  return error == std::errc() ? number : std::numeric_limits<std::uint32_t>::max();
}

// A variable that is set replaces `timeout`; 0 seconds are for ever, and so is what nobody lives to see the end of.
void take_seconds(const char* name, std::optional<Duration>& timeout, std::optional<int>& exit_code) {
  const char* const text = getenv(name);
  if (!text) return;
  const std::optional<std::uint32_t> number = to_number(text);
  if (!number) {
    exit_code = fail(kError, std::string(name) + "=\"" + text + "\" is no number of seconds");
    return;
  }
  timeout = std::chrono::seconds(*number);
  if (*timeout == Duration::zero() || *timeout >= kForEver) timeout.reset();
}

void read_environment(Options& options) {
  if (const char* const directory = getenv("ENV_INIT_DIRECTORY")) options.hook_directories = {directory};
  // To my_init an empty name is that of a directory that does not exist.
  std::erase(options.hook_directories, "");
  take_seconds("KILL_PROCESS_TIMEOUT", options.process_timeout, options.exit_code);
  take_seconds("KILL_ALL_PROCESSES_TIMEOUT", options.all_processes_timeout, options.exit_code);
}

}  // namespace

Options read_options(char** argv) {
  Options options;
  read_environment(options);
  if (options.exit_code) return options;
  dropin::OptionReader reader(argv, kLetters, kLongOptions);
  while (const char letter = reader.read()) {
    take(options, letter);
    if (options.exit_code) return options;
  }
  for (char** word = reader.rest(); *word; ++word) options.main_command.emplace_back(*word);
  if (options.skip_runit && options.main_command.empty()) {
    options.exit_code = fail(kError, "When --skip-runit is given, you must also pass a main command.");
  }
  return options;
}

}  // namespace cinit::my_init
