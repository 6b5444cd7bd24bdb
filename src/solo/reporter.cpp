#include "solo/reporter.hpp"

#include <errno.h>
#include <string.h>

#include "os/exec_reason.hpp"
#include "os/fd.hpp"
#include "os/line_writer.hpp"
#include "os/oom_kills.hpp"

namespace cinit::solo {
namespace {

// For Kubernetes, which makes this file: the container's terminationMessagePath.
void leave_reason(Line& line) {
  const os::Fd file(
      os::sys::open(AT_FDCWD, "/dev/termination-log", O_WRONLY | O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  const std::string_view text = line.line();
  if (file) os::sys::write(file.get(), text.data(), text.size());
}

}  // namespace

void OwnReporter::start_postponed(const Command& command, int error, Duration delay) {
  Line line;
  say(line << "cinit: " << command.argv[0] << ": cannot be started now: " << strerror(error) << "; trying again in "
           << delay);
}

void OwnReporter::start_failed(const Command& command, const os::SpawnResult& result) {
  Line line;
  line << "cinit: ";
  if (result.stage == StartStage::Exec) {
    os::add_system_words(line << static_cast<const char*>(result.reason), result.error);
  } else {
    line << command.argv[0] << ": cannot be started: " << strerror(result.error);
  }
  say(line);
  leave_reason(line);
}

void OwnReporter::suspended(const Command& command, int signal) {
  Line line;
  const char* name = standard_signal_name(signal);
  say(line << "cinit: " << command.argv[0] << ": suspended by " << (name ? name : "a signal")
           << "; it goes on when it gets SIGCONT");
}

void OwnReporter::forwarded(int, int sent, long) { forwarded_ = forwarded_ | os::SignalSet::of(sent); }

void OwnReporter::killing(const Command& command, Duration waited) {
  say(why_killed_ << "cinit: " << command.argv[0] << ": still running " << waited << " after SIGTERM; sending SIGKILL");
}

// A command that ends by itself says why, or its code does. One that ends by a signal that cinit has handed on was asked to.
void OwnReporter::ended(WaitStatus status) {
  const bool was_asked = status.by_signal() && forwarded_.has(status.signal().number);
  if (status == WaitStatus::exited(0) || was_asked) return;
  if (status == WaitStatus::signaled(kKill) && !why_killed_.text().empty()) return leave_reason(why_killed_);
  // As PID 1 cinit has the container, and so its counters, to itself.
  const auto kills =
      status == WaitStatus::signaled(kKill) && os::sys::getpid() == 1 ? os::read_oom_kills() : std::nullopt;
  if (kills && kills->count > 0) status.set_out_of_memory();
  Line line;
  line << "cinit: " << name_ << ": " << to_string(status);
  if (status.by_signal()) say(line);
  leave_reason(line);
}

void say(Line& line, int fd) {
  const std::string_view text = line.line();
  os::LineWriter(fd).write_line(text.data(), text.size());
}

const char* get_variable(char* const* envp, std::string_view name) {
  for (; *envp; ++envp) {
    if (strncmp(*envp, name.data(), name.size()) == 0 && (*envp)[name.size()] == '=') return *envp + name.size() + 1;
  }
  return nullptr;
}

}  // namespace cinit::solo
