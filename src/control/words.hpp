// A service's state in words.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "control/host.hpp"
#include "core/status.hpp"

namespace cinit::control {

// What there is to say of one service.
struct ServiceView {
  std::string name;
  bool is_main = false;  // the main command
  core::ServiceStatus status;
  pid_t pid = 0;                       // 0: none
  std::string trouble;                 // what went wrong since its last start
  std::vector<Process> background;     // what it has left running
  std::vector<std::string> waits_for;  // who is not up yet that it is started after; while it is waiting
};

// One word of the field: "running".
std::string_view state_word(const core::State& state);

// "code 3", "SIGKILL"; "-" when it has not ended yet.
std::string last_exit(const core::ServiceStatus& status);

// Why it is not up, as far as it is known; empty when it is not.
std::string why_down(const ServiceView& service);

// The one thing that is worth to be known beside its state: why it is not up, what it waits for, what its last check said,
// or what it says of itself. Empty: nothing.
std::string detail(const ServiceView& service, Time now);

// What is wrong with a service that should be ready: "unhealthy: connection refused". Empty: nothing.
std::string complaint(const ServiceView& service, Time now);

}  // namespace cinit::control
