// What a line looks like where it goes to.
#pragma once

#include <string>
#include <string_view>

#include "config/config.hpp"
#include "output/record.hpp"

namespace cinit::output {

// What stands behind a piece of a line that is not the last. In JSON it is a member instead: "partial":true.
inline constexpr std::string_view kContinues = " [line continues]";

// Replaces `line` with the record as one line, its newline included. All bytes of the text are kept; in JSON,
// what is no UTF-8 becomes U+FFFD: append_json_string().
void lay_out(const Record& record, std::string_view service_name, config::LogPrefix prefix, std::string& line);

}  // namespace cinit::output
