// Kills a container whose test died without killing it.
#pragma once

#include <sys/types.h>

namespace cinit::e2e {

// A process of its own that waits for the end of this one. It kills the process that kill_at_the_end() named last.
class Watchdog {
 public:
  Watchdog();
  // Ends the watch, and kills nobody.
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // -1: nobody.
  void kill_at_the_end(pid_t pid);

 private:
  pid_t pid_;
  int pipe_;
};

}  // namespace cinit::e2e
