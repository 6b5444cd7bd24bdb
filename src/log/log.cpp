#include "log/log.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "base/repetitions.hpp"
#include "log/line_sink.hpp"
#include "os/clock.hpp"

namespace cinit::log {
namespace {

spdlog::level::level_enum to_spdlog(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::Debug: return spdlog::level::debug;
    case config::LogLevel::Info: return spdlog::level::info;
    case config::LogLevel::Warning: return spdlog::level::warn;
    case config::LogLevel::Error: break;
  }
  return spdlog::level::err;
}

}  // namespace

class Log::Logger final : public spdlog::logger {
 public:
  explicit Logger(std::shared_ptr<LineSink> sink) : spdlog::logger("cinit", sink), sink_(std::move(sink)) {}

  void emit(const Entry& entry) {
    const auto level = to_spdlog(entry.level);
    sink_->set_fields(entry.fields);
    const spdlog::source_loc source("", 0, entry.event);
    const spdlog::string_view_t service(entry.service.data(), entry.service.size());
    const spdlog::string_view_t text(entry.message.data(), entry.message.size());
    log_it_(spdlog::details::log_msg(source, service, level, text), should_log(level), false);
  }

  LineSink& sink() { return *sink_; }

  void emit_some(std::string_view kind, const Entry& entry) {
    const Time now = os::now();
    const auto key = std::tuple(std::string(kind), std::string(entry.service), std::string(entry.event));
    const auto found = repeated_.find(key);
    if (found == repeated_.end())
      std::erase_if(repeated_, [now](const auto& one) { return one.second.times.is_over(now); });
    Repeated& repeated = found == repeated_.end() ? repeated_[key] : found->second;
    if (repeated.times.happens(now)) return emit(entry);
    repeated.level = entry.level;
    repeated.last = entry.message;
    repeated.fields = entry.fields;
  }

  void tell_untold(Time now) {
    if (now < due()) return;
    for (auto& [key, repeated] : repeated_) {
      const std::uint64_t times = repeated.times.take_untold(now);
      if (times == 0) continue;
      std::string text = std::move(repeated.last);
      if (times > 1) text += " (and " + std::to_string(times - 1) + " more times in the last 10 s)";
      const auto& [kind, service, event] = key;
      emit({repeated.level, service, event.c_str(), text, repeated.fields});
    }
  }

  Time due() const {
    Time first = kNever;
    for (const auto& [key, repeated] : repeated_) first = std::min(first, repeated.times.due());
    return first;
  }

 private:
  static_assert(Repetitions::kSpan == std::chrono::seconds(10));

  struct Repeated {
    Repetitions times{kAtOnce};
    config::LogLevel level = config::LogLevel::Info;
    std::string last;  // of those that were not written
    std::string fields;
  };

  std::map<std::tuple<std::string, std::string, std::string>, Repeated> repeated_;  // by kind, service and event
  std::shared_ptr<LineSink> sink_;
};

Log::Log(config::LogLevel level, config::LogFormat format, os::LineWriter& err, std::string_view prefix)
    : logger_(std::make_unique<Logger>(std::make_shared<LineSink>(format, prefix, err))) {
  logger_->set_level(to_spdlog(level));
}

Log::~Log() = default;
Log::Log(Log&&) noexcept = default;

void Log::write(const Entry& entry) { logger_->emit(entry); }

void Log::write_some(std::string_view kind, const Entry& entry) { logger_->emit_some(kind, entry); }

Time Log::next_deadline() const { return logger_->due(); }

bool Log::finish(Time deadline) {
  logger_->tell_untold(kNever);
  logger_->sink().finish(deadline);
  return !logger_->sink().has_untold();
}

bool Log::flush() {
  logger_->tell_untold(os::now());
  logger_->sink().flush();
  return !logger_->sink().has_untold();
}

}  // namespace cinit::log
