#include "solo/reporter.hpp"

#include <errno.h>
#include <string.h>

#include "os/exec_reason.hpp"
#include "os/fd.hpp"
#include "os/line_writer.hpp"

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
