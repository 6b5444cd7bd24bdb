// The text of a value, once its references are replaced, as the value that it means. Nothing where it means none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "config/config.hpp"

namespace cinit::config {

// "true" or "false".
std::optional<bool> parse_bool(std::string_view text);

// Decimal digits.
std::optional<std::uint32_t> parse_uint32(std::string_view text);

// Decimal digits, with a "-" in front of them or not.
std::optional<std::int64_t> parse_int64(std::string_view text);

// Octal digits.
std::optional<std::uint32_t> parse_octal(std::string_view text);

// Octal digits, up to 0777.
std::optional<FileMode> parse_mode(std::string_view text);

// A path that begins with "/".
std::optional<std::string> parse_path(std::string_view text);

// A path that begins with "/" and fits into sun_path of unix(7), or nothing at all.
std::optional<std::string> parse_socket_path(std::string_view text);

// The name of a capability in small letters and with "cap_" in front, known or not.
std::string normalise_capability(std::string_view text);

// An absolute path with an optional "-" in front.
std::optional<EnvFile> parse_env_file_path(std::string_view text);

// "inherit", "null", "stdout", or "file:" and an absolute path.
std::optional<Output> parse_output(std::string_view text);

// A number, "unlimited", or two of them as "soft:hard".
std::optional<Limit> parse_limit(std::string_view text);

// An exit code, or else a signal.
using EndStatus = std::variant<int, Signal>;

// A code from 0 to 255, or the name of a signal: a number is always a code.
std::optional<EndStatus> parse_end_status(std::string_view text);

}  // namespace cinit::config
