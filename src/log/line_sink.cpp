#include "log/line_sink.hpp"

#include <errno.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/fmt/fmt.h>
#include <string.h>

#include <string_view>

#include "base/json.hpp"
#include "base/utc.hpp"
#include "base/utf8.hpp"

namespace cinit::log {
namespace {

using Buffer = spdlog::memory_buf_t;

void append(Buffer& line, std::string_view text) { line.append(text.data(), text.data() + text.size()); }

std::string_view view(spdlog::string_view_t text) { return {text.data(), text.size()}; }

void append_member(Buffer& line, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  if (line.size() > 1) line.push_back(',');
  append_json_string(line, name);
  line.push_back(':');
  append_json_string(line, value);
}

std::string_view level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug: return "debug";
    case spdlog::level::warn: return "warning";
    case spdlog::level::err: return "error";
    default: return "info";
  }
}

}  // namespace

void lay_out_text(std::string_view prefix, const spdlog::details::log_msg& message, Buffer& line) {
  append(line, prefix);
  if (message.logger_name.size() > 0) {
    append_printable(line, view(message.logger_name));
    append(line, ": ");
  }
  append_printable(line, view(message.payload));
  line.push_back('\n');
}

void lay_out_json(const spdlog::details::log_msg& message, Buffer& line) {
  line.push_back('{');
  append_member(line, "time", format_utc(message.time));
  append_member(line, "level", level_name(message.level));
  append_member(line, "service", view(message.logger_name));
  append_member(line, "event", message.source.funcname ? message.source.funcname : "");
  append_member(line, "message", view(message.payload));
  append(line, "}\n");
}

void LineSink::lay_out(const spdlog::details::log_msg& message, Buffer& line) const {
  return format_ == config::LogFormat::Json ? lay_out_json(message, line) : lay_out_text(prefix_, message, line);
}

void LineSink::log(const spdlog::details::log_msg& message) {
  Buffer line;
  lay_out(message, line);
  if (report_dropped() && write(line)) return;
  ++dropped_;
  waits_for_room_ = out_.is_full();
}

bool LineSink::write(const Buffer& line) {
  if (out_.write_line(line.data(), line.size())) return true;
  reason_ = out_.error();
  return false;
}

bool LineSink::report_dropped() {
  if (dropped_ == 0) return true;
  const std::string text = fmt::format("{} {} not written: {}", dropped_, dropped_ == 1 ? "line was" : "lines were",
                                       reason_ == EAGAIN ? "standard error was full" : strerror(reason_));
  spdlog::details::log_msg message("", spdlog::level::warn, text);
  message.source.funcname = "dropped";
  Buffer line;
  lay_out(message, line);
  if (!write(line)) return false;
  dropped_ = 0;
  return true;
}

void LineSink::flush() {
  if (!waits_for_room_ || out_.is_full()) return;
  waits_for_room_ = !report_dropped() && out_.is_full();
}

}  // namespace cinit::log
