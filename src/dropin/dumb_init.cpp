// dumb-init 1.2.5.
//
// What it does not share with it: no signal is lost between fork and setsid; with -c a key of the terminal, which has
// reached the program already, is not sent to it once more; the process group gets its last SIGTERM while its number cannot
// be anybody else's.
#include <sys/ioctl.h>

#include "dropin/dumb_init_options.hpp"
#include "dropin/dumb_init_reporter.hpp"
#include "dropin/programs.hpp"
#include "solo/solo.hpp"

namespace cinit::dropin {
namespace {

namespace sys = os::sys;

constexpr solo::FailureCodes kFailureCodes{.not_found = 2, .refused = 2, .no_program = 2, .not_started = 1};

// 1 to 31: real-time signals stay ignored when they were.
constexpr os::SignalSet kStandardSignals{0x7fffffff};

constexpr os::SignalSet kJobControl =
    os::SignalSet::of(SIGTSTP) | os::SignalSet::of(SIGTTIN) | os::SignalSet::of(SIGTTOU);

// A process group that is orphaned, as that of a session leader is, ignores these three: setpgid(2), NOTES.
void replace_job_control(solo::SignalMap& map) {
  for (const int signal : {SIGTSTP, SIGTTIN, SIGTTOU}) map.replace(signal, SIGSTOP);
}

solo::SignalMap make_map(const DumbInitOptions& options) {
  solo::SignalMap map;
  if (options.own_session) replace_job_control(map);
  for (std::size_t signal = 1; signal < options.rewrites.size(); ++signal) {
    const int sent = options.rewrites[signal];
    if (sent != DumbInitOptions::kAsItIs) map.replace(static_cast<int>(signal), sent);
  }
  return map.without(kLibcSignals);
}

// The terminal is to be the program's. When the leader of its session gives it up, the whole foreground group, and so we,
// gets SIGHUP and SIGCONT: ioctl_tty(2), TIOCNOTTY. Returns those.
os::SignalSet leave_terminal(DumbInitReporter& reporter) {
  const long result = sys::ioctl(0, TIOCNOTTY, nullptr);
  const bool led_session = sys::call(SYS_getsid, 0) == sys::getpid();
  reporter.left_terminal(static_cast<int>(-result), led_session);
  if (result < 0 || !led_session) return {};
  return os::SignalSet::of(SIGHUP) | os::SignalSet::of(SIGCONT);
}

void lead_own_session(solo::Command& command, DumbInitReporter& reporter) {
  command.start.leadership = os::ChildSetup::Leadership::Session;
  command.start.controls_terminal = true;
  command.forwarding.recipient = solo::Forwarding::Recipient::ProcessGroup;
  command.forwarding.first_swallowed = leave_terminal(reporter);
}

void share_session(solo::Command& command) {
  command.start.leadership = os::ChildSetup::Leadership::None;
  command.forwarding.shared_with_terminal =
      kJobControl | os::SignalSet::of(SIGINT) | os::SignalSet::of(SIGQUIT) | os::SignalSet::of(SIGWINCH);
}

}  // namespace

int run_dumb_init(char** argv, char** envp) {
  const DumbInitOptions options = read_dumb_init_options(argv);
  if (options.exit_code >= 0) return options.exit_code;
  DumbInitReporter reporter(options.verbose, options.own_session);

  solo::Command command;
  command.argv = options.command;
  command.envp = envp;
  command.start.terminal = -1;
  command.start.hands_over_sockets = false;
  command.start.tries_again = false;
  command.failure_codes = kFailureCodes;
  command.forwarding.awaited = os::SignalSet::all();
  command.forwarding.map = make_map(options);
  command.forwarding.suspending = kJobControl;
  command.retreat.leaves_directory = true;
  command.aftermath = solo::Aftermath::Terminate;
  command.reporter = &reporter;

  os::block_signals(command.forwarding.awaited);
  os::reset_ignored_signals(kStandardSignals);
  if (options.own_session) {
    lead_own_session(command, reporter);
  } else {
    share_session(command);
  }
  return solo::run(command);
}

}  // namespace cinit::dropin
