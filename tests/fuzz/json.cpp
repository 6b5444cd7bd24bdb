#include "json.hpp"

#include <cstddef>

#include "text.hpp"

namespace cinit::fuzz {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";
constexpr int kDeepest = 32;

// Takes one part of the grammar after the other from the front. False: it is not there.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool read_all() { return read_value(0) && text_.empty(); }

 private:
  void skip_space() { text_.remove_prefix(std::min(text_.find_first_not_of(kSpace), text_.size())); }

  bool take(std::string_view expected) {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }

  bool take_any(std::string_view letters) {
    if (text_.empty() || letters.find(text_[0]) == std::string_view::npos) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool read_value(int depth) {
    if (depth > kDeepest) return false;
    skip_space();
    const bool is_value = text_.starts_with('{')   ? read_object(depth)
                          : text_.starts_with('[') ? read_array(depth)
                          : text_.starts_with('"') ? read_string()
                                                   : read_plain();
    skip_space();
    return is_value;
  }

  bool read_plain() { return take("true") || take("false") || take("null") || read_number(); }

  bool read_digits() {
    const std::size_t before = text_.size();
    while (take_any(kDigits)) {
    }
    return text_.size() < before;
  }

  bool read_number() {
    take("-");
    if (!take("0") && !read_digits()) return false;
    if (take(".") && !read_digits()) return false;
    if (!take_any("eE")) return true;
    take_any("+-");
    return read_digits();
  }

  bool read_escape() {
    if (!take("u")) return take_any("\"\\/bfnrt");
    for (int i = 0; i < 4; ++i) {
      if (!take_any(kHexDigits)) return false;
    }
    return true;
  }

  bool read_string() {
    if (!take("\"")) return false;
    while (!text_.empty()) {
      if (take("\"")) return true;
      if (static_cast<unsigned char>(text_[0]) < 0x20) return false;
      if (!take("\\")) {
        text_.remove_prefix(1);
      } else if (!read_escape()) {
        return false;
      }
    }
    return false;
  }

  bool read_object(int depth) {
    take("{");
    skip_space();
    if (take("}")) return true;
    do {
      skip_space();
      if (!read_string()) return false;
      skip_space();
      if (!take(":") || !read_value(depth + 1)) return false;
    } while (take(","));
    return take("}");
  }

  bool read_array(int depth) {
    take("[");
    skip_space();
    if (take("]")) return true;
    do {
      if (!read_value(depth + 1)) return false;
    } while (take(","));
    return take("]");
  }

  std::string_view text_;
};

}  // namespace

bool is_json(std::string_view text) { return is_utf8(text) && Reader(text).read_all(); }

}  // namespace cinit::fuzz
