// What the start would say, found out without starting anything: for `cinit check`.
#pragma once

#include <functional>
#include <string_view>

#include "config/load.hpp"
#include "init/image.hpp"

namespace cinit::init {

// Where a key of a service, or of the table `[name]`, is written.
struct WrittenKeys {
  std::function<config::Location(const config::Service& service, std::string_view key)> of_service;
  std::function<config::Location(std::string_view table, std::string_view key)> of_table;
};

// Makes the start of every service, command of a service, exec probe and hook as far as its exec, in processes of their
// own that end there, and adds to `loaded` a warning for each that would fail. What depends on how the container is run
// is left out: limits, nice, oom-score-adj and capabilities. Nothing is made: a log is not opened, but it is looked
// whether it could be.
void rehearse(config::Loaded& loaded, const Image& image, const WrittenKeys& keys);

}  // namespace cinit::init
