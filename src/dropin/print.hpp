// Texts for whoever has called us with the wrong words, or asked for help.
#pragma once

#include <string_view>

namespace cinit::dropin {

// Writes all of it to a descriptor, or as much as is taken.
void print(int fd, std::string_view text);

}  // namespace cinit::dropin
