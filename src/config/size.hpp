// Numbers of bytes as they are written in a configuration.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/config.hpp"

namespace cinit::config {

// What parse_size() reads, for messages: "expected " and this.
inline constexpr std::string_view kSizeForm = "a size such as \"64KB\", \"10MB\", \"1GB\" or whole bytes";

// Reads a number with a unit, or bytes without one. A unit is K, M or G, alone or as KB or KiB, in any case. "1K" is 1,024
// bytes, as in supervisord.conf and for docker's max-size. Nothing for anything else, and for what does not fit.
std::optional<Size> parse_size(std::string_view text);

// The shortest text that parse_size() reads back: "64KB", "10MB", "1000".
std::string format_size(Size size);

}  // namespace cinit::config
