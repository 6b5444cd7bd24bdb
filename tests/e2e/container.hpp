// A container for one test: a root directory with busybox, cinit and the test programs, started by examples/sandbox.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "temporary_directory.hpp"
#include "watchdog.hpp"

namespace cinit::e2e {

using Clock = std::chrono::steady_clock;
using Arguments = std::vector<std::string>;

// How long anything may take that a test waits for.
inline constexpr Clock::duration kLimit = std::chrono::seconds(10);

double milliseconds(Clock::duration span);

// How a container is started. The defaults are those of `docker run --privileged`.
struct Options {
  std::map<std::string, std::string> env;
  std::string user;  // "UID:GID", and then without any capability
  std::string hostname;
  std::string memory;
  std::string layer;                 // a directory of the machine for what the container writes
  std::vector<std::string> volumes;  // "SOURCE:DESTINATION"
  bool read_only = false;
  bool network = false;  // of its own, with a loopback device; otherwise it is the machine's
  bool no_proc = false;
  bool read_only_proc_sys = false;
  bool tty = false;          // stdin, stdout and stderr are a terminal, which becomes PID 1's controlling terminal
  bool piped_input = false;  // stdin is a pipe, for write(); otherwise it is /dev/null
};

// A process of the container, as the machine's /proc shows it.
struct Process {
  pid_t host_pid = 0;
  pid_t pid = 0;  // in the container
  char state = '?';
  std::string command;  // its arguments, with blanks between them; empty for a zombie
};

// How a container ended.
struct End {
  int code = 0;                        // as docker's: 128 + N for signal N
  Clock::duration took{};              // since the last signal(), or since the start when there was none
  Clock::duration after_the_others{};  // PID 1's end since that of the last process that watch_processes() saw
};

// What a process has done: see proc_pid_stat(5) and proc_pid_status(5).
struct Effort {
  Clock::duration processor_time{};
  long waits = 0;  // voluntary context switches
};

// What a command that ran in the container by exec() printed, stdout and stderr together.
struct Output {
  int code = 0;
  std::string text;
};

// One container. Every wait has a limit, and throws with the whole log when it is over. The destructor kills what runs.
class Container {
 public:
  Container();
  ~Container();
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  // Files of the container; parent directories are made. Only before start().
  Container& file(const std::string& path, const std::string& text, int mode = 0644);
  Container& link(const std::string& target, const std::string& path);
  Container& remove(const std::string& path);
  // Writes /etc/cinit.toml.
  Container& config(const std::string& toml) { return file("/etc/cinit.toml", toml); }

  // Starts `command` as PID 1. Comes back when it runs as that.
  Container& start(const Arguments& command, const Options& options = {});
  // Starts /sbin/cinit with these arguments.
  Container& cinit(Arguments arguments = {}, const Options& options = {});

  // Waits until the log holds `text` that many times. Only what came after the last forget_log() counts.
  void wait_for(std::string_view text, int times = 1, Clock::duration limit = kLimit);
  // Waits for the end of the container.
  End wait_exit(Clock::duration limit = kLimit);
  // Waits for anything else, by asking again and again while reading the log. `what` is for the failure's text.
  void wait_until(const std::function<bool()>& condition, std::string_view what, Clock::duration limit = kLimit);
  // Reads the log for `span`, for what must not happen meanwhile.
  void watch_for(Clock::duration span);

  bool running();

  // Sends a signal to PID 1, as `docker kill -s` does.
  void signal(int number);
  // Runs a command in the container, as `docker exec` does: to its end (which must come soon), or with its output in the log.
  Output exec(const Arguments& command);
  void exec_in_background(const Arguments& command);

  // All but PID 1, which comes first; zombies included.
  std::vector<Process> processes() const;
  int zombies() const;
  pid_t host_pid() const { return pid_; }
  // What PID 1 has needed of the processor so far, and how often it has waited for something.
  Effort effort() const;
  // How many calls like read(2) and write(2) PID 1 has made, in vain or not: proc_pid_io(5).
  long reads_and_writes() const;
  // How many descriptors PID 1 has.
  std::size_t descriptors() const;
  // What the sandbox has made of its own, and not removed yet.
  std::vector<std::string> leftovers() const;
  // The text of a file of the running container, empty when there is none.
  std::string read(const std::string& path) const;
  // The same for a file in /shared, a volume of every container. It outlives the container.
  std::string read_shared(const std::string& name) const;

  // Notes when each process that is there now ends, for End::after_the_others.
  void watch_processes();

  // Types into the terminal, or writes into the pipe.
  void write(std::string_view text);
  // Closes the terminal (a hang-up), or the pipe (end of file).
  void close_input();

  // Leaves what the container writes in its pipe, which is full sooner or later, until read_on().
  void stop_reading() { reads_ = false; }
  void read_on() { reads_ = true; }
  // How many bytes are in it.
  int unread() const;

  // stdout and stderr of everything so far, in the order of arrival.
  const std::string& log();
  void forget_log() { log_start_ = log_.size(); }
  int count(std::string_view text);
  bool logged(std::string_view text) { return count(text) > 0; }

 private:
  struct Watched {
    int pidfd;
    std::optional<Clock::time_point> gone;
  };

  Arguments sandbox_arguments(const Arguments& command, const Options& options) const;
  Arguments nsenter_arguments(const Arguments& command) const;
  void read_pid();
  bool is_command_of_the_sandbox() const;
  void poll_once(Clock::duration limit);
  void read_output();
  void note_end_of_pid_1();
  void note_ends();
  void collect_sandbox();
  [[noreturn]] void give_up(std::string_view what);

  TemporaryDirectory directory_;  // of the machine: root/, shared/ and the pid file
  std::string root_;
  Watchdog watchdog_;
  pid_t sandbox_ = -1;
  int sandbox_pidfd_ = -1;
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int output_ = -1;
  int input_ = -1;
  bool reads_ = true;
  std::vector<Watched> watched_;
  std::vector<pid_t> background_;
  std::string log_;
  std::size_t log_start_ = 0;
  Clock::time_point since_;
  std::optional<Clock::time_point> ended_;
  std::optional<int> code_;
};

}  // namespace cinit::e2e
