// From the text of configuration files to a checked Config.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/expand.hpp"
#include "config/problem.hpp"

namespace cinit::config {

// One file: its text, and the name that messages call it by.
struct SourceText {
  std::string name;
  std::string text;
};

// What a `${X}` is that has no value and no default. As a warning, for a check at the time an image is built, when the
// environment of the container is not known yet: the value stays as it is written, and nothing else is said about it.
enum class Undefined { Error, Warning };

// With errors among the problems the configuration is incomplete, and good for nothing.
struct Loaded {
  Config config;
  std::vector<Problem> problems;  // of all files, in the order of the files and of the lines
};

// Reads and merges `sources`, of which later ones win: tables key by key, everything else as a whole. Pure: `lookup` is
// the only way to the environment.
Loaded load(std::span<const SourceText> sources, const Lookup& lookup, Undefined undefined);

}  // namespace cinit::config
