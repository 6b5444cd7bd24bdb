// White space, and text that goes into messages.
#pragma once

#include <string>
#include <string_view>

namespace cinit::sysctl {

inline constexpr std::string_view kWhiteSpace = " \t\r\n\v\f";

std::string_view trim(std::string_view text);

// Without white space around it, and with one blank for each run inside: kernel.sem reads "250\t32000\t32\t128\n".
std::string fold(std::string_view text);

bool is_control(char letter);

// Folded, with `?` for control characters, and cut off where it is too long for a message; "" in quotes when empty.
std::string printable(std::string_view text);

// `word` as a POSIX shell reads it as one word, in single quotes where it needs them.
std::string shell_quote(std::string_view word);

}  // namespace cinit::sysctl
