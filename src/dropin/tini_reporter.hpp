// What tini says: "[WARN  tini (PID)] ...", FATAL and WARN on standard error, the rest on standard output.
#pragma once

#include "dropin/tini_options.hpp"
#include "solo/reporter.hpp"

namespace cinit::dropin {

class TiniReporter final : public solo::Reporter {
 public:
  explicit TiniReporter(const TiniOptions& options)
      : verbosity_(options.verbosity), warns_of_reaping_(options.warns_of_reaping) {}

  // FATAL is printed at any verbosity.
  template <class... Parts>
  void print_fatal(const Parts&... parts) {
    print(TiniOptions::Fatal, parts...);
  }
  void warn_of_missing_orphans();

  void start_failed(const solo::Command& command, const os::SpawnResult& result) override;
  void started(const solo::Command& command, const os::SpawnResult& result) override;
  void forwarded(int signal, int sent, long result) override;
  void reaped(pid_t pid, WaitStatus status, bool is_command) override;
  void ended(WaitStatus status) override;

 private:
  using Verbosity = TiniOptions::Verbosity;

  template <class... Parts>
  void print(Verbosity level, const Parts&... parts) {
    if (level != TiniOptions::Fatal && verbosity_ < level) return;
    Line line;
    begin(line, level);
    (line << ... << parts);
    solo::say(line, level <= TiniOptions::Warn ? 2 : 1);
  }
  static void begin(Line& line, Verbosity level);

  unsigned verbosity_;
  bool warns_of_reaping_;
};

}  // namespace cinit::dropin
