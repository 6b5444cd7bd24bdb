#include "config/key_depth.hpp"

#include <algorithm>

namespace cinit::config {
namespace {

// How much of `text`, which begins with a string of several lines in three of `quotes`, belongs to that. One or two more
// quotes at its end are part of it.
std::size_t long_string_length(std::string_view text, std::string_view quotes) {
  std::size_t at = quotes.size();
  while (at < text.size() && !text.substr(at).starts_with(quotes)) {
    at += text[at] == '\\' && quotes[0] == '"' ? 2U : 1U;
  }
  at = std::min(at + quotes.size(), text.size());
  for (int extra = 0; extra < 2 && at < text.size() && text[at] == quotes[0]; ++extra) ++at;
  return at;
}

// The same for a string on one line.
std::size_t short_string_length(std::string_view text) {
  std::size_t at = 1;
  while (at < text.size() && text[at] != text[0] && text[at] != '\n')
    at += text[at] == '\\' && text[0] == '"' ? 2U : 1U;
  return std::min(at + 1, text.size());
}

// How much of `text` is its first string, comment or character.
std::size_t token_length(std::string_view text) {
  if (text[0] == '#') return std::min(text.find('\n'), text.size());
  if (text[0] != '"' && text[0] != '\'') return 1;
  const std::string_view quotes = text[0] == '"' ? "\"\"\"" : "'''";
  return text.starts_with(quotes) ? long_string_length(text, quotes) : short_string_length(text);
}

}  // namespace

std::uint32_t find_deep_key(std::string_view text) {
  constexpr std::string_view kNotInKeys = "=,[]{}\n";
  std::uint32_t line = 1;
  std::uint32_t parts = 1;
  while (!text.empty()) {
    const std::string_view token = text.substr(0, token_length(text));
    if (token == "." && ++parts > kMostKeyParts) return line;
    if (kNotInKeys.find(token[0]) != std::string_view::npos) parts = 1;
    line += static_cast<std::uint32_t>(std::ranges::count(token, '\n'));
    text.remove_prefix(token.size());
  }
  return 0;
}

}  // namespace cinit::config
