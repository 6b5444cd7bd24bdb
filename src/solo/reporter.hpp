// What the one-command loop has to say, in somebody's words.
#pragma once

#include "base/line.hpp"
#include "base/wait_status.hpp"
#include "solo/command.hpp"

namespace cinit::solo {

// Told of what happens, before anything is done about it. By itself it says nothing.
class Reporter {
 public:
  virtual void start_postponed(const Command&, int /*error*/, Duration /*delay*/) {}
  virtual void start_failed(const Command&, const os::SpawnResult&) {}
  virtual void started(const Command&, const os::SpawnResult&) {}

  virtual void received(int /*signal*/) {}
  virtual void swallowed(int /*signal*/) {}
  // `sent` in the place of `signal`, 0 for none. `result` of kill(2): negative when that failed.
  virtual void forwarded(int /*signal*/, int /*sent*/, long /*result*/) {}
  virtual void suspending() {}

  virtual void reaped(pid_t, WaitStatus, bool /*is_command*/) {}
  virtual void suspended(const Command&, int /*signal*/) {}
  // Its time after SIGTERM is over, and it gets SIGKILL.
  virtual void killing(const Command&, Duration /*waited*/) {}
  virtual void ended(WaitStatus) {}

 protected:
  ~Reporter() = default;
};

// The words of `cinit -- COMMAND`.
class OwnReporter final : public Reporter {
 public:
  void start_postponed(const Command& command, int error, Duration delay) override;
  void start_failed(const Command& command, const os::SpawnResult& result) override;
  void started(const Command& command, const os::SpawnResult&) override { name_ = command.argv[0]; }
  void forwarded(int signal, int sent, long result) override;
  void suspended(const Command& command, int signal) override;
  void killing(const Command& command, Duration waited) override;
  void ended(WaitStatus status) override;

 private:
  const char* name_ = "";
  os::SignalSet forwarded_ = {};
  Line why_killed_;  // by cinit itself
};

// Writes a line to standard error (or another descriptor), without waiting for whoever reads it.
void say(Line& line, int fd = 2);

// The value of a variable, or null.
const char* get_variable(char* const* envp, std::string_view name);

}  // namespace cinit::solo
