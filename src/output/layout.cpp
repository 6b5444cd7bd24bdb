#include "output/layout.hpp"

#include "base/json.hpp"
#include "base/utc.hpp"

namespace cinit::output {
namespace {

void append_member(std::string& line, std::string_view name, std::string_view value) {
  line += line.empty() ? '{' : ',';
  append_json_string(line, name);
  line += ':';
  append_json_string(line, value);
}

void lay_out_json(const Record& record, std::string_view service_name, std::string& line) {
  append_member(line, "time", format_utc(record.time));
  append_member(line, "service", service_name);
  append_member(line, "stream", record.stream == Stream::Stdout ? "stdout" : "stderr");
  append_member(line, "message", record.text);
  line += record.continues ? ",\"partial\":true}" : "}";
}

}  // namespace

void lay_out(const Record& record, std::string_view service_name, config::LogPrefix prefix, std::string& line) {
  line.clear();
  if (prefix == config::LogPrefix::Json) {
    lay_out_json(record, service_name, line);
  } else {
    if (prefix == config::LogPrefix::Name) line.append(service_name).append(" | ");
    line += record.text;
    if (record.continues) line += kContinues;
  }
  line += '\n';
}

}  // namespace cinit::output
