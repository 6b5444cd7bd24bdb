// cinit runs a lone command in a loop of its own, and in its large one as soon as there is a configuration. Both must
// behave the same.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "container.hpp"

namespace cinit::e2e {

// Runs the test case twice: without a configuration, and with one that changes nothing.
inline void in_both_loops(Container& container) {
  SUBCASE("the command alone") {}
  SUBCASE("with a configuration") { container.config("[cinit]\n"); }
}

// How long the container took to end, for who reads the output.
inline void print_end(const std::string& what, const End& end) {
  MESSAGE(what, ": over after ", milliseconds(end.took), " ms, PID 1 ", milliseconds(end.after_the_others),
          " ms after the last other process");
}

}  // namespace cinit::e2e
