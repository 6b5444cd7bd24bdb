#include "sysctl/text.hpp"

#include <algorithm>

namespace cinit::sysctl {
namespace {

constexpr std::size_t kLongestShown = 120;

bool is_plain(char letter) {
  constexpr std::string_view kHarmless = "_-./:=,+@%";
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
         kHarmless.find(letter) != std::string_view::npos;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
}

std::string fold(std::string_view text) {
  std::string folded;
  for (const char letter : trim(text)) {
    if (kWhiteSpace.find(letter) == std::string_view::npos) {
      folded += letter;
    } else if (folded.back() != ' ') {
      folded += ' ';
    }
  }
  return folded;
}

bool is_control(char letter) { return static_cast<unsigned char>(letter) < 0x20 || letter == 0x7F; }

std::string printable(std::string_view text) {
  std::string shown = fold(text);
  if (shown.empty()) return "\"\"";
  if (shown.size() > kLongestShown) shown = shown.substr(0, kLongestShown) + "...";
  std::ranges::replace_if(shown, is_control, '?');
  return shown;
}

std::string shell_quote(std::string_view word) {
  if (!word.empty() && std::ranges::all_of(word, is_plain)) return std::string(word);
  std::string quoted = "'";
  for (const char letter : word) {
    if (letter == '\'') {
      quoted += "'\\''";
    } else {
      quoted += letter;
    }
  }
  return quoted + '\'';
}

}  // namespace cinit::sysctl
