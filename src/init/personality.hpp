// What makes one init different from another that cinit can be. The default is cinit itself; my_init and runsvdir are
// others.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "core/plan.hpp"
#include "init/image.hpp"
#include "init/words.hpp"
#include "log/log.hpp"

namespace cinit::init {

// Which command lines leave out the scripts of /etc/my_init.pre_shutdown.d and /etc/my_init.post_shutdown.d.
enum class ShutdownScripts {
  WithServicesAndHooks,  // one without services, or without startup files
  WithServices,          // one without services
  Never,                 // every one
};

struct Personality {
  // The configuration; unset: that of the configuration files.
  std::optional<config::Config> config;
  core::InitRules rules;
  // Looks for an init of the image's own, whose scripts and services are run; null: it is not looked for.
  FindImage find_image = find_known_image;
  // Programs to run before those of the hook directories.
  std::vector<std::string> first_programs;
  // What hooks and the main command have between SIGTERM and SIGKILL; unset: what the configuration says.
  std::optional<Duration> process_timeout;
  // The container lives as long as service directories are looked after, also when there is none in them yet.
  bool keeps_container = false;
  // /etc/container_environment is read.
  bool imports_environment = true;
  ShutdownScripts shutdown_scripts = ShutdownScripts::WithServicesAndHooks;
  // What its own lines begin with, and how they are worded.
  std::string_view line_prefix = log::Log::kOwnPrefix;
  MakeWords words = make_own_words;
};

}  // namespace cinit::init
