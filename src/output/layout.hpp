// What a line looks like where it goes to.
#pragma once

#include <string>
#include <string_view>

#include "config/config.hpp"
#include "output/record.hpp"

namespace cinit::output {

// What stands behind a piece of a line that is not the last. In JSON it is a member instead: "partial":true.
inline constexpr std::string_view kContinues = " [line continues]";

struct Layout {
  config::LogPrefix prefix = config::LogPrefix::None;
  config::LogJson json = config::LogJson::Merge;  // with LogPrefix::Json
};

// Replaces `line` with the record as one line, its newline included. All bytes of the text are kept; in JSON,
// what is no UTF-8 becomes U+FFFD: append_json_string(). Text that is one JSON object is merged with ours, if that is wanted:
// read_json_object(). Its own members win: our service is "cinit_service" then.
void lay_out(const Record& record, std::string_view service_name, Layout layout, std::string& line);

}  // namespace cinit::output
