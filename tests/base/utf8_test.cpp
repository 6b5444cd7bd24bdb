#include "base/utf8.hpp"

#include <doctest/doctest.h>

using namespace cinit;

namespace {

// How the text is taken apart: sizes, with "!" behind those of what is no character.
std::string taken_apart(std::string_view text) {
  std::string parts;
  while (!text.empty()) {
    const Character character = first_character(text);
    parts += std::to_string(character.size) + (character.is_valid ? " " : "! ");
    text.remove_prefix(character.size);
  }
  return parts;
}

}  // namespace

TEST_CASE("characters of UTF-8 are read with their code") {
  const std::pair<const char*, char32_t> characters[] = {
      {"a", U'a'},
      {"\xc2\x80", 0x80},
      {"\xdf\xbf", 0x7ff},
      {"\xe0\xa0\x80", 0x800},
      {"\xed\x9f\xbf", 0xd7ff},
      {"\xee\x80\x80", 0xe000},
      {"\xef\xbf\xbf", 0xffff},
      {"\xf0\x90\x80\x80", 0x10000},
      {"\xf4\x8f\xbf\xbf", 0x10ffff},
  };
  for (const auto& [text, code] : characters) {
    const Character character = first_character(text);
    CHECK(character.is_valid);
    CHECK(character.code == code);
    CHECK(character.size == std::string_view(text).size());
  }
}

TEST_CASE("what is no UTF-8 is taken apart into maximal subparts") {
  CHECK(taken_apart("a\xff"
                    "b") == "1 1! 1 ");
  CHECK(taken_apart("\xc0\xaf") == "1! 1! ");                // a longer form
  CHECK(taken_apart("\xe0\x9f\xbf") == "1! 1! 1! ");         // the same, of three bytes
  CHECK(taken_apart("\xed\xa0\x80") == "1! 1! 1! ");         // a surrogate
  CHECK(taken_apart("\xf4\x90\x80\x80") == "1! 1! 1! 1! ");  // beyond the last one
  CHECK(taken_apart("\xe2\x82") == "2! ");                   // without its end
  CHECK(taken_apart("\xf0\x9f\x98x") == "3! 1 ");            // the same, in the middle
  CHECK(taken_apart("\xe2\xe2\x82\xac\x80") == "1! 3 1! ");
}

TEST_CASE("controls, separators and what turns the order of letters around steer the display, letters do not") {
  for (const unsigned code :
       {0x00U, 0x1bU, 0x1fU, 0x7fU, 0x80U, 0x9bU, 0x9fU, 0x2028U, 0x2029U, 0x202aU, 0x202eU, 0x2066U, 0x2069U}) {
    CAPTURE(code);
    CHECK(steers_display(code));
  }
  for (const unsigned code : {0x20U, 0x7eU, 0xa0U, 0x5d0U, 0x2027U, 0x202fU, 0x2065U, 0x206aU, 0xfffdU, 0x1f600U}) {
    CAPTURE(code);
    CHECK_FALSE(steers_display(code));
  }
}

TEST_CASE("in a line of ours each byte of what is no letter is shown by its number") {
  CHECK(printable("caf\xc3\xa9 \\ \"x\"") == "caf\xc3\xa9 \\ \"x\"");
  CHECK(printable("a\n\x1b[31m\x7f") == "a\\x0a\\x1b[31m\\x7f");
  CHECK(printable("\xc2\x9b"
                  "31m") == "\\xc2\\x9b31m");  // CSI as UTF-8
  CHECK(printable("\x9b"
                  "31m\xff") == "\\x9b31m\\xff");  // and as a byte
  CHECK(printable("a\xe2\x80\xae"
                  "b") ==
        "a\\xe2\\x80\\xae"
        "b");
  CHECK(printable(std::string_view("\0", 1)) == "\\x00");
}
