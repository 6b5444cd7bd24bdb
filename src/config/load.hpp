// From the text of configuration files to a checked Config.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
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

// Where there is a service directory of that name: in one of `directories`, or wherever else an image may have some. Empty:
// nowhere.
using FindDirectory = std::function<std::string(std::span<const std::string> directories, std::string_view name)>;

// With errors among the problems the configuration is incomplete, and good for nothing.
struct Loaded {
  Config config;
  std::vector<Problem> problems;  // of all files, in the order of the files and of the lines
};

// Reads and merges `sources`, of which later ones win: tables key by key, everything else as a whole. Pure: `lookup` is
// the only way to the environment, and `find_directory` to the image; without it nothing is there.
Loaded load(std::span<const SourceText> sources, const Lookup& lookup, Undefined undefined,
            const FindDirectory& find_directory = {});

// Where the value of a key is written that counts when `sources` are merged: {"service", "web", "user"}. No file: nowhere.
Location find_key(std::span<const SourceText> sources, std::initializer_list<std::string_view> path);

}  // namespace cinit::config
