#include "control/arguments.hpp"

#include <algorithm>
#include <charconv>

namespace cinit::control {
namespace {

struct OptionName {
  std::string_view name;
  Option option;
};

constexpr OptionName kOptions[] = {
    {"--json", Option::Json},     {"--no-wait", Option::NoWait}, {"--group", Option::Group},
    {"--follow", Option::Follow}, {"--lines", Option::Lines},    {"--expect-wait", Option::ExpectWait},
};

std::optional<std::size_t> parse_count(std::string_view text) {
  std::size_t count = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  if (text.empty() || error != std::errc() || rest != end) return std::nullopt;
  return count;
}

std::optional<Option> find(std::string_view name, std::span<const Option> allowed) {
  for (const Option option : allowed) {
    if (name_of(option) == name) return option;
  }
  return std::nullopt;
}

// False: `value` is no value for it.
bool apply(Arguments& arguments, Option option, std::optional<std::string_view> value) {
  if (option == Option::Lines) {
    arguments.lines = parse_count(value.value_or(""));
    return arguments.lines.has_value();
  }
  switch (option) {
    case Option::Json: arguments.json = true; break;
    case Option::NoWait: arguments.no_wait = true; break;
    case Option::Group: arguments.group = true; break;
    case Option::Follow: arguments.follow = true; break;
    case Option::ExpectWait: arguments.expect_wait = true; break;
    case Option::Lines: break;
  }
  return !value;
}

}  // namespace

std::string_view name_of(Option option) { return std::ranges::find(kOptions, option, &OptionName::option)->name; }

Result<Arguments> parse_arguments(std::span<const std::string> words, std::span<const Option> allowed) {
  Arguments arguments;
  for (const std::string& word : words) {
    if (!word.starts_with("--")) {
      arguments.words.push_back(word);
      continue;
    }
    const std::size_t name_end = std::min(word.find('='), word.size());
    const std::optional<Option> option = find(std::string_view(word).substr(0, name_end), allowed);
    if (!option) return Error{"unknown option " + word.substr(0, name_end)};
    const bool has_value = name_end < word.size();
    if (!apply(arguments, *option,
               has_value ? std::optional(std::string_view(word).substr(name_end + 1)) : std::nullopt)) {
      return Error{word + (*option == Option::Lines ? ": expected a number of lines" : ": it takes no value")};
    }
  }
  return arguments;
}

}  // namespace cinit::control
