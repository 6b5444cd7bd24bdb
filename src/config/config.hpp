// What the user wrote, checked and with its units: the end of every reader of configuration, the start of core::Plan.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/signal.hpp"
#include "base/time.hpp"

namespace cinit::config {

// A place in a file. `line` 0: the file as a whole.
struct Location {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

using Variables = std::map<std::string, std::string>;

// Permission bits as umask(2) has them, 0 to 0777.
struct FileMode {
  std::uint32_t bits = 0;
  friend bool operator==(FileMode, FileMode) = default;
};

// A file of NAME=VALUE lines. Written with a leading "-", it may be missing.
struct EnvFile {
  std::string path;
  bool optional = false;
};

enum class ServiceType { Simple, Oneshot, Forking };
enum class RestartPolicy { No, OnFailure, Always };
enum class EndAction { Ignore, Shutdown };
enum class KillMode { Mixed, Group, Process };
enum class Input { Null, Inherit };

// Where an output stream goes.
struct Output {
  enum class Kind { Inherit, Null, Stdout, File };
  Kind kind = Kind::Inherit;
  std::string path;  // Kind::File only
};

// What counts as success, apart from the stop signal while stopping.
struct SuccessExitStatus {
  std::vector<int> codes{0};
  std::vector<Signal> signals;
};

// A resource limit of setrlimit(2). Nothing: RLIM_INFINITY.
struct Limit {
  std::optional<std::uint64_t> soft;
  std::optional<std::uint64_t> hard;
};

// A number of bytes. "64KB" is 65,536 of them, as in supervisord.conf and for docker's max-size.
struct Size {
  std::uint64_t bytes = 0;
  friend bool operator==(Size, Size) = default;
};

// Where a probe connects to: a literal address or "localhost", since there is no resolver.
struct Endpoint {
  std::string host;  // "127.0.0.1", "::1" (without brackets), "localhost"
  std::uint16_t port = 0;
};

// Ways to find out from outside whether a service works. They are tried again and again.
struct ExecProbe {
  std::vector<std::string> command;  // passes when it exits with code 0
};
struct TcpProbe {
  Endpoint endpoint;  // passes when a connection is accepted
};
struct HttpProbe {
  Endpoint endpoint;
  std::string target = "/";  // passes when GET of it is answered with a status from 200 to 399
};
struct FileProbe {
  std::string path;  // passes when it exists
};
using Probe = std::variant<ExecProbe, TcpProbe, HttpProbe, FileProbe>;

// Ways of a service to tell by itself that it is ready.
struct NotifyReady {};  // READY=1: sd_notify(3)
struct FdReady {
  int fd = 3;  // a newline on this descriptor: s6's notification-fd
};
struct LogReady {
  std::string text;  // a line of its output that holds this
};
struct DelayReady {
  Duration delay{};  // it has run for this long
};

// What makes a service ready; a bare Ready is not used.
struct Ready {
  std::variant<NotifyReady, FdReady, LogReady, DelayReady, Probe> when;
  Duration interval = std::chrono::seconds(1);  // from the end of one probe to the start of the next
  Duration timeout = std::chrono::seconds(3);   // of one probe; then it has failed
};

// The service says WATCHDOG=1 at least this often: sd_notify(3).
struct Watchdog {
  Duration within{};
};
enum class HealthAction { Restart, Shutdown, Ignore };

// How it is found out whether a service that is ready still works.
struct Health {
  std::variant<Probe, Watchdog> check;
  Duration interval = std::chrono::seconds(10);  // from the end of one probe to the start of the next
  Duration timeout = std::chrono::seconds(3);
  Duration start_period{};    // from when it is ready; failures in it do not count
  std::uint32_t retries = 3;  // this many failures in a row make it unhealthy; at least 1
  HealthAction action = HealthAction::Restart;
};

// A command that is run for a service, beside its main process: an argv, never empty.
using Command = std::vector<std::string>;

inline constexpr Duration kDefaultStartTimeout = std::chrono::seconds(60);

// How a service is kept that runit or s6 would keep, as far as no key says so: there is none for any of this. What a file of
// the directory says that a key could say as well is in the fields of the service.
struct ServiceDirectory {
  enum class Suite { Runit, S6 };
  Suite suite = Suite::Runit;
  // Where its ./run is. Absolute, without a link in it.
  std::string path;
  // It is in a directory whose entries come and go: that is looked at again.
  bool is_scanned = true;
  // Which directory that is, so that another one of the same name is noticed: st_dev and st_ino of stat(2).
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  // How long ./finish may take; unset: for ever.
  std::optional<Duration> finish_timeout;
  // How many of its last ends are written down for s6-permafailon, in supervise/death_tally; 0: none.
  std::uint32_t death_tally = 0;
};

// One [service.NAME]. The initialisers are the documented defaults; an empty optional is "unset", which DESIGN gives a
// meaning of its own.
struct Service {
  std::string name;
  Location where;

  std::vector<std::string> command;  // never empty
  ServiceType type = ServiceType::Simple;
  std::optional<std::string> pid_file;  // Forking: it names the main process
  bool enabled = true;
  bool autostart = true;

  std::optional<std::string> working_dir;
  std::optional<std::string> user;
  std::optional<std::string> group;
  std::optional<std::vector<std::string>> groups;
  std::optional<FileMode> umask;

  Variables env;
  std::optional<EnvFile> env_file;
  bool clear_env = false;

  Input input = Input::Null;
  Output output;
  Output error;

  std::vector<std::string> after;
  std::vector<std::string> before;
  std::vector<std::string> required;  // the key `requires`, which is a keyword of C++20

  std::optional<Ready> ready;                     // unset: when its program runs
  Duration start_timeout = kDefaultStartTimeout;  // to get ready; a oneshot: to finish. 0: for ever
  std::optional<Health> health;

  RestartPolicy restart = RestartPolicy::OnFailure;
  Duration restart_delay = std::chrono::milliseconds(200);
  Duration restart_max_delay = std::chrono::seconds(30);
  std::uint32_t start_limit_burst = 10;  // 0: no limit
  Duration start_limit_interval = std::chrono::minutes(5);
  SuccessExitStatus success_exit_status;
  EndAction on_success = EndAction::Ignore;
  EndAction on_failure = EndAction::Shutdown;

  Signal stop_signal{15};
  std::optional<Command> stop_command;   // run instead of sending the stop signal, which follows when it fails
  std::optional<Duration> stop_timeout;  // unset: up to the end of the whole stop's budget
  KillMode kill_mode = KillMode::Mixed;

  // Run one after the other, as its user and in its environment.
  std::vector<Command> pre_start;   // before each start; one that fails is a failed start
  std::vector<Command> post_start;  // when it is ready, before those who wait for it; one that fails is a failed start
  std::vector<Command> pre_stop;    // before it is asked to stop
  std::vector<Command> post_stop;   // after each end, however it came

  std::map<std::string, Limit> limits;  // by the name that limits.conf(5) uses: nofile, core, nproc...
  std::optional<int> nice;              // -20 to 19: setpriority(2)
  std::optional<int> oom_score_adj;     // -1000 to 1000: proc(5), /proc/[pid]/oom_score_adj
  // The names of capabilities(7) in lower case, such as cap_net_bind_service: all that it and its children can ever have,
  // and what it has, whatever its user. Unset: unchanged.
  std::optional<std::vector<std::string>> capabilities;
  std::optional<bool> no_new_privileges;  // prctl(2), PR_SET_NO_NEW_PRIVS

  // Only for services of a service directory, and those of an s6-rc tree.
  std::optional<ServiceDirectory> directory;
  // Of a oneshot: when it fails, the boot has failed.
  bool failure_ends_boot = false;
  // Of a oneshot that has succeeded: what undoes it when everything is stopped.
  std::optional<Command> undo;
  // The service, of the same source, whose standard input its standard output is; empty: none. That one is started before it
  // and stopped after it, by the end of its input.
  std::string pipes_into;

  // For an output of Kind::File.
  Size log_max_size{10 << 20};      // a file that would grow beyond it is put aside; 0: never
  std::uint32_t log_max_files = 3;  // the file and those put aside: PATH, PATH.1, PATH.2; at least 1
};

// Where images made for runit and for my_init have services and boot hooks.
inline constexpr char kServiceDirectory[] = "/etc/service";
inline constexpr char kHookDirectory[] = "/etc/my_init.d";

enum class LogLevel { Debug, Info, Warning, Error };
enum class LogFormat { Text, Json };
// What cinit puts around the lines that services write to its own output: nothing (then it is not in their way at all),
// "name | " in front, or one JSON object a line.
enum class LogPrefix { None, Name, Json };
// With Json: a line that is a JSON object itself gets more members, or is the message of another one.
enum class LogJson { Merge, Escape };

inline constexpr Duration kDefaultStopTimeout = std::chrono::seconds(9);

// A signal that cinit gets and hands on: `action` is what the service is asked for.
struct SignalRoute {
  enum class Action { Send, Start, Stop, Restart };
  Signal signal;
  std::string service;
  Action action = Action::Send;
  Signal sent;  // Send
};
struct SignalRoutes {
  std::vector<SignalRoute> routes;  // by their numbers, each signal once
};

// The table [cinit].
struct Container {
  std::optional<Duration> stop_timeout;  // unset: kDefaultStopTimeout, and a lone main command is never killed
  std::vector<Signal> stop_signals{{15}, {2}, {3}, {30}, {kRealTimeMin + 3}};  // TERM INT QUIT PWR RTMIN+3
  SignalRoutes signals;
  std::optional<std::string> exit_code_from;
  LogLevel log_level = LogLevel::Info;
  LogFormat log_format = LogFormat::Text;
  LogJson log_json = LogJson::Merge;
  LogPrefix log_prefix = LogPrefix::None;
  Size log_buffer{64 << 10};  // of each service whose output goes through cinit: what "cinit logs" can show
  std::string control_socket = "/run/cinit.sock";                   // empty: none
  std::vector<std::string> service_directories{kServiceDirectory};  // of runit: each holds service directories
  std::optional<FileMode> umask;
  std::optional<std::string> working_dir;
  std::optional<EnvFile> env_file;
};

enum class SysctlPolicy { Warn, Strict, Namespaced, Off };

// The table [sysctl]: kernel parameters on top of /etc/sysctl.conf.
struct Sysctl {
  SysctlPolicy policy = SysctlPolicy::Warn;
  std::vector<std::string> files;  // paths or patterns; with a leading "-" a file may be missing
  Variables set;
  Location where;  // of the table
};

// The table [hooks]: what runs once, in order, and not side by side.
struct Hooks {
  std::vector<std::string> directories{kHookDirectory};  // whose programs are run before `pre_start`
  std::vector<std::vector<std::string>> pre_start;       // before the first service
  std::vector<std::vector<std::string>> post_start;      // when the services are ready
  std::vector<std::vector<std::string>> pre_stop;        // before the first service is stopped
  std::vector<std::vector<std::string>> post_stop;       // when nothing else is left
  std::optional<Duration> timeout;                       // of each; unset: none
};

struct Config {
  Container container;
  Variables env;
  Sysctl sysctl;
  Hooks hooks;
  std::vector<Service> services;  // enabled ones only, by name
};

}  // namespace cinit::config
