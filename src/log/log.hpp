// cinit's own lines on standard error.
#pragma once

#include <memory>
#include <string_view>

#include "base/time.hpp"
#include "config/config.hpp"
#include "os/line_writer.hpp"

namespace cinit::log {

// One thing that happened.
struct Entry {
  config::LogLevel level = config::LogLevel::Info;
  std::string_view service;      // empty: it is about the container as a whole
  const char* event = "";        // one word of the field: "started", "exited"
  std::string_view message;      // one line without its end
  std::string_view fields = {};  // more members for JSON, each with a comma in front: `,"code":3`
};

// Writes "cinit: SERVICE: MESSAGE", with another prefix in the place of another init, or one JSON object a line with time
// (UTC), level, service, event, message and what else is known of the event. It never waits before its end: a line for which there is no room is kept, up to
// 16 KB of them, and then dropped and counted. Both are written when there is room again, see flush(), or in front of the next line.
class Log {
 public:
  static constexpr std::string_view kOwnPrefix = "cinit: ";

  // `err` is to standard error, must outlive this one, and may be used by others as well. `prefix` is what lines of text
  // begin with; it must outlive the log, too.
  Log(config::LogLevel level, config::LogFormat format, os::LineWriter& err, std::string_view prefix = kOwnPrefix);
  ~Log();
  Log(Log&&) noexcept;

  void write(const Entry& entry);
  // The same for what services, clients or signals can make happen as often as they like: of what is said of one `kind` (one signal,
  // one file) and service kAtOnce lines are written, and then every 10 s the last one with the number of those that were not.
  void write_some(std::string_view kind, const Entry& entry);
  static constexpr std::uint32_t kAtOnce = 5;
  // When such a number is due, and flush() is to be called; kNever: there is none.
  Time next_deadline() const;
  // Once a turn of the loop: writes the numbers that are due, and the count of dropped lines if `err` has been told that there is
  // room again (os::LineWriter::expect_room()). False: some are still to be told of.
  bool flush();
  // At the end: writes all numbers, be they due or not, and waits until `deadline` for room for what was kept. False: there was
  // not enough. It may be called again then.
  bool finish(Time deadline);

 private:
  class Logger;
  std::unique_ptr<Logger> logger_;
};

}  // namespace cinit::log
