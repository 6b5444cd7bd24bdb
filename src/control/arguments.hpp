// What stands behind the name of a command in a request.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "control/command_table.hpp"

namespace cinit::control {

struct Arguments {
  unsigned given = 0;                // a bit for each Option
  bool expect_wait = false;          // --expect-wait, which every command takes
  std::optional<std::size_t> lines;  // of Option::Lines
  std::vector<std::string> words;    // what is no option, in its order

  bool has(Option option) const { return (given >> static_cast<unsigned>(option) & 1U) != 0; }
};

// Sorts `words`; behind "--" none is an option. The error is a sentence: an option that is not among `allowed`, or a value that is
// none.
Result<Arguments> parse_arguments(std::span<const std::string> words, std::span<const OptionRow> allowed);

}  // namespace cinit::control
