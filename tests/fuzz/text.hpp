// Text, as the rules of the targets look at it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cinit::fuzz {

// The parts of `text` between separators, at most `most` of them: the last one is the whole rest.
std::vector<std::string_view> split(std::string_view text, std::string_view separator,
                                    std::size_t most = ~std::size_t{0});

// Fit for a log line: no control characters of ASCII, no line break among them.
bool is_one_line(std::string_view text);

// The same, and nothing else that a terminal obeys: UTF-8 without the control characters of C1.
bool is_harmless(std::string_view text);

// RFC 3629.
bool is_utf8(std::string_view text);

// Bytes that are no visible ASCII as \xHH, for a message.
std::string visible(std::string_view text);

// A variable of the environment that the targets have in common: HOME, PORT, EMPTY, WORDS and BRACES are set.
std::optional<std::string> look_up(std::string_view name);

}  // namespace cinit::fuzz
