// What a process gets from cinit beyond what its configuration says.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/time.hpp"
#include "config/config.hpp"

namespace cinit::init {

struct Wiring {
  const config::Command* command = nullptr;  // one of the service's commands, instead of its main process
  bool silent = false;                       // its output goes nowhere
  // A pipe from which it reads; -1: what the configuration says. It stays cinit's, as the others do.
  int stdin_fd = -1;
  // Pipes through which cinit, or its logger, reads its output; -1: where the configuration says.
  int stdout_fd = -1;
  int stderr_fd = -1;
  // The descriptor on which it writes a newline when it is ready, and the number that it knows it by; -1: none.
  int ready_fd = -1;
  int ready_number = -1;
  std::string notify_socket;           // NOTIFY_SOCKET; empty: none
  std::optional<Duration> watchdog;    // WATCHDOG_USEC
  std::optional<pid_t> main_pid = {};  // MAINPID: of the service that the command is for
};

}  // namespace cinit::init
