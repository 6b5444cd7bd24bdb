#include "output/json_object.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <string_view>

#include "base/utf8.hpp"

namespace cinit::output {
namespace {

constexpr int kDeepest = 32;
// Members that we may add: see layout.cpp.
constexpr std::string_view kOurService = "cinit_service";
constexpr std::string_view kOurMark = "partial";
// Without the line feed, which ends a line, and the carriage return, which would reach a terminal.
constexpr std::string_view kBlanks = " \t";
constexpr std::size_t kMostNames = 64;
constexpr std::string_view kDigits = "0123456789";

// Takes what it has read from the beginning of the text. Each function returns false when the text begins otherwise.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  std::optional<JsonMembers> read() {
    skip_blanks();
    if (!take('{')) return std::nullopt;
    skip_blanks();
    const std::string_view inside = text_;
    JsonMembers members;
    if (!rest_of_object(1, &members)) return std::nullopt;
    members.text = inside.substr(0, inside.size() - text_.size() - 1);
    while (!members.text.empty() && kBlanks.find(members.text.back()) != std::string_view::npos) {
      members.text.remove_suffix(1);
    }
    skip_blanks();
    take('\r');
    return text_.empty() ? std::optional(members) : std::nullopt;
  }

 private:
  bool begins_with(char letter) const { return !text_.empty() && text_.front() == letter; }

  bool take(char letter) {
    if (!begins_with(letter)) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool take(std::string_view word) {
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }

  void skip_blanks() { text_.remove_prefix(std::min(text_.find_first_not_of(kBlanks), text_.size())); }

  bool value(int depth) {
    if (text_.empty() || depth > kDeepest) return false;
    switch (text_.front()) {
      case '"': return string();
      case '{': text_.remove_prefix(1); return rest_of_object(depth, nullptr);
      case '[': text_.remove_prefix(1); return rest_of_array(depth);
      case 't': return take("true");
      case 'f': return take("false");
      case 'n': return take("null");
      default: return number();
    }
  }

  bool rest_of_object(int depth, JsonMembers* top) {
    skip_blanks();
    if (take('}')) return true;
    do {
      skip_blanks();
      const std::string_view name = text_;
      if (!string() || (top && !note(name.substr(1, name.size() - text_.size() - 2), *top))) return false;
      skip_blanks();
      if (!take(':')) return false;
      skip_blanks();
      if (!value(depth + 1)) return false;
      skip_blanks();
    } while (take(','));
    return take('}');
  }

  bool rest_of_array(int depth) {
    skip_blanks();
    if (take(']')) return true;
    do {
      skip_blanks();
      if (!value(depth + 1)) return false;
      skip_blanks();
    } while (take(','));
    return take(']');
  }

  // False: the name could pass for ours, or readers would not agree on what it means.
  bool note(std::string_view name, JsonMembers& members) {
    const auto known = std::span(names_).first(count_);
    const bool is_hidden = name.find('\\') != std::string_view::npos;
    if (is_hidden || name == kOurService || name == kOurMark || std::ranges::find(known, name) != known.end())
      return false;
    if (count_ == kMostNames) return false;
    names_[count_++] = name;
    members.has_time = members.has_time || name == "time";
    members.has_service = members.has_service || name == "service";
    members.has_stream = members.has_stream || name == "stream";
    return true;
  }

  bool string() {
    if (!take('"')) return false;
    while (!text_.empty()) {
      if (take('"')) return true;
      if (begins_with('\\')) {
        if (!escape()) return false;
        continue;
      }
      const Character character = first_character(text_);
      if (!character.is_valid || steers_display(character.code)) return false;
      text_.remove_prefix(character.size);
    }
    return false;
  }

  bool escape() {
    text_.remove_prefix(1);
    if (!take('u')) {
      const bool is_known =
          !text_.empty() && std::string_view("\"\\/bfnrt").find(text_.front()) != std::string_view::npos;
      if (is_known) text_.remove_prefix(1);
      return is_known;
    }
    // Half of a surrogate pair is no character: RFC 8259, section 7.
    const auto code = hexadecimal();
    if (!code || is_low_surrogate(*code)) return false;
    if (*code < 0xd800 || *code > 0xdbff) return true;
    if (!take(std::string_view("\\u"))) return false;
    const auto low = hexadecimal();
    return low && is_low_surrogate(*low);
  }

  static bool is_low_surrogate(unsigned code) { return code >= 0xdc00 && code <= 0xdfff; }

  std::optional<unsigned> hexadecimal() {
    constexpr std::size_t kLength = 4;
    unsigned code = 0;
    const char* const begin = text_.data();
    const char* const end = begin + std::min(kLength, text_.size());
    const auto parsed = std::from_chars(begin, end, code, 16);
    if (parsed.ec != std::errc() || parsed.ptr != begin + kLength) return std::nullopt;
    text_.remove_prefix(kLength);
    return code;
  }

  bool digits() {
    const std::size_t count = std::min(text_.find_first_not_of(kDigits), text_.size());
    text_.remove_prefix(count);
    return count > 0;
  }

  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    return digits();
  }

  std::string_view text_;
  std::array<std::string_view, kMostNames> names_{};  // at the top, so far
  std::size_t count_ = 0;
};

}  // namespace

std::optional<JsonMembers> read_json_object(std::string_view line) { return JsonReader(line).read(); }

}  // namespace cinit::output
