#include "dropin/tini_reporter.hpp"

#include <errno.h>
#include <string.h>

namespace cinit::dropin {
namespace {

const char* name_of(int signal) {
  const char* const name = standard_signal_name(signal);
  return name ? name : "a real-time signal";
}

}  // namespace

void TiniReporter::begin(Line& line, Verbosity level) {
  constexpr std::string_view kNames[] = {"FATAL", "WARN ", "INFO ", "DEBUG", "TRACE"};
  line << "[" << kNames[level] << " tini (" << os::sys::getpid() << ")] ";
}

void TiniReporter::warn_of_missing_orphans() {
  print(TiniOptions::Warn,
        "Tini is not running as PID 1 and isn't registered as a child subreaper.\n"
        "Orphans go to whoever is, and are not reaped here.\n"
        "To change that, use -s, set TINI_SUBREAPER, or run it as PID 1.");
}

void TiniReporter::start_failed(const solo::Command& command, const os::SpawnResult& result) {
  if (result.stage == StartStage::Exec) {
    print_fatal("exec ", command.argv[0], " failed: ", strerror(result.error));
  } else {
    print_fatal(command.argv[0], " cannot be started: ", strerror(result.error));
  }
}

void TiniReporter::started(const solo::Command& command, const os::SpawnResult& result) {
  print(TiniOptions::Info, "started ", command.argv[0], " as process ", result.pid);
}

void TiniReporter::forwarded(int signal, int sent, long result) {
  if (sent == 0) return;
  if (result == -ESRCH) {
    print(TiniOptions::Warn, "Child was dead when forwarding signal");
  } else if (result < 0) {
    print(TiniOptions::Warn, "forwarding ", name_of(signal), " failed: ", strerror(static_cast<int>(-result)));
  } else {
    print(TiniOptions::Debug, "forwarded ", name_of(signal));
  }
}

void TiniReporter::reaped(pid_t pid, WaitStatus, bool is_command) {
  print(TiniOptions::Debug, "reaped process ", pid);
  if (warns_of_reaping_ && !is_command) print(TiniOptions::Warn, "Reaped zombie process with pid=", pid);
}

void TiniReporter::ended(WaitStatus status) {
  if (status.by_signal()) {
    print(TiniOptions::Info, "the program was ended by ", name_of(status.signal().number));
  } else {
    print(TiniOptions::Info, "the program exited with code ", status.code());
  }
}

}  // namespace cinit::dropin
