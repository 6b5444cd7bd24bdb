#include "solo/solo.hpp"

#include <algorithm>
#include <optional>

#include "os/clock.hpp"
#include "os/wait.hpp"
#include "solo/reporter.hpp"
#include "solo/retreat.hpp"
#include "solo/start.hpp"
#include "solo/stop.hpp"

namespace cinit::solo {
namespace {

namespace sys = os::sys;

constexpr Duration kFirstRetry = std::chrono::milliseconds(200);
constexpr Duration kLongestRetry = std::chrono::seconds(30);

class Solo {
 public:
  explicit Solo(const Command& command) : command_(command), reporter_(*command.reporter) {
    if (command.aftermath == Aftermath::Sweep) stop_.emplace(command);
  }

  int run() {
    if (!start()) return code_;
    while (!over()) turn();
    return main_ == 0 ? code_ : exit_code::kKilled;  // or else not even SIGKILL has ended it in time
  }

 private:
  bool start();
  bool wait_before_retry(Duration delay);

  void turn();
  int wait(siginfo_t& info);
  bool over() const { return stop_ ? stop_->over() : main_ == 0; }

  void handle(const siginfo_t& info);
  bool is_for_command(const siginfo_t& info);
  void forward(int signal);
  void suspend();

  void reap();
  bool reap_one();
  os::ChildChange take_ended();
  void command_ended(WaitStatus status);
  void look_for_suspension();

  const Command& command_;
  Reporter& reporter_;
  std::optional<Stop> stop_;
  pid_t main_ = 0;  // 0: it has ended
  int code_ = 0;
  bool more_to_reap_ = false;
  bool no_children_ = false;
  bool suspended_ = false;
  os::SignalSet to_swallow_ = command_.forwarding.first_swallowed;
};

bool Solo::start() {
  Duration delay = kFirstRetry;
  while (true) {
    const os::SpawnResult result = spawn(command_);
    if (result.pid != 0) {
      main_ = result.pid;
      if (stop_) stop_->command_started(main_);
      reporter_.started(command_, result);
      retreat(command_.retreat);
      return true;
    }
    if (!command_.start.tries_again || !may_succeed_later(result)) {
      reporter_.start_failed(command_, result);
      code_ = code_of(result, command_.failure_codes);
      return false;
    }
    reporter_.start_postponed(command_, result.error, delay);
    if (!wait_before_retry(delay)) return false;
    delay = std::min(delay * 2, kLongestRetry);
  }
}

// False: SIGTERM came first. Every other signal stays pending until the command is there.
bool Solo::wait_before_retry(Duration delay) {
  siginfo_t info;
  if (os::wait_for_signal(info, later(os::now(), delay), os::SignalSet::of(SIGTERM)) == 0) return true;
  code_ = exit_code::kTerminated;
  return false;
}

void Solo::turn() {
  siginfo_t info;
  const int signal = wait(info);
  if (signal != 0) reporter_.received(signal);
  if (signal == SIGCHLD || more_to_reap_) reap();
  if (signal != 0 && signal != SIGCHLD) handle(info);
  if (stop_) stop_->go_on(no_children_);
}

int Solo::wait(siginfo_t& info) {
  if (more_to_reap_) return os::take_signal(info, command_.forwarding.awaited);
  return stop_ ? stop_->wait(info) : os::wait_for_signal(info, kNever, command_.forwarding.awaited);
}

// ---- Signals

void Solo::handle(const siginfo_t& info) {
  const int signal = info.si_signo;
  if (signal == SIGPIPE && info.si_pid == sys::getpid()) return;  // our own, of a standard error that nobody reads
  if (main_ != 0 && is_for_command(info)) forward(signal);
  if (stop_ && signal == SIGTERM) stop_->signal_received();
  if (command_.forwarding.suspending.has(signal)) suspend();
}

bool Solo::is_for_command(const siginfo_t& info) {
  const int signal = info.si_signo;
  if (to_swallow_.has(signal)) {
    to_swallow_ = to_swallow_.without(os::SignalSet::of(signal));
    reporter_.swallowed(signal);
    return false;
  }
  return info.si_code != SI_KERNEL || !command_.forwarding.shared_with_terminal.has(signal);
}

void Solo::forward(int signal) {
  const bool to_group = command_.forwarding.recipient == Forwarding::Recipient::ProcessGroup;
  const int sent = command_.forwarding.map.of(signal);
  reporter_.forwarded(signal, sent, sent == 0 ? 0 : sys::kill(to_group ? -main_ : main_, sent));
  if (signal == SIGCONT) suspended_ = false;
  if (signal == SIGTERM && suspended_) sys::kill(main_, SIGCONT);
}

// As PID 1 this does nothing: pid_namespaces(7).
void Solo::suspend() {
  reporter_.suspending();
  sys::kill(sys::getpid(), SIGSTOP);
}

// ---- Children

// A bounded number at a time, so that a stream of orphans cannot keep us from our signals.
void Solo::reap() {
  constexpr int kBatch = 256;
  more_to_reap_ = true;
  for (int i = 0; i < kBatch && more_to_reap_; ++i) more_to_reap_ = reap_one();
  if (main_ != 0 && stop_) look_for_suspension();
}

bool Solo::reap_one() {
  const os::ChildChange change = take_ended();
  no_children_ = change.no_children;
  if (change.pid == 0) return false;
  reporter_.reaped(change.pid, change.status, change.pid == main_);
  if (change.pid == main_) command_ended(change.status);
  if (command_.aftermath == Aftermath::Terminate) os::release(change.pid);
  return true;
}

// As long as the zombie holds its pid, the number of its process group is nobody else's.
os::ChildChange Solo::take_ended() {
  return command_.aftermath == Aftermath::Terminate ? os::peek_ended() : os::reap_any();
}

void Solo::command_ended(WaitStatus status) {
  code_ = status.shell_code();
  if (command_.aftermath == Aftermath::Terminate) forward(SIGTERM);
  main_ = 0;
  if (stop_) stop_->command_ended();
  reporter_.ended(status);
}

void Solo::look_for_suspension() {
  const os::ChildChange change = os::take_stop(main_);
  if (change.pid == 0) return;
  suspended_ = true;
  reporter_.suspended(command_, change.status.signal().number);
}

}  // namespace

int run(const Command& command) { return Solo(command).run(); }

int pause() {
  bool more_to_reap = false;
  while (true) {
    siginfo_t info;
    const int signal = more_to_reap ? os::take_signal(info) : os::wait_for_signal(info, kNever);
    if (signal == SIGTERM || signal == SIGINT) return exit_code::kOk;
    if (signal == SIGCHLD || more_to_reap) more_to_reap = os::reap_any().pid != 0;
  }
}

}  // namespace cinit::solo
