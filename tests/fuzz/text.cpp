#include "text.hpp"

#include <algorithm>
#include <cstdint>

namespace cinit::fuzz {
namespace {

// The length of the character at the beginning of `text`, which is not empty; 0: there is none.
std::size_t character_length(std::string_view text) {
  struct Form {
    std::size_t length;
    std::uint32_t lead;      // the fixed bits of the first byte
    std::uint32_t mask;      // and where they are
    std::uint32_t smallest;  // what needs so many bytes
  };
  constexpr Form kForms[] = {
      {1, 0x00, 0x80, 0}, {2, 0xC0, 0xE0, 0x80}, {3, 0xE0, 0xF0, 0x800}, {4, 0xF0, 0xF8, 0x10000}};
  const auto byte = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(text[i])}; };
  for (const Form& form : kForms) {
    if ((byte(0) & form.mask) != form.lead) continue;
    if (form.length > text.size()) return 0;
    std::uint32_t code_point = byte(0) & ~form.mask;
    for (std::size_t i = 1; i < form.length; ++i) {
      if ((byte(i) & 0xC0U) != 0x80U) return 0;
      code_point = code_point << 6U | (byte(i) & 0x3FU);
    }
    const bool is_surrogate = code_point >= 0xD800 && code_point < 0xE000;
    return code_point < form.smallest || code_point > 0x10FFFF || is_surrogate ? 0 : form.length;
  }
  return 0;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, std::string_view separator, std::size_t most) {
  std::vector<std::string_view> parts;
  while (parts.size() + 1 < most) {
    const std::size_t end = text.find(separator);
    if (end == std::string_view::npos) break;
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + separator.size());
  }
  parts.push_back(text);
  return parts;
}

bool is_one_line(std::string_view text) {
  return std::ranges::none_of(text, [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte < 0x20 || byte == 0x7F;
  });
}

bool is_harmless(std::string_view text) {
  if (!is_utf8(text) || !is_one_line(text)) return false;
  for (std::size_t at = text.find('\xC2'); at != std::string_view::npos; at = text.find('\xC2', at + 1)) {
    if (static_cast<unsigned char>(text[at + 1]) < 0xA0) return false;
  }
  return true;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string visible(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string shown;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte >= 0x20 && byte < 0x7F) {
      shown += letter;
    } else {
      shown += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 0xFU]};
    }
  }
  return shown;
}

std::optional<std::string> look_up(std::string_view name) {
  if (name == "HOME") return "/root";
  if (name == "PORT") return "8080";
  if (name == "EMPTY") return "";
  if (name == "WORDS") return "one  two\t\"three";
  if (name == "BRACES") return "${HOME} } $${";
  return std::nullopt;
}

}  // namespace cinit::fuzz
