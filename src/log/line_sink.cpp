#include "log/line_sink.hpp"

#include <errno.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/fmt/fmt.h>
#include <string.h>

#include <algorithm>
#include <string_view>

#include "base/json.hpp"
#include "base/utc.hpp"
#include "base/utf8.hpp"
#include "os/clock.hpp"
#include "os/syscall.hpp"

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

void lay_out_json(const spdlog::details::log_msg& message, Buffer& line, std::string_view fields) {
  line.push_back('{');
  append_member(line, "time", format_utc(message.time));
  append_member(line, "level", level_name(message.level));
  append_member(line, "service", view(message.logger_name));
  append_member(line, "event", message.source.funcname ? message.source.funcname : "");
  append_member(line, "message", view(message.payload));
  append(line, fields);
  append(line, "}\n");
}

void LineSink::lay_out(const spdlog::details::log_msg& message, Buffer& line) const {
  return format_ == config::LogFormat::Json ? lay_out_json(message, line, fields_)
                                            : lay_out_text(prefix_, message, line);
}

void LineSink::log(const spdlog::details::log_msg& message) {
  Buffer line;
  lay_out(message, line);
  fields_ = {};
  if (write_kept() && report_dropped() && write(line)) return;
  keep(line);
}

void LineSink::keep(const Buffer& line) {
  waits_for_room_ = out_.is_full();
  if (waits_for_room_ && dropped_ == 0 && kept_.size() + line.size() <= kMostKept) {
    kept_.append(line.data(), line.size());
  } else {
    ++dropped_;
  }
}

// Lines that nothing will take are lost like those that come after them.
bool LineSink::write_kept() {
  while (!kept_.empty()) {
    const std::size_t size = kept_.find('\n') + 1;
    if (!out_.write_line(kept_.data(), size)) {
      reason_ = out_.error();
      if (out_.is_full()) return false;
      dropped_ += static_cast<std::uint64_t>(std::count(kept_.begin(), kept_.end(), '\n'));
      kept_.clear();
      return true;
    }
    kept_.erase(0, size);
  }
  return true;
}

bool LineSink::write(const Buffer& line) {
  if (out_.write_line(line.data(), line.size())) return true;
  reason_ = out_.error();
  return false;
}

bool LineSink::report_dropped() {
  if (dropped_ == 0) return true;
  const std::string text = std::to_string(dropped_) + (dropped_ == 1 ? " line was" : " lines were") +
                           " not written: " + (reason_ == EAGAIN ? "standard error was full" : strerror(reason_));
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
  waits_for_room_ = !(write_kept() && report_dropped()) && out_.is_full();
}

void LineSink::finish(Time deadline) {
  constexpr Duration kPause = std::chrono::milliseconds(10);  // poll(2) may see room where write(2) finds none
  while (!kept_.empty() || dropped_ > 0) {
    out_.expect_room();
    flush();
    const Time now = os::now();
    if (!out_.is_full() || out_.poll_fd() < 0 || now >= deadline) return;
    pollfd room{out_.poll_fd(), POLLOUT, 0};
    const timespec rest = os::to_timespec(deadline - now);
    const timespec pause = os::to_timespec(kPause);
    os::sys::ppoll(&room, 1, &rest);
    os::sys::ppoll(nullptr, 0, &pause);
  }
}

}  // namespace cinit::log
