// Letting go of what the command has inherited from us.
#pragma once

#include "solo/command.hpp"

namespace cinit::solo {

// What cannot be done is left.
void retreat(const Retreat& wanted);

}  // namespace cinit::solo
