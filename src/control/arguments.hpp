// What stands behind the name of a command in a request.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace cinit::control {

enum class Option { Json, NoWait, Group, Follow, Lines, ExpectWait };

struct Arguments {
  bool json = false;
  bool no_wait = false;
  bool group = false;
  bool follow = false;
  bool expect_wait = false;
  std::optional<std::size_t> lines;
  std::vector<std::string> words;  // what is no option, in its order
};

// Sorts `words`. The error is a sentence: an option that is not among `allowed`, or a value that is none.
Result<Arguments> parse_arguments(std::span<const std::string> words, std::span<const Option> allowed);

// As in a request: "--json".
std::string_view name_of(Option option);

}  // namespace cinit::control
