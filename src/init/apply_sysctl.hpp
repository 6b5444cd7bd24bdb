// Kernel parameters at boot.
#pragma once

#include <string>

#include "config/config.hpp"
#include "log/log.hpp"

namespace cinit::init {

// Applies /etc/sysctl.conf and what the configuration asks for, and logs what became of each key. When the boot must end,
// because the policy is "strict", the result is what could not be set, a line each; otherwise it is empty.
std::string apply_sysctl(const config::Sysctl& wanted, log::Log& log);

}  // namespace cinit::init
