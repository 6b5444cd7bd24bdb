// Why the container ended, for Kubernetes: the container's terminationMessagePath.
#pragma once

#include <string>

namespace cinit::init {

// Writes the reason to /dev/termination-log, if that file exists.
void write_termination_log(const std::string& reason);

}  // namespace cinit::init
