// Another init in whose place cinit is: one that has hooks and services.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "core/plan.hpp"
#include "init/words.hpp"
#include "log/log.hpp"

namespace cinit::init {

struct Personality {
  config::Config config;  // instead of what cinit would read
  core::Conduct conduct;
  // Programs to run before those of the hook directories.
  std::vector<std::string> first_programs;
  // What hooks and the main command have between SIGTERM and SIGKILL; unset: all the time of the stop.
  std::optional<Duration> process_timeout;
  // The container lives as long as somebody looks after service directories, also when there is none in them yet.
  bool keeps_container = false;
  // It reads /etc/container_environment and runs the scripts of my_init's shutdown.
  bool is_my_init = true;
  // What its own lines begin with, and how they are worded.
  std::string_view line_prefix = log::Log::kOwnPrefix;
  MakeWords words = nullptr;
};

}  // namespace cinit::init
