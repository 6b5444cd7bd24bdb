#include "config/quote.hpp"

#include <algorithm>
#include <cstdint>

namespace cinit::config {
namespace {

constexpr std::string_view kReplacement = "\\uFFFD";

// How many bytes a sequence that begins with `lead` has; 0 when none does. RFC 3629, section 3.
std::size_t length_after(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

// The length of the UTF-8 sequence at the front of `text`, which is not empty; 0 when there is none.
std::size_t utf8_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = length_after(lead);
  if (length <= 1) return length;
  if (length > text.size()) return 0;
  std::uint32_t code_point = lead & (0x7FU >> length);
  for (const char follower : text.substr(1, length - 1)) {
    const auto byte = static_cast<unsigned char>(follower);
    if ((byte & 0xC0U) != 0x80U) return 0;
    code_point = code_point << 6U | (byte & 0x3FU);
  }
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  const bool overlong = code_point < (length == 3 ? 0x800U : length == 4 ? 0x10000U : 0U);
  return surrogate || overlong || code_point > 0x10FFFF ? 0 : length;
}

std::string escape_control(unsigned char byte) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  return {'\\', 'u', '0', '0', kHex[byte >> 4U], kHex[byte & 0xFU]};
}

std::string escape(char letter) {
  switch (letter) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\t': return "\\t";
    case '\r': return "\\r";
    default: break;
  }
  const auto byte = static_cast<unsigned char>(letter);
  return byte < 0x20 || byte == 0x7F ? escape_control(byte) : std::string(1, letter);
}

// The control characters of C1, U+0080 to U+009F, are two bytes of UTF-8.
bool is_c1(std::string_view character) {
  return character.size() == 2 && character[0] == '\xC2' && static_cast<unsigned char>(character[1]) < 0xA0;
}

bool is_bare(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
         letter == '-' || letter == '_';
}

}  // namespace

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      quoted += kReplacement;
    } else if (length == 1) {
      quoted += escape(text[0]);
    } else if (is_c1(text.substr(0, length))) {
      quoted += escape_control(static_cast<unsigned char>(text[1]));
    } else {
      quoted += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return quoted + '"';
}

std::string quote_key(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, is_bare) ? std::string(key) : quote(key);
}

std::string quote_path(std::string_view path) {
  std::string quoted = quote(path);
  const bool is_plain = std::string_view(quoted).substr(1, quoted.size() - 2) == path;
  return is_plain ? std::string(path) : quoted;
}

}  // namespace cinit::config
