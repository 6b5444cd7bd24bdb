// Kernel parameters at boot.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "log/log.hpp"

namespace cinit::init {

// Applies /etc/sysctl.conf and what the configuration asks for, and logs what became of each key. When the boot must
// end, because the policy is "strict", the result is what could not be set, a line each; otherwise it is empty.
std::string apply_sysctl(const config::Sysctl& wanted, log::Log& log);

// What cannot be understood or read of the same, whatever the kernel: where, and why. `where`: the place of [sysctl]
// set.
std::vector<std::pair<std::string, std::string>> find_sysctl_problems(const config::Sysctl& wanted,
                                                                      const std::string& where);

}  // namespace cinit::init
