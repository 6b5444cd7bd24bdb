// The command line of my_init, and the variables that it reads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace cinit::my_init {

// What --enable-insecure-key runs.
inline constexpr char kInsecureKey[] = "/usr/sbin/enable_insecure_key";

// What has no limit has this one where one is needed: longer than any container lives, and the sum of a few is a Duration.
inline constexpr Duration kForEver = std::chrono::hours(24 * 365 * 50);

struct Options {
  bool enable_insecure_key = false;
  bool skip_startup_files = false;
  bool skip_runit = false;
  bool kills_all_on_exit = true;
  bool quiet = false;
  std::vector<std::string> main_command;
  std::vector<std::string> hook_directories{"/etc/my_init.d"};  // ENV_INIT_DIRECTORY: at most one
  // KILL_PROCESS_TIMEOUT and KILL_ALL_PROCESSES_TIMEOUT, less than kForEver; unset: for ever.
  std::optional<Duration> process_timeout = std::chrono::seconds(30);
  std::optional<Duration> all_processes_timeout = std::chrono::seconds(30);
  std::optional<int> exit_code;  // what there was to do is done
};

// Reads argv (null-terminated) and the environment. Options may be abbreviated, and end at the first word that is none.
// Mistakes are told on standard error.
Options read_options(char** argv);

}  // namespace cinit::my_init
