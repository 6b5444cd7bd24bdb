#include "output/json_object.hpp"

#include <string_view>

#include "base/utf8.hpp"

namespace cinit::output {
namespace {

constexpr int kDeepest = 32;
constexpr std::string_view kBlanks = " \t\r";
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

  static bool note(std::string_view name, JsonMembers& members) {
    members.has_time = members.has_time || name == "time";
    members.has_service = members.has_service || name == "service";
    members.has_stream = members.has_stream || name == "stream";
    return name.find('\\') == std::string_view::npos;
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
    if (text_.substr(0, 4).find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos || text_.size() < 4) {
      return false;
    }
    text_.remove_prefix(4);
    return true;
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
};

}  // namespace

std::optional<JsonMembers> read_json_object(std::string_view line) { return JsonReader(line).read(); }

}  // namespace cinit::output
