#include "log/log.hpp"

#include <spdlog/logger.h>

#include "log/line_sink.hpp"

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
    const spdlog::source_loc source("", 0, entry.event);
    const spdlog::string_view_t service(entry.service.data(), entry.service.size());
    const spdlog::string_view_t text(entry.message.data(), entry.message.size());
    log_it_(spdlog::details::log_msg(source, service, level, text), should_log(level), false);
  }

  LineSink& sink() { return *sink_; }

 private:
  std::shared_ptr<LineSink> sink_;
};

Log::Log(config::LogLevel level, config::LogFormat format, os::LineWriter& err, std::string_view prefix)
    : logger_(std::make_unique<Logger>(std::make_shared<LineSink>(format, prefix, err))) {
  logger_->set_level(to_spdlog(level));
}

Log::~Log() = default;
Log::Log(Log&&) noexcept = default;

void Log::write(const Entry& entry) { logger_->emit(entry); }

bool Log::flush() {
  logger_->sink().flush();
  return !logger_->sink().has_dropped();
}

}  // namespace cinit::log
