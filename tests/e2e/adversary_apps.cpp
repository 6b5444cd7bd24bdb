// Programs that do to their container what an unprivileged user may do.
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "apps.hpp"

// Stops every process of its user, again and again, until it is killed.
int stop_everybody(Arguments) {
  say("ready");
  while (true) kill(-1, SIGSTOP);
}

// hold-lease FILE: whoever opens or runs the file waits until the kernel takes the lease away (fs.lease-break-time).
int hold_lease(Arguments arguments) {
  signal(SIGIO, SIG_IGN);
  const int fd = open(arguments[0], O_RDWR | O_CLOEXEC);
  if (fd < 0) fail("open");
  if (fcntl(fd, F_SETLEASE, F_WRLCK) != 0) fail("F_SETLEASE");
  say("leased");
  while (true) pause();
}

// Says whether PID 1 lets itself be read and traced.
int pry(Arguments) {
  const auto tell = [](const char* what, bool succeeded) { say(std::string(what) + (succeeded ? ": yes" : ": no")); };
  tell("environ", open("/proc/1/environ", O_RDONLY | O_CLOEXEC) >= 0);
  tell("memory", open("/proc/1/mem", O_RDWR | O_CLOEXEC) >= 0);
  tell("ptrace", ptrace(PTRACE_ATTACH, 1, nullptr, nullptr) == 0);
  say("pried");
  while (true) pause();
}

// leave-behind PROGRAM: starts it in the own process group, waits for its "ready" file descriptor to be written, and ends.
int leave_behind(Arguments arguments) {
  int ends[2];
  if (pipe(ends) != 0) fail("pipe");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    dup2(ends[1], 3);
    execv(arguments[0], arguments);
    fail("execv");
  }
  close(ends[1]);
  char byte;
  if (read(ends[0], &byte, 1) != 1) fail("read");
  say("left behind");
  return 1;
}

// For leave-behind: a set-user-id program, which its caller may not kill.
int stay(Arguments) {
  if (setresuid(geteuid(), geteuid(), geteuid()) != 0) fail("setresuid");
  signal(SIGTERM, SIG_IGN);
  write_all(3, "r");
  close(3);
  while (true) pause();
}
