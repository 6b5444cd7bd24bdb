// What dumb-init says, on standard error: "[dumb-init] ...". But for a failure to start, only when it is verbose.
#pragma once

#include "solo/reporter.hpp"

namespace cinit::dropin {

class DumbInitReporter final : public solo::Reporter {
 public:
  DumbInitReporter(bool verbose, bool own_session) : verbose_(verbose), own_session_(own_session) {}

  // What became of our terminal: an errno, or 0, and whether we led its session.
  void left_terminal(int error, bool led_session);

  void start_failed(const solo::Command& command, const os::SpawnResult& result) override;
  void started(const solo::Command& command, const os::SpawnResult& result) override;
  void received(int signal) override;
  void swallowed(int signal) override;
  void forwarded(int signal, int sent, long result) override;
  void suspending() override;
  void reaped(pid_t pid, WaitStatus status, bool is_command) override;
  void ended(WaitStatus status) override;

 private:
  template <class... Parts>
  void print(const Parts&... parts) {
    if (verbose_) print_always(parts...);
  }
  template <class... Parts>
  void print_always(const Parts&... parts) {
    Line line;
    line << "[dumb-init] ";
    (line << ... << parts);
    solo::say(line);
  }
  void print_no_terminal(const char* verb, int error);

  bool verbose_;
  bool own_session_;
};

}  // namespace cinit::dropin
