// What can be told about a service at one moment: for reports, not for decisions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/service_state.hpp"

namespace cinit::core {

struct ServiceStatus {
  enum class Health { Unknown, Healthy, Unhealthy };  // Unknown: it has no health check, or none has come to a result

  State state;
  Time since{};                         // when it came into this state
  bool wanted = false;                  // it is to be up
  std::uint32_t starts = 0;             // how often its main process was started
  std::uint32_t restarts = 0;           // how often it was to be started again because it had ended by itself or failed
  std::optional<WaitStatus> last_end;   // of its main process
  std::optional<StartFailure> failure;  // why the last attempt to start it failed
  Health health = Health::Unknown;
  std::uint32_t failed_checks = 0;  // health checks that failed in a row
  std::string detail;               // why the last probe failed
  std::string text;                 // what it says of itself: STATUS= of sd_notify(3)

  // Up, and services that depend on it may rely on it; a oneshot: finished.
  bool is_ready() const {
    return std::holds_alternative<state::Running>(state) || std::holds_alternative<state::Done>(state);
  }
};

}  // namespace cinit::core
