// JSON text, as far as cinit writes it: RFC 8259.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/utf8.hpp"

namespace cinit {

// Whether a byte stands for itself in a JSON string, whatever is around it.
constexpr bool is_plain_in_json(char letter) {
  return letter >= 0x20 && letter < 0x7f && letter != '"' && letter != '\\';
}

// Appends `text` as a JSON string to a std::string, or to what has push_back(char) and append(begin, end) as that has. What
// comes out is valid UTF-8, whatever the bytes are: what is none becomes U+FFFD, see first_character(). What steers a
// terminal is escaped, so that the line may be looked at on one.
template <class Out>
void append_json_string(Out& out, std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  const auto append = [&out](std::string_view part) { out.append(part.data(), part.data() + part.size()); };
  out.push_back('"');
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && is_plain_in_json(text[plain])) ++plain;
    append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const Character character = first_character(text);
    const char32_t code = character.code;
    if (!character.is_valid) {
      append(kReplacement);
    } else if (steers_display(code)) {
      out.push_back('\\');
      out.push_back('u');
      for (const unsigned shift : {12U, 8U, 4U, 0U}) out.push_back(kDigits[code >> shift & 15U]);
    } else {
      if (code == '"' || code == '\\') out.push_back('\\');
      append(text.substr(0, character.size));
    }
    text.remove_prefix(character.size);
  }
  out.push_back('"');
}

}  // namespace cinit
