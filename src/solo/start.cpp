#include "solo/start.hpp"

#include <errno.h>
#include <string.h>

#include "os/processes.hpp"
#include "solo/reporter.hpp"

namespace cinit::solo {
namespace {

// The value of a LISTEN_PID that names us, in a buffer that any pid fits into; null when there is none.
char* own_listen_pid(char** envp) {
  static char variable[] = "LISTEN_PID=0123456789a";
  constexpr std::size_t kPrefix = sizeof("LISTEN_PID=") - 1;
  for (char** at = envp; *at; ++at) {
    if (*at == variable) return variable + kPrefix;
    if (strncmp(*at, variable, kPrefix) != 0 || os::to_pid(*at + kPrefix) != os::sys::getpid()) continue;
    *at = variable;
    return variable + kPrefix;
  }
  return nullptr;
}

}  // namespace

os::SpawnResult spawn(const Command& command) {
  os::ChildSetup setup;
  setup.argv = command.argv;
  setup.envp = command.envp;
  setup.search_path = get_variable(command.envp, "PATH");
  setup.leadership = command.start.leadership;
  setup.take_terminal = command.start.terminal >= 0;
  setup.terminal_fd = command.start.terminal;
  setup.control_terminal = command.start.controls_terminal;
  setup.mask = command.start.mask;
  if (command.start.hands_over_sockets) setup.pid_text = own_listen_pid(command.envp);
  return os::spawn(setup);
}

bool may_succeed_later(const os::SpawnResult& failure) {
  return failure.error == EAGAIN || failure.error == ENOMEM || failure.error == ETXTBSY;
}

int code_of(const os::SpawnResult& failure, const FailureCodes& codes) {
  if (failure.stage != StartStage::Exec) return codes.not_started;
  switch (failure.error) {
    case ENOENT: return codes.not_found;
    case EACCES:
    case ENOEXEC: return codes.refused;
    default: return codes.no_program;
  }
}

}  // namespace cinit::solo
