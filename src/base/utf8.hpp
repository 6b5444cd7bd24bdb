// Text that others choose: names, what a service says of itself, what a probe got for an answer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace cinit {

// What stands at the beginning of a text.
struct Character {
  char32_t code = 0xfffd;  // U+FFFD in the place of bytes that are no character
  std::size_t size = 1;    // in bytes, at least 1
  bool is_valid = false;
};

// The first character of `text`, which is not empty. Bytes that are no UTF-8 (RFC 3629) are taken as far as they begin a
// character: the maximal subpart of the Unicode standard, section 3.9, as Python and browsers have it.
constexpr Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return {first, 1, true};
  if (first < 0xc2 || first > 0xf4) return {};
  const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  // Of the second byte not every value makes a character: neither a longer form of another one, nor a surrogate, nor one
  // beyond U+10FFFF.
  unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  char32_t code = first & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if (i == text.size() || byte(i) < low || byte(i) > high) return {.size = i};
    code = code << 6U | (byte(i) & 0x3fU);
    low = 0x80;
    high = 0xbf;
  }
  return {code, size, true};
}

// Whether a terminal obeys this character instead of showing it: the controls C0, DEL and C1 (U+009B begins a sequence as
// ESC [ does), line and paragraph separators, and what changes the order of the letters around it (Unicode's bidirectional
// embeddings, overrides and isolates), so that a line reads as another one.
constexpr bool steers_display(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

// Appends `text` to anything with push_back(char), so that it may stand in a line of ours: each byte of what is no UTF-8,
// or steers the display, becomes \xNN.
template <class Out>
void append_printable(Out& out, std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  while (!text.empty()) {
    const Character character = first_character(text);
    const bool is_shown = character.is_valid && !steers_display(character.code);
    for (const char letter : text.substr(0, character.size)) {
      const auto byte = static_cast<unsigned char>(letter);
      if (is_shown) {
        out.push_back(letter);
      } else {
        for (const char part : {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 15U]}) out.push_back(part);
      }
    }
    text.remove_prefix(character.size);
  }
}

inline std::string printable(std::string_view text) {
  std::string shown;
  append_printable(shown, text);
  return shown;
}

}  // namespace cinit
