// The words of the configuration's format.
#pragma once

#include <string>

namespace cinit::fuzz {

// A dictionary of libFuzzer: the keys of all tables, as config/keys.hpp has them, and the words that they take.
std::string dictionary();

}  // namespace cinit::fuzz
