#include "runsvdir/runsvdir.hpp"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "dropin/print.hpp"
#include "init/boot.hpp"

namespace cinit::runsvdir {
namespace {

constexpr int kUsage = 1;
constexpr Signal kHangUp{1};

// runsvdir(8), SIGNALS.
int code_after(Signal signal) { return signal == kHangUp ? 111 : 0; }

// The directory of the command line; null: the usage is wrong.
const char* read_directory(char** argv) {
  char** word = argv[0] ? argv + 1 : argv;
  while (*word && *word == std::string_view("-P")) ++word;
  if (*word && *word == std::string_view("--")) ++word;
  const bool is_option = *word && (*word)[0] == '-';
  return is_option ? nullptr : *word;
}

std::string absolute(const char* directory) {
  std::string place = directory;
  if (place.starts_with('/')) return place;
  char* const here = get_current_dir_name();
  if (here) place = std::string(here) + "/" + place;
  free(here);  // NOLINT(cppcoreguidelines-no-malloc): get_current_dir_name(3) gives it away
  return place;
}

init::Personality make_personality(const char* directory) {
  init::Personality personality;
  config::Config& config = personality.config.emplace();
  config.sysctl.policy = config::SysctlPolicy::Off;
  config.sysctl.files.clear();
  config.hooks.directories.clear();
  config.container.service_directories = {absolute(directory)};
  config.container.stop_signals = {kTerminate, kHangUp};
  // Beside another init, which has the socket's place and may be a cinit.
  if (getpid() != 1) config.container.control_socket.clear();
  personality.rules.stop_signal_code = code_after;
  personality.keeps_container = true;
  personality.find_image = nullptr;
  personality.imports_environment = false;
  personality.shutdown_scripts = init::ShutdownScripts::Never;
  return personality;
}

}  // namespace

int run(char** argv, char** envp) {
  const char* const directory = read_directory(argv);
  if (!directory) {
    dropin::print(2, "usage: runsvdir [-P] dir\n");
    return kUsage;
  }
  if (access(directory, R_OK | X_OK) != 0) {
    dropin::print(2, "runsvdir: " + std::string(directory) + ": " + strerror(errno) + "; waiting for it\n");
  }
  init::BootRequest request;
  request.skip_startup_files = true;
  request.environment = envp;
  request.personality = make_personality(directory);
  return init::boot(request);
}

}  // namespace cinit::runsvdir
