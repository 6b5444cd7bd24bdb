// Where spdlog's messages go: to standard error, a line each, without ever waiting.
#pragma once

#include <spdlog/sinks/sink.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "config/config.hpp"
#include "os/line_writer.hpp"

namespace cinit::log {

// Lays out a message and writes it. The logger's name is the service's, the source location's function is the event.
class LineSink final : public spdlog::sinks::sink {
 public:
  // `out` is to standard error, must outlive this one, and may be used by others as well.
  LineSink(config::LogFormat format, std::string_view prefix, os::LineWriter& out)
      : format_(format), prefix_(prefix), out_(out) {}

  // A line for which there is no room is kept until there is, up to kMostKept bytes. Behind that, and when nothing takes lines any
  // more, it is dropped and counted. The count goes out in front of the next line that is taken.
  void log(const spdlog::details::log_msg& message) override;
  // Once there is room again, which the writer is told by its poller, neither what was kept nor the count waits for the next line.
  // Nothing is tried before that.
  void flush() override;
  // The end: the same, and waits for room until `deadline`.
  void finish(Time deadline);
  // Of the next message: see Entry::fields.
  void set_fields(std::string_view fields) { fields_ = fields; }
  // The layout is ours.
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  bool has_untold() const { return dropped_ > 0 || !kept_.empty(); }

 private:
  void lay_out(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) const;
  bool write(const spdlog::memory_buf_t& line);
  bool write_kept();
  void keep(const spdlog::memory_buf_t& line);
  bool report_dropped();

  static constexpr std::size_t kMostKept = std::size_t{16} << 10;

  config::LogFormat format_;
  std::string_view prefix_;
  std::string_view fields_;
  os::LineWriter& out_;
  std::string kept_;  // whole lines
  std::uint64_t dropped_ = 0;
  int reason_ = 0;  // errno: why the last one of them was dropped
  bool waits_for_room_ = false;
};

// The layouts, for tests. Both end with a newline, and neither lets a message break a line or reach the terminal's controls.
// `prefix` stands at the beginning, and says who speaks.
void lay_out_text(std::string_view prefix, const spdlog::details::log_msg& message, spdlog::memory_buf_t& line);
void lay_out_json(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line, std::string_view fields = {});

}  // namespace cinit::log
