// From the command's options to its process.
#pragma once

#include "solo/command.hpp"

namespace cinit::solo {

// One attempt to start the command.
os::SpawnResult spawn(const Command& command);

// Whether the next attempt may succeed.
bool may_succeed_later(const os::SpawnResult& failure);

// The exit code of a start that failed.
int code_of(const os::SpawnResult& failure, const FailureCodes& codes);

}  // namespace cinit::solo
