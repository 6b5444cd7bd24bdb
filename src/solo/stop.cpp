#include "solo/stop.hpp"

#include <errno.h>

#include <algorithm>

#include "base/line.hpp"
#include "base/utf8.hpp"
#include "os/clock.hpp"
#include "solo/reporter.hpp"

namespace cinit::solo {
namespace {

namespace sys = os::sys;

}  // namespace

int Stop::wait(siginfo_t& info) {
  const Time until = std::min(deadline_, look_again_);
  if (!witness_) return os::wait_for_signal(info, until);
  pollfd wanted[] = {{signals_.get(), POLLIN, 0}, {witness_.get(), POLLIN, 0}};
  const timespec timeout = os::to_timespec(until == kNever ? Duration::zero() : until - os::now());
  sys::ppoll(wanted, 2, until == kNever ? nullptr : &timeout);
  if (wanted[1].revents != 0) witness_.reset();
  return os::take_signal(info);
}

void Stop::signal_received() {
  if (phase_ == Phase::Running) begin();
  ++signals_received_;
  if (signals_received_ == 2)
    population_.terminate([this](const os::Process& process) { return process.pid == main_; });
  if (signals_received_ == 3) spend_budget();
}

void Stop::begin() {
  began_ = os::now();
  budget_end_ = budget_.deadline(began_);
  deadline_ = budget_.sweep_at(began_);
  phase_ = Phase::Stopping;
}

void Stop::go_on(bool no_children) {
  act_on_deadline();
  if (main_ == 0 && !over_) wind_up(no_children);
}

// To its command belongs what it started, unless that went away from it: into another process group, and to another parent.
bool Stop::is_of_main(const os::Process& process) const {
  if (main_ == 0) return false;
  if (process.pid == main_ || process.group == main_) return true;
  return population_.processes().any_ancestor(process, [this](pid_t pid) { return pid == main_; });
}

void Stop::sweep() {
  population_.terminate([this](const os::Process& process) { return is_of_main(process); });
}

void Stop::act_on_deadline() {
  if (deadline_ == kNever || os::now() < deadline_) return;
  switch (phase_) {
    case Phase::Running: return;
    case Phase::Stopping:
      sweep();
      phase_ = Phase::Swept;
      deadline_ = budget_end_;
      return;
    case Phase::Swept: return spend_budget();
    case Phase::Reaping:
      report_others(" is still there after SIGKILL");
      over_ = true;
      return;
  }
}

void Stop::spend_budget() {
  if (main_ == 0 || budget_.chosen) return kill_everybody();
  // Its time is the container runtime's to measure; that of everybody else is over.
  population_.kill([this](const os::Process& process) { return is_of_main(process); });
  deadline_ = kNever;
  phase_ = Phase::Swept;
}

void Stop::kill_everybody() {
  if (main_ != 0) command_.reporter->killing(command_, os::now() - began_);
  report_others(" is still running after SIGTERM; sending SIGKILL");
  population_.kill();
  phase_ = Phase::Reaping;
  deadline_ = later(os::now(), kReapingTime);
}

// The command has ended. The others get SIGTERM once, and what is left of the time.
void Stop::wind_up(bool no_children) {
  if (witness_) return;
  look_again_ = kNever;
  const os::Remaining remaining = population_.remaining(!no_children);
  if (remaining.who == os::Remaining::Who::Nobody) {
    over_ = true;
    return;
  }
  if (!swept_after_main_ && phase_ != Phase::Reaping) {
    swept_after_main_ = true;
    sweep();
    // A time that was set holds for them as well.
    const Duration rest = budget_.chosen ? budget_.total : budget_.reserve();
    deadline_ = std::min(budget_end_, phase_ == Phase::Running ? later(os::now(), rest) : kNever);
    phase_ = Phase::Swept;
  }
  if (remaining.who == os::Remaining::Who::Outsider) watch(remaining.pid);
  if (remaining.who == os::Remaining::Who::Unknown) look_again_ = later(os::now(), kLookAgain);
}

void Stop::watch(pid_t pid) {
  if (!signals_) signals_ = os::Fd(sys::signalfd(os::kHandledSignals));
  witness_ = os::Fd(sys::pidfd_open(pid));
  if (witness_ && signals_) return;
  // It has ended meanwhile, or there is no descriptor for it.
  look_again_ = later(os::now(), witness_.error() == ESRCH ? Duration::zero() : kLookAgain);
  witness_.reset();
}

// Names the processes that are left, apart from the command, of which others speak. A handful is enough to find the culprit.
void Stop::report_others(const char* what) const {
  constexpr int kMost = 10;
  int count = 0;
  population_.for_each([&](const os::Process& process) {
    if (process.pid == main_) return true;
    Line line;
    line << "cinit: process " << process.pid << " (";
    append_printable(line, process.name);  // a process chooses its name itself
    say(line << "), state " << os::describe_state(process.state) << "," << what);
    return ++count < kMost;
  });
}

}  // namespace cinit::solo
