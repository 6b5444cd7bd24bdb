// Durations as they are written in a configuration, on a command line and in the environment.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace cinit::config {

// What parse_duration() reads, for messages: "expected " and this.
inline constexpr std::string_view kDurationForm = "a duration such as \"500ms\", \"10s\", \"1m30s\" or whole seconds";

// Reads "500ms", "10s", "5m", "1h", several of them from the longest unit to the shortest ("1m30s"), or whole seconds
// without a unit. Nothing for anything else, for fractions, for negative values, and for what does not fit a Duration.
std::optional<Duration> parse_duration(std::string_view text);

// The shortest text that parse_duration() reads back: "200ms", "9s", "1m30s". What is less than a millisecond is dropped.
std::string format_duration(Duration span);

}  // namespace cinit::config
