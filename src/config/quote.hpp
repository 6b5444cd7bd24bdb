// Text between quotes: for TOML that is written, and for messages, which it keeps on one line.
#pragma once

#include <string>
#include <string_view>

namespace cinit::config {

// `text` as a basic string of TOML 1.0, with its quotes. Bytes that are not UTF-8, which TOML cannot hold, become U+FFFD.
// Control characters are escaped, those of C1 (U+0080 to U+009F) as well, which terminals obey.
std::string quote(std::string_view text);

// A key of TOML 1.0: bare where that is allowed, and otherwise as quote() has it.
std::string quote_key(std::string_view key);

// A path for a message: as it is, or as quote() has it where that is more than quotes around it.
std::string quote_path(std::string_view path);

}  // namespace cinit::config
