// JSON text, as far as cinit writes it: RFC 8259.
#pragma once

#include <string_view>

namespace cinit {

// Appends `text` as a JSON string to anything with push_back(char). Bytes that are no UTF-8 are passed on as they are.
template <class Out>
void append_json_string(Out& out, std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  out.push_back('"');
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      out.push_back('\\');
      out.push_back(letter);
    } else if (byte < 0x20 || byte == 0x7f) {
      for (const char part : {'\\', 'u', '0', '0', kDigits[byte >> 4U], kDigits[byte & 15U]}) out.push_back(part);
    } else {
      out.push_back(letter);
    }
  }
  out.push_back('"');
}

}  // namespace cinit
