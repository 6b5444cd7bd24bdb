#include "dropin/dumb_init_reporter.hpp"

#include <string.h>

namespace cinit::dropin {

void DumbInitReporter::print_no_terminal(const char* verb, int error) {
  print("Unable to ", verb, " controlling tty (errno=", error, " ", strerror(error), ").");
}

void DumbInitReporter::left_terminal(int error, bool led_session) {
  if (error != 0) {
    print_no_terminal("detach from", error);
  } else if (led_session) {
    print("Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive.");
  } else {
    print("Detached from controlling tty, but was not session leader.");
  }
}

void DumbInitReporter::start_failed(const solo::Command& command, const os::SpawnResult& result) {
  print_always(command.argv[0], ": ", strerror(result.error));
}

void DumbInitReporter::started(const solo::Command&, const os::SpawnResult& result) {
  print("Child spawned with PID ", result.pid, ".");
  if (!own_session_) return;
  if (result.terminal_error != 0) print_no_terminal("attach to", result.terminal_error);
  print("setsid complete.");
}

void DumbInitReporter::received(int signal) { print("Received signal ", signal, "."); }

void DumbInitReporter::swallowed(int signal) { print("Ignoring tty hand-off signal ", signal, "."); }

void DumbInitReporter::forwarded(int signal, int sent, long) {
  if (sent != signal) print("Translating signal ", signal, " to ", sent, ".");
  if (sent == 0) {
    print("Not forwarding signal 0 to children (ignored).");
  } else {
    print("Forwarded signal ", sent, " to children.");
  }
}

void DumbInitReporter::suspending() { print("Suspending self due to TTY signal."); }

void DumbInitReporter::reaped(pid_t pid, WaitStatus status, bool) {
  if (status.by_signal()) {
    print("A child with PID ", pid, " was terminated by signal ", status.signal().number, ".");
  } else {
    print("A child with PID ", pid, " exited with exit status ", status.code(), ".");
  }
}

void DumbInitReporter::ended(WaitStatus status) {
  print("Child exited with status ", status.shell_code(), ". Goodbye.");
}

}  // namespace cinit::dropin
