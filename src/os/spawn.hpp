// Starting a process, with everything that it is to be set up beforehand.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>

#include "base/capability.hpp"
#include "base/start_stage.hpp"
#include "os/exec.hpp"
#include "os/fd.hpp"
#include "os/signals.hpp"

namespace cinit::os {

struct ResourceLimit {
  int resource;  // RLIMIT_NOFILE and the like
  rlimit64 value;
};

// What the child is to be. Made before there is a child, which only reads it; whoever makes it owns what it points to.
struct ChildSetup {
  enum class Leadership {
    Session,       // setsid(2): a service
    ProcessGroup,  // setpgid(2): a main command, which keeps the session and so the terminal
    None,
  };

  // Null-terminated, argv[0] is the program. There must be one writable slot before argv[0]: a text file without a shebang is
  // run as /bin/sh FILE ARGS, for which it is used and then put back.
  char** argv = nullptr;
  char* const* envp = nullptr;
  // Where a program without a slash is looked for: directories with colons between, as in PATH. Null: kDefaultPath of
  // os/exec.hpp.
  const char* search_path = nullptr;
  // By which the child becomes the program, or finds out whether it could: rehearse_exec() of os/exec_rehearsal.hpp.
  long (*exec)(char** argv, char* const* envp, const char* search_path) = exec_program;

  Leadership leadership = Leadership::Session;
  // Give the terminal on descriptor `terminal_fd`, if there is one and our own process group has it, to the child's process
  // group: tcsetpgrp(3). Only with Leadership::ProcessGroup.
  bool take_terminal = false;
  int terminal_fd = 0;
  // Make the terminal on descriptor 0, if it is nobody's, the session's: TIOCSCTTY of ioctl_tty(2). Only with
  // Leadership::Session. That this fails is not a failure of the start.
  bool control_terminal = false;

  // Descriptors above 2, or -1: inherited.
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  bool stderr_to_stdout = false;
  // Files that the child opens by itself, when it has its user: see os/open_output.hpp. Null: none.
  const char* stdout_path = nullptr;
  const char* stderr_path = nullptr;
  // A descriptor that the child knows by this number, above 2; -1: none.
  int extra_fd = -1;
  int extra_number = -1;
  const int* kept_fds = nullptr;  // descriptors whose close-on-exec flag is cleared
  std::size_t kept_fds_count = 0;

  const ResourceLimit* limits = nullptr;
  std::size_t limits_count = 0;
  // The same, but what is refused is no failure of the start: see os/mark.hpp.
  const ResourceLimit* marks = nullptr;
  std::size_t marks_count = 0;

  bool set_oom_score_adj = false;
  int oom_score_adj = 0;  // -1000 to 1000
  bool set_nice = false;
  int nice = 0;  // -20 to 19

  const gid_t* groups = nullptr;  // null: unchanged
  std::size_t groups_count = 0;
  bool set_gid = false;
  gid_t gid = 0;
  bool set_uid = false;
  uid_t uid = 0;

  // What the program has at its start, whatever its user: its permitted, effective, inheritable, ambient and bounding set.
  bool set_capabilities = false;
  CapabilitySet capabilities;
  // No exec may give it or its children more than they have: prctl(2), PR_SET_NO_NEW_PRIVS.
  bool no_new_privileges = false;

  bool set_umask = false;
  mode_t umask = 0;
  const char* working_dir = nullptr;
  SignalSet mask;  // in force when the program starts

  // Where the child's own pid is to be written in decimal, NUL at the end, or null: the value of LISTEN_PID in envp. At
  // least 12 characters.
  char* pid_text = nullptr;
};

struct SpawnResult {
  pid_t pid = 0;  // 0: it failed
  // Only after a failure.
  StartStage stage = StartStage::Fork;
  int error = 0;          // errno(3)
  std::size_t limit = 0;  // stage Limits: which of the limits
  Capability capability;  // stages BoundingSet and Capabilities: which one could not be taken away, or given
  // Stage Exec: what explain_exec_failure() says; WorkingDir: what explain_no_entry() says. NUL at its end; it is cut off where it
  // is longer.
  char reason[512] = {};
  // After either.
  int terminal_error = 0;  // errno(3): why control_terminal failed
};

// Starts the process and returns when its program runs (exec succeeded) or the attempt has failed; a failed child is
// reaped. The caller stands still until then, so this is for a process that starts its only command. The child begins with
// every handled signal blocked, so one that is sent from now on waits for the program. Not for two threads at a time.
SpawnResult spawn(const ChildSetup& setup);

// A start that the caller does not wait for. Between clone(2) and exec(2) the child has the service's user already: another
// process of that user can stop it, a lease on the program or a file system that hangs can hold it up. All of that is the
// child's time alone.
//
// What tells of its end is the end of a pipe that is closed by exec(2), or by the child's own end.
class PendingSpawn {
 public:
  // Makes the child. `setup` and everything that it points to must stay as it is until result() has answered.
  explicit PendingSpawn(const ChildSetup& setup);
  // Only after result() has answered.
  ~PendingSpawn();
  PendingSpawn(const PendingSpawn&) = delete;
  PendingSpawn& operator=(const PendingSpawn&) = delete;

  // The child; 0: there is none, and result() says why. It is not reaped here.
  pid_t pid() const { return pid_; }
  // Can be read when result() may have an answer; -1: it has one. It stays open until the end of this object.
  int fd() const { return report_.get(); }

  // std::nullopt while the child is on its way. A child that was killed before its exec looks like one whose program was
  // killed at once: its wait status tells how it has ended.
  std::optional<SpawnResult> result();
  // The errno of reading the pipe, when that failed in the last result(): there is no answer, although fd() can be read.
  int error() const { return error_; }

  struct Child;  // what the child's side of this has

 private:
  struct Stack;

  long begin(const ChildSetup& setup);

  Fd report_;
  pid_t pid_ = 0;
  std::unique_ptr<Child> child_;
  std::unique_ptr<Stack> stack_;
  SpawnResult failure_;
  bool failed_ = false;
  bool over_ = false;
  int error_ = 0;
};

}  // namespace cinit::os
