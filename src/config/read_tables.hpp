// Reading the tables of a file, or of several that are merged, into a Draft. Private to config/.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/reading.hpp"

namespace cinit::config {

// A service with the table that it was read from.
struct DraftService {
  Service service;
  std::string title;  // "[service.NAME]"
  const toml::table* table = nullptr;
};

// What the tables say, not yet compared with each other. Services that are not enabled are among it. It points into the
// tables.
struct Draft {
  Container container;
  Variables env;
  Sysctl sysctl;
  Hooks hooks;
  std::vector<DraftService> services;  // by name
  const toml::table* container_table = nullptr;
  const toml::table* defaults_table = nullptr;
};

// Reads everything below `root`. What is wrong is reported to `reading`, and left at its default.
Draft read_tables(const toml::table& root, Reading& reading);

}  // namespace cinit::config
