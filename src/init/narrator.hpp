// The supervisor's notices in words.
#pragma once

#include <string>

#include "core/notice.hpp"
#include "core/plan.hpp"
#include "log/log.hpp"

namespace cinit::init {

// A notice as a log line: the words after "cinit: SERVICE: ".
struct Narration {
  config::LogLevel level = config::LogLevel::Info;
  std::optional<core::ServiceId> service;
  const char* event = "";
  std::string message;
  // What of it tells why the service is down, without the words that it has failed or will be restarted; empty:
  // nothing.
  std::string reason = {};
  // For a log in JSON: log::Entry::fields.
  std::string fields = {};
};

// Pure: the same notice always reads the same.
Narration narrate(const core::Notice& notice, const core::Plan& plan);

// The name that lines about a service carry; the main command's says that it is one.
std::string display_name(const core::Plan& plan, core::ServiceId id);

}  // namespace cinit::init
