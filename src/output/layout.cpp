#include "output/layout.hpp"

#include "base/json.hpp"
#include "base/utc.hpp"
#include "output/json_object.hpp"

namespace cinit::output {
namespace {

const char* name_of(Stream stream) { return stream == Stream::Stdout ? "stdout" : "stderr"; }

void append_member(std::string& line, std::string_view name, std::string_view value) {
  line += line.empty() ? '{' : ',';
  append_json_string(line, name);
  line += ':';
  append_json_string(line, value);
}

bool merge_json(const Record& record, std::string_view service_name, std::string& line) {
  const auto members = record.continues ? std::nullopt : read_json_object(record.text);
  if (!members) return false;
  if (!members->has_time) append_member(line, "time", format_utc(record.time));
  append_member(line, members->has_service ? "cinit_service" : "service", service_name);
  if (!members->has_stream) append_member(line, "stream", name_of(record.stream));
  if (!members->text.empty()) line.append(",").append(members->text);
  line += '}';
  return true;
}

void lay_out_json(const Record& record, std::string_view service_name, std::string& line) {
  append_member(line, "time", format_utc(record.time));
  append_member(line, "service", service_name);
  append_member(line, "stream", name_of(record.stream));
  append_member(line, "message", record.text);
  line += record.continues ? ",\"partial\":true}" : "}";
}

}  // namespace

void lay_out(const Record& record, std::string_view service_name, Layout layout, std::string& line) {
  line.clear();
  if (layout.prefix == config::LogPrefix::Json) {
    const bool is_merged = layout.json == config::LogJson::Merge && merge_json(record, service_name, line);
    if (!is_merged) lay_out_json(record, service_name, line);
  } else {
    if (layout.prefix == config::LogPrefix::Name) line.append(service_name).append(" | ");
    line += record.text;
    if (record.continues) line += kContinues;
  }
  line += '\n';
}

}  // namespace cinit::output
