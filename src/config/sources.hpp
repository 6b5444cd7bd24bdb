// Finding the configuration files and reading them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"

namespace cinit::config {

// A configuration is text that somebody wrote; what is bigger is something else by mistake.
inline constexpr std::size_t kLargestFile = std::size_t{1} << 20U;  // bytes

// Where configuration usually is: the file, and the directory of further files.
inline constexpr char kConfigFile[] = "/etc/cinit.toml";
inline constexpr char kConfigDirectory[] = "/etc/cinit.d";

struct Sources {
  std::vector<SourceText> files;      // in the order in which later ones win
  std::vector<std::string> searched;  // every place that was looked at, for "nothing to run: looked in ..."
  std::vector<Problem> problems;      // files that are there and cannot be read, each an error
};

// Reads `/etc/cinit.toml` and `/etc/cinit.d/*.toml`, these by name in the order of the C locale, without hidden files.
// Neither needs to exist. `root` is put in front of both.
Sources read_default_sources(std::string_view root = "");

// Reads the file that was asked for by name, and nothing else. It must exist, and be a regular file.
Sources read_named_source(const std::string& path);

}  // namespace cinit::config
