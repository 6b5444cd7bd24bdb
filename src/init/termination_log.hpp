// Why the container ended, for Kubernetes: the container's terminationMessagePath.
#pragma once

#include <string_view>

namespace cinit::init {

// Writes the reason to /dev/termination-log, if that file exists. It may have several lines.
void write_termination_log(std::string_view reason);

}  // namespace cinit::init
