// What the one-command loop is to do. `cinit -- COMMAND` and each program that cinit stands for are values of this.
#pragma once

#include "base/exit_code.hpp"
#include "base/time.hpp"
#include "os/signals.hpp"
#include "os/spawn.hpp"
#include "solo/signal_map.hpp"

namespace cinit::solo {

class Reporter;

// How the command is started.
struct Start {
  os::ChildSetup::Leadership leadership = os::ChildSetup::Leadership::ProcessGroup;
  // With a process group of its own: it gets the foreground of the terminal on this descriptor, if that is ours; -1: it is
  // left alone.
  int terminal = 0;
  // With a session of its own: the terminal on descriptor 0 becomes the session's, if it is nobody's.
  bool controls_terminal = false;
  os::SignalSet mask;  // blocked when the command starts
  // A LISTEN_PID that names us is to name the command: sd_listen_fds(3).
  bool hands_over_sockets = true;
  // What may pass (no process, no memory, a program that is just being written) is waited for.
  bool tries_again = true;
};

// The exit code when there is no command to have one.
struct FailureCodes {
  int not_found = exit_code::kNotFound;         // exec: ENOENT
  int refused = exit_code::kNotExecutable;      // exec: EACCES, ENOEXEC
  int no_program = exit_code::kNotExecutable;   // exec: any other reason
  int not_started = exit_code::kNotExecutable;  // any step before
};

// Which signals reach the command, and how.
struct Forwarding {
  enum class Recipient { Process, ProcessGroup };

  os::SignalSet awaited = os::kHandledSignals;  // those that the caller has blocked
  // TTIN and TTOU tell an init in the background not to use the terminal: they are not meant for anybody else.
  SignalMap map =
      SignalMap().without(os::SignalSet::of(SIGCHLD) | os::SignalSet::of(SIGTTIN) | os::SignalSet::of(SIGTTOU));
  Recipient recipient = Recipient::Process;
  // The first one of each of these is not for the command.
  os::SignalSet first_swallowed;
  // What a terminal sends to a whole process group has reached the command already when it is in ours.
  os::SignalSet shared_with_terminal;
  // After these we suspend ourselves, too.
  os::SignalSet suspending;
};

// What we do for ourselves as soon as the command runs, which has inherited everything by then.
struct Retreat {
  bool leaves_directory = false;    // to "/"
  bool closes_descriptors = false;  // all above 2
};

// What follows when the command has ended.
enum class Aftermath {
  Exit,       // nothing
  Terminate,  // SIGTERM to the recipient of its signals, for what is left of its process group; nobody is waited for
  Sweep,      // everybody else gets SIGTERM, and time; SIGTERM to us begins that, too: stop.hpp
};

struct Command {
  // Null-terminated, with one writable slot before argv[0]: os::ChildSetup has the reason.
  char** argv = nullptr;
  char** envp = nullptr;

  Start start;
  FailureCodes failure_codes;
  Forwarding forwarding;
  Retreat retreat;
  Aftermath aftermath = Aftermath::Sweep;
  Reporter* reporter = nullptr;  // not null

  // Only with Aftermath::Sweep: the budget of the stop that SIGTERM begins. In its last part (a quarter, at most 2 s) every
  // other process gets SIGTERM, at its end SIGKILL.
  Duration stop_timeout{};
  // Somebody asked for this budget: then its end is the end of the command, too. Otherwise a command that takes its time is
  // left to the container runtime, which knows how long it may.
  bool stop_timeout_chosen = false;
};

}  // namespace cinit::solo
