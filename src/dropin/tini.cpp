// tini 0.19.0, which is docker-init, too.
//
// What it does not share with it: its options end at PROGRAM; it never wakes up without a reason; no signal is lost between
// fork and exec; an inherited SIG_IGN for SIGCHLD does not keep it from seeing the end of PROGRAM; a terminal that another
// process group has is not taken away; and a signal that cannot be sent ends nobody.
#include <sys/prctl.h>

#include "dropin/programs.hpp"
#include "dropin/tini_options.hpp"
#include "dropin/tini_reporter.hpp"
#include "solo/solo.hpp"

namespace cinit::dropin {
namespace {

namespace sys = os::sys;

constexpr solo::FailureCodes kFailureCodes{.no_program = 1, .not_started = 1};

// False, and said, when the kernel refuses.
bool set_up_process(const TiniOptions& options, TiniReporter& reporter) {
  if (options.parent_death_signal != 0 &&
      sys::prctl(PR_SET_PDEATHSIG, static_cast<unsigned long>(options.parent_death_signal)) < 0) {
    reporter.print_fatal("the parent death signal cannot be set");
    return false;
  }
  if (options.subreaper && sys::prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
    reporter.print_fatal("this process cannot become a child subreaper");
    return false;
  }
  if (!options.subreaper && sys::getpid() != 1) reporter.warn_of_missing_orphans();
  return true;
}

}  // namespace

int run_tini(char** argv, char** envp) {
  const TiniOptions options = read_tini_options(argv);
  if (options.exit_code >= 0) return options.exit_code;
  TiniReporter reporter(options);

  solo::Command command;
  command.argv = options.command;
  command.envp = envp;
  command.start.mask = os::block_signals();
  command.start.hands_over_sockets = false;
  command.start.tries_again = false;
  command.failure_codes = kFailureCodes;
  command.forwarding.map = command.forwarding.map.without(kLibcSignals);
  if (options.to_group) command.forwarding.recipient = solo::Forwarding::Recipient::ProcessGroup;
  command.aftermath = solo::Aftermath::Exit;
  command.reporter = &reporter;

  os::reset_signal(SIGCHLD);
  if (!set_up_process(options, reporter)) return 1;
  const int code = solo::run(command);
  return options.expected.test(static_cast<std::size_t>(code & 0xff)) ? 0 : code;
}

}  // namespace cinit::dropin
