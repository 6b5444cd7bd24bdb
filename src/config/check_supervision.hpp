// The part of check() that is about `ready`, `health` and log files: what contradicts what. Private to config/.
#pragma once

#include "config/read_tables.hpp"

namespace cinit::config {

// Reports tables of [defaults] that do not say how it is found out.
void check_default_supervision(const Draft& draft, Reading& reading);

// Reports the mistakes of a service that is enabled, and takes out what [defaults] has for other kinds of services.
void check_supervision(const Draft& draft, DraftService& service, Reading& reading);

}  // namespace cinit::config
