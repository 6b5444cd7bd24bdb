// What can only be seen when the whole configuration is there: references between services, and keys that contradict each
// other. Private to config/.
#pragma once

#include "config/config.hpp"
#include "config/load.hpp"
#include "config/read_tables.hpp"

namespace cinit::config {

// Reports the mistakes of `draft`. Returns the configuration without the services that are not enabled, and without what
// refers to those; cycles are not looked for.
Config check(Draft draft, const FindDirectory& find_directory, Reading& reading);

}  // namespace cinit::config
