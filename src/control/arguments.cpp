#include "control/arguments.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/nearest.hpp"

namespace cinit::control {
namespace {

std::optional<std::size_t> parse_count(std::string_view text) {
  std::size_t count = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  if (text.empty() || error != std::errc() || rest != end) return std::nullopt;
  return count;
}

const OptionRow* find_option(std::string_view name, std::span<const OptionRow> allowed) {
  for (const OptionRow& row : allowed) {
    if (row.name == name || (row.letter != 0 && name == std::string{'-', row.letter})) return &row;
  }
  return nullptr;
}

Error unknown_option(std::string_view name, std::span<const OptionRow> allowed) {
  std::vector<std::string_view> names;
  for (const OptionRow& row : allowed) names.push_back(row.name);
  const std::string_view near = name.starts_with("--") ? nearest(name, names) : std::string_view();
  return Error{"unknown option " + std::string(name) +
               (near.empty() ? "" : "; did you mean " + std::string(near) + "?")};
}

}  // namespace

Result<Arguments> parse_arguments(std::span<const std::string> words, std::span<const OptionRow> allowed) {
  Arguments arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--") {
      arguments.words.insert(arguments.words.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (word.size() < 2 || word[0] != '-') {
      arguments.words.emplace_back(word);
      continue;
    }
    if (word == "--expect-wait") {
      arguments.expect_wait = true;
      continue;
    }
    // "--name=value", and "-nvalue" as well as "-n value".
    const bool is_long = word.starts_with("--");
    const std::size_t name_end = is_long ? std::min(word.find('='), word.size()) : 2;
    std::optional<std::string_view> value;
    if (name_end < word.size()) value = word.substr(is_long ? name_end + 1 : name_end);
    const OptionRow* const row = find_option(word.substr(0, name_end), allowed);
    if (row == nullptr) return unknown_option(word.substr(0, name_end), allowed);
    arguments.given |= 1U << static_cast<unsigned>(row->option);
    if (row->value.empty()) {
      if (value) return Error{std::string(word) + ": it takes no value"};
      continue;
    }
    if (!value && i + 1 < words.size()) value = words[++i];
    arguments.lines = parse_count(value.value_or(""));
    if (!arguments.lines) return Error{std::string(word) + ": expected a number of lines"};
  }
  return arguments;
}

}  // namespace cinit::control
