// The depth of dotted keys, in front of the parser. Private to config/.
#pragma once

#include <cstdint>
#include <string_view>

namespace cinit::config {

// No table of this format is nearly as deep. toml++ recurses once for each part, and so would use up the stack.
inline constexpr std::uint32_t kMostKeyParts = 64;

// The number of the first line of the TOML `text` with a key, or the header of a table, of more than kMostKeyParts parts;
// 0 when there is none. Behind a mistake in the syntax it may be wrong, but the parser does not get there either.
std::uint32_t find_deep_key(std::string_view text);

}  // namespace cinit::config
