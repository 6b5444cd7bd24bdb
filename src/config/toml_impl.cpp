// The one translation unit that compiles toml++.

// With NDEBUG its assertions become assumptions that clang optimises by, and not all of them hold: see config/toml.hpp.
#undef NDEBUG
#define TOML_IMPLEMENTATION
#include "config/toml.hpp"
