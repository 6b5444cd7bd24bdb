// What the user wrote, checked and with its units: the end of every reader of configuration, the start of core::Plan.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
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

enum class ServiceType { Simple, Oneshot };
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

// One [service.NAME]. The initialisers are the documented defaults; an empty optional is "unset", which DESIGN gives a
// meaning of its own.
struct Service {
  std::string name;
  Location where;

  std::vector<std::string> command;  // never empty
  ServiceType type = ServiceType::Simple;
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

  RestartPolicy restart = RestartPolicy::OnFailure;
  Duration restart_delay = std::chrono::milliseconds(200);
  Duration restart_max_delay = std::chrono::seconds(30);
  std::uint32_t start_limit_burst = 10;  // 0: no limit
  Duration start_limit_interval = std::chrono::minutes(5);
  SuccessExitStatus success_exit_status;
  EndAction on_success = EndAction::Ignore;
  EndAction on_failure = EndAction::Shutdown;

  Signal stop_signal{15};
  std::optional<Duration> stop_timeout;  // unset: up to the end of the whole stop's budget
  KillMode kill_mode = KillMode::Mixed;

  std::map<std::string, Limit> limits;  // by the name that limits.conf(5) uses: nofile, core, nproc...
};

enum class LogLevel { Debug, Info, Warning, Error };
enum class LogFormat { Text, Json };

inline constexpr Duration kDefaultStopTimeout = std::chrono::seconds(9);

// The table [cinit].
struct Container {
  std::optional<Duration> stop_timeout;  // unset: kDefaultStopTimeout, and a lone main command is never killed
  std::vector<Signal> stop_signals{{15}, {2}, {3}, {30}, {kRealTimeMin + 3}};  // TERM INT QUIT PWR RTMIN+3
  std::optional<std::string> exit_code_from;
  LogLevel log_level = LogLevel::Info;
  LogFormat log_format = LogFormat::Text;
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
  std::vector<std::string> directories{"/etc/my_init.d"};  // whose programs are run before `pre_start`
  std::vector<std::vector<std::string>> pre_start;         // before the first service
  std::vector<std::vector<std::string>> post_start;        // when the services are ready
  std::vector<std::vector<std::string>> pre_stop;          // before the first service is stopped
  std::vector<std::vector<std::string>> post_stop;         // when nothing else is left
  std::optional<Duration> timeout;                         // of each; unset: none
};

struct Config {
  Container container;
  Variables env;
  Sysctl sysctl;
  Hooks hooks;
  std::vector<Service> services;  // enabled ones only, by name
};

}  // namespace cinit::config
