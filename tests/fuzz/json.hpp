// What JSON text is, by RFC 8259: for the rules, which trust no code of cinit's.
#pragma once

#include <string_view>

namespace cinit::fuzz {

// Whether all of `text` is one value, with nothing but white space around it, and UTF-8.
bool is_json(std::string_view text);

}  // namespace cinit::fuzz
