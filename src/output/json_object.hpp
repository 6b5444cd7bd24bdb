// Lines of programs that are JSON already.
#pragma once

#include <optional>
#include <string_view>

namespace cinit::output {

// What is between the braces of an object, and whether it has names of ours.
struct JsonMembers {
  std::string_view text;  // without blanks around it; empty: the object is
  bool has_time = false;
  bool has_service = false;
  bool has_stream = false;
};

// Reads `line` as one object of JSON (RFC 8259) and nothing else, without a copy of it. std::nullopt: it is none, or one that cannot
// be passed on as it is: no UTF-8 or half of a surrogate pair, with a character that steers a terminal, deeper than 32 levels, or with
// names at the top that are there twice, are more than 64, have an escape (which could hide one of ours), or are "cinit_service" or
// "partial", which say what cinit alone knows.
std::optional<JsonMembers> read_json_object(std::string_view line);

}  // namespace cinit::output
