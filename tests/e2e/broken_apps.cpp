// The modes of the test programs that put a command into surroundings in which something does not work.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pty.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <string_view>

#include "apps.hpp"

namespace {

[[noreturn]] void turn_into(Arguments command) {
  execvp(command[0], command);
  fail(command[0]);
}

// A descriptor on which every write fails.
int broken_descriptor(std::string_view kind) {
  std::array<int, 2> ends{-1, -1};  // the second one is the one to write to
  if (kind == "pipe" && pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
  if (kind == "socket" && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail("socketpair");
  if (kind == "terminal" && openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr) != 0) fail("openpty");
  if (kind == "file") {
    ends[1] = open("/tmp-file", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const rlimit nothing{0, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &nothing);
  }
  if (ends[0] >= 0) close(ends[0]);
  return ends[1];
}

}  // namespace

// broken-stderr KIND COMMAND...: the command's standard error is a pipe or a socket whose other end is closed, a terminal
// that has hung up, or a file that may not grow.
int broken_stderr(Arguments arguments) {
  if (dup2(broken_descriptor(arguments[0]), STDERR_FILENO) != STDERR_FILENO) fail("dup2");
  turn_into(arguments + 1);
}

// refuse CALL ERRNO COMMAND...: the kernel refuses a system call to the command, both by number, as with a filter of a
// container runtime.
int refuse(Arguments arguments) {
  const auto call = static_cast<unsigned>(number_of(arguments[0], 0));
  const auto error = static_cast<unsigned>(number_of(arguments[1], 0));
  sock_filter program[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, call},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("no_new_privs");
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) fail("seccomp");
  turn_into(arguments + 2);
}
