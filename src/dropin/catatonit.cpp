// catatonit 0.2.1, which is podman-init, too.
//
// What it does not share with it: its options end at the program; no signal is lost between fork and exec; the program does
// not begin with TSTP, TTIN and TTOU blocked; an inherited SIG_IGN for SIGCHLD does not keep it from seeing the program's
// end; a terminal that another process group has is not taken away.
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "dropin/options.hpp"
#include "dropin/print.hpp"
#include "dropin/programs.hpp"
#include "os/fd.hpp"
#include "solo/reporter.hpp"
#include "solo/solo.hpp"

namespace cinit::dropin {
namespace {

namespace sys = os::sys;

constexpr int kFailed = 1;
constexpr solo::FailureCodes kFailureCodes{.not_found = 1, .refused = 1, .no_program = 1, .not_started = 1};

constexpr LongOption kLongOptions[] = {{"version", 'V'}, {nullptr, '\0'}};

// The name of tini is what dockerd looks for.
constexpr std::string_view kVersion = "tini version 0.2.1_catatonit - git.cinit - cinit " CINIT_VERSION "\n";

constexpr std::string_view kUsage = "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n";

constexpr std::string_view kHelp = R"(
cinit )" CINIT_VERSION R"( in the place of catatonit 0.2.1: runs a program, passes signals on, reaps every orphan.

  -g             pass signals on to the process group of the program
  -h             print this text
  -L             print what this program is
  -P             run no program: reap orphans, until SIGTERM or SIGINT
  -V, --version  print the version
)";

constexpr std::string_view kAbout =
    "This is cinit " CINIT_VERSION
    ", an init for containers, in the place of catatonit. It is a program of its own: nothing of catatonit is in it.\n";

// Errors, and with CATATONIT_DEBUG what happens: "ERROR (catatonit:PID): ..." on standard error.
class CatatonitReporter final : public solo::Reporter {
 public:
  explicit CatatonitReporter(bool verbose) : verbose_(verbose) {}

  template <class... Parts>
  int print_error(const Parts&... parts) {
    print("ERROR", parts...);
    return kFailed;
  }

  void start_failed(const solo::Command&, const os::SpawnResult& result) override {
    const char* const step = result.stage == StartStage::Exec ? "failed to exec pid1: " : "failed to start pid1: ";
    print_error(step, strerror(result.error));
  }
  void started(const solo::Command& command, const os::SpawnResult& result) override {
    debug("started ", command.argv[0], " as process ", result.pid);
  }
  void forwarded(int signal, int sent, long) override {
    debug(sent == 0 ? "kept signal " : "forwarded signal ", signal);
  }
  void reaped(pid_t pid, WaitStatus status, bool) override {
    debug("reaped process ", pid, ", as a shell's code ", status.shell_code());
  }

 private:
  template <class... Parts>
  void debug(const Parts&... parts) {
    if (verbose_) print("DEBUG", parts...);
  }
  template <class... Parts>
  void print(const char* level, const Parts&... parts) {
    Line line;
    line << level << " (catatonit:" << sys::getpid() << "): ";
    (line << ... << parts);
    solo::say(line);
  }

  bool verbose_;
};

struct CatatonitOptions {
  bool to_group = false;  // -g
  bool pauses = false;    // -P
  char** command = nullptr;
  int exit_code = -1;  // that of a command line which asks for no more; -1: there is something to run
};

int print_and_end(int fd, std::string_view first, std::string_view second, int code) {
  print(fd, first);
  print(fd, second);
  return code;
}

void take(CatatonitOptions& options, char option) {
  switch (option) {
    case 'g': options.to_group = true; return;
    case 'P': options.pauses = true; return;
    case 'h': options.exit_code = print_and_end(2, kUsage, kHelp, 0); return;
    case 'L': options.exit_code = print_and_end(1, kAbout, "", 0); return;
    case 'V': options.exit_code = print_and_end(1, kVersion, "", 0); return;
    default: options.exit_code = print_and_end(2, kUsage, "", kFailed);
  }
}

CatatonitOptions read_options(char** argv, CatatonitReporter& reporter) {
  CatatonitOptions options;
  OptionReader reader(argv, "ghLPV", kLongOptions);
  while (const char option = reader.read()) {
    take(options, option);
    if (options.exit_code >= 0) return options;
  }
  options.command = reader.rest();
  if (!*options.command && !options.pauses) {
    options.exit_code = reporter.print_error("missing program name");
    print(2, kUsage);
  }
  return options;
}

// False, and said, when orphans cannot be ours.
bool set_up_process(CatatonitReporter& reporter) {
  os::reset_signal(SIGCHLD);
  if (sys::getpid() == 1 || sys::prctl(PR_SET_CHILD_SUBREAPER, 1) >= 0) return true;
  reporter.print_error("this process cannot become a child subreaper");
  return false;
}

int run_program(const CatatonitOptions& options, char** envp, os::SignalSet mask, CatatonitReporter& reporter) {
  const os::Fd terminal(sys::open(AT_FDCWD, "/dev/tty", O_RDWR | O_CLOEXEC));
  solo::Command command;
  command.argv = options.command;
  command.envp = envp;
  command.start.terminal = terminal ? terminal.get() : 0;
  command.start.mask = mask;
  command.start.tries_again = false;
  command.failure_codes = kFailureCodes;
  command.forwarding.map = command.forwarding.map.without(os::SignalSet::of(SIGTSTP) | kLibcSignals);
  if (options.to_group) command.forwarding.recipient = solo::Forwarding::Recipient::ProcessGroup;
  command.retreat = {.leaves_directory = true, .closes_descriptors = true};
  command.aftermath = solo::Aftermath::Exit;
  command.reporter = &reporter;
  return solo::run(command);
}

}  // namespace

int run_catatonit(char** argv, char** envp) {
  CatatonitReporter reporter(getenv("CATATONIT_DEBUG") != nullptr);
  if (getenv("CATATONIT_LOG")) return reporter.print_error("CATATONIT_LOG is reserved for future use");
  const CatatonitOptions options = read_options(argv, reporter);
  if (options.exit_code >= 0) return options.exit_code;
  const os::SignalSet inherited_mask = os::block_signals();
  if (!set_up_process(reporter)) return kFailed;
  return options.pauses ? solo::pause() : run_program(options, envp, inherited_mask, reporter);
}

}  // namespace cinit::dropin
