// A configuration as TOML.
#pragma once

#include <string>

#include "config/config.hpp"

namespace cinit::config {

// Everything that holds, defaults included, as TOML that load() makes the same Config of. Keys that are unset are left out.
std::string to_toml(const Config& config);

// The tables [cinit] and [service.NAME] with every key and its default; keys without a default as `#key` alone.
std::string defaults_toml();

}  // namespace cinit::config
