#include "solo/solo.hpp"

#include <errno.h>
#include <string.h>

#include "base/exit_code.hpp"
#include "base/line.hpp"
#include "os/clock.hpp"
#include "os/exec_reason.hpp"
#include "os/population.hpp"
#include "os/signals.hpp"
#include "os/spawn.hpp"
#include "os/stderr.hpp"
#include "os/wait.hpp"

namespace cinit::solo {
namespace {

namespace sys = os::sys;

constexpr Duration kReapingTime = std::chrono::milliseconds(500);
constexpr Duration kFirstRetry = std::chrono::milliseconds(200);
constexpr Duration kLongestRetry = std::chrono::seconds(30);
// How often to look when somebody is left, but without /proc nobody can say who.
constexpr Duration kLookAgain = std::chrono::milliseconds(50);

void say(Line& line) {
  const std::string_view text = line.line();
  os::Stderr().write_line(text.data(), text.size());
}

// For Kubernetes, which makes this file: the container's terminationMessagePath.
void leave_reason(Line& line) {
  const os::Fd file(sys::open(AT_FDCWD, "/dev/termination-log", O_WRONLY | O_TRUNC | O_NONBLOCK | O_CLOEXEC));
  const std::string_view text = line.line();
  if (file) sys::write(file.get(), text.data(), text.size());
}

const char* get_variable(char* const* envp, std::string_view name) {
  for (; *envp; ++envp) {
    if (strncmp(*envp, name.data(), name.size()) == 0 && (*envp)[name.size()] == '=') return *envp + name.size() + 1;
  }
  return nullptr;
}

class Solo {
 public:
  explicit Solo(const Command& command) : command_(command) {}

  int run() {
    if (!start()) return code_;
    while (!over_) {
      siginfo_t info;
      const int signal = wait(info);
      if (signal == SIGCHLD || more_to_reap_) reap();
      if (signal != 0 && signal != SIGCHLD) handle(info);
      act_on_deadlines();
      if (main_ == 0 && !over_) wind_up();
    }
    return code_;
  }

 private:
  enum class Phase {
    Running,   // nobody asked the command to end
    Stopping,  // SIGTERM was forwarded; next the others get theirs
    Swept,     // so they did; next comes SIGKILL
    Reaping,   // after SIGKILL
  };

  // Starting.
  bool start();
  os::SpawnResult spawn();
  char* own_listen_pid() const;
  bool may_succeed_later(const os::SpawnResult& result) const;
  void report_failed_start(const os::SpawnResult& result) const;

  // Events.
  void handle(const siginfo_t& info);
  void forward(int signal);
  void stop_signal_received();
  void reap();
  void report_suspension();

  // Stopping.
  void begin_stop();
  void sweep();
  void act_on_deadlines();
  void spend_budget();
  void kill_everybody();
  void wind_up();
  void report_others(const char* what) const;
  bool is_of_main(const os::Process& process) const;
  Duration reserve() const { return std::min<Duration>(command_.stop_timeout / 4, std::chrono::seconds(2)); }

  // Waiting.
  int wait(siginfo_t& info);
  void watch(pid_t pid);

  const Command& command_;
  os::Population population_;
  pid_t main_ = 0;  // 0: it has ended
  int code_ = exit_code::kNotExecutable;
  bool over_ = false;
  bool more_to_reap_ = false;
  bool no_children_ = false;
  bool suspended_ = false;
  bool swept_after_main_ = false;
  int stop_signals_ = 0;
  Phase phase_ = Phase::Running;
  Time stop_began_{};
  Time deadline_ = kNever;    // of the phase
  Time look_again_ = kNever;  // when somebody is left whom nothing can tell us about
  Time budget_end_ = kNever;
  os::Fd witness_;  // a process that is not our child: nothing can be over before it is
  os::Fd signals_;  // only to wait for both in one call
};

// ---- Starting

bool Solo::start() {
  Duration delay = kFirstRetry;
  while (true) {
    const os::SpawnResult result = spawn();
    main_ = result.pid;
    if (main_ != 0) return true;
    if (!may_succeed_later(result)) {
      report_failed_start(result);
      code_ =
          result.stage == StartStage::Exec && result.error == ENOENT ? exit_code::kNotFound : exit_code::kNotExecutable;
      return false;
    }
    Line line;
    say(line << "cinit: " << command_.argv[0] << ": cannot be started now: " << strerror(result.error)
             << "; trying again in " << delay);
    // Every other signal stays pending until the command is there.
    siginfo_t info;
    const timespec timeout = os::to_timespec(delay);
    if (sys::sigtimedwait(os::SignalSet::of(SIGTERM), &info, &timeout) == SIGTERM) {
      code_ = exit_code::kTerminated;
      return false;
    }
    delay = std::min(delay * 2, kLongestRetry);
  }
}

// Sockets that were handed to us are for the command: sd_listen_fds(3). Its variable gets a buffer that any pid fits into.
char* Solo::own_listen_pid() const {
  static char variable[] = "LISTEN_PID=0123456789a";
  for (char** at = command_.envp; *at; ++at) {
    if (*at == variable) return variable + 11;
    if (strncmp(*at, variable, 11) != 0 || os::to_pid(*at + 11) != sys::getpid()) continue;
    *at = variable;
    return variable + 11;
  }
  return nullptr;
}

os::SpawnResult Solo::spawn() {
  os::ChildSetup setup;
  setup.argv = command_.argv;
  setup.envp = command_.envp;
  setup.search_path = get_variable(command_.envp, "PATH");
  setup.leadership = os::ChildSetup::Leadership::ProcessGroup;
  setup.take_terminal = true;
  setup.pid_text = own_listen_pid();
  return os::spawn(setup);
}

bool Solo::may_succeed_later(const os::SpawnResult& result) const {
  return result.error == EAGAIN || result.error == ENOMEM || result.error == ETXTBSY;
}

void Solo::report_failed_start(const os::SpawnResult& result) const {
  Line line;
  line << "cinit: ";
  if (result.stage == StartStage::Exec) {
    os::explain_exec_failure(line, command_.argv[0], get_variable(command_.envp, "PATH"), nullptr, result.error);
  } else {
    line << command_.argv[0] << ": cannot be started: " << strerror(result.error);
  }
  say(line);
  leave_reason(line);
}

// ---- Events

int Solo::wait(siginfo_t& info) {
  if (more_to_reap_) return os::take_signal(info);
  const Time until = std::min(deadline_, look_again_);
  if (!witness_) return os::wait_for_signal(info, until);
  pollfd wanted[] = {{signals_.get(), POLLIN, 0}, {witness_.get(), POLLIN, 0}};
  const timespec timeout = os::to_timespec(until == kNever ? Duration::zero() : until - os::now());
  sys::ppoll(wanted, 2, until == kNever ? nullptr : &timeout);
  if (wanted[1].revents != 0) witness_.reset();
  return os::take_signal(info);
}

void Solo::handle(const siginfo_t& info) {
  const int signal = info.si_signo;
  // These two tell an init in the background not to use the terminal; they are not meant for anybody else.
  if (signal == SIGTTIN || signal == SIGTTOU) return;
  if (signal == SIGPIPE && info.si_pid == sys::getpid()) return;  // our own, of a standard error that nobody reads
  if (main_ != 0) forward(signal);
  if (signal == SIGTERM) stop_signal_received();
}

void Solo::forward(int signal) {
  sys::kill(main_, signal);
  if (signal == SIGCONT) suspended_ = false;
  if (signal == SIGTERM && suspended_) sys::kill(main_, SIGCONT);
}

void Solo::stop_signal_received() {
  if (phase_ == Phase::Running) begin_stop();
  ++stop_signals_;
  if (stop_signals_ == 2) population_.terminate([this](const os::Process& process) { return process.pid == main_; });
  if (stop_signals_ == 3) spend_budget();
}

// A bounded number at a time, so that a stream of orphans cannot keep us from our signals.
void Solo::reap() {
  constexpr int kBatch = 256;
  more_to_reap_ = false;
  for (int i = 0; i < kBatch; ++i) {
    const os::ChildChange change = os::reap_any();
    no_children_ = change.no_children;
    if (change.pid == 0) break;
    more_to_reap_ = i == kBatch - 1;
    if (change.pid != main_) continue;
    main_ = 0;
    code_ = change.status.shell_code();
  }
  if (main_ != 0) report_suspension();
}

void Solo::report_suspension() {
  const os::ChildChange change = os::take_stop(main_);
  if (change.pid == 0) return;
  suspended_ = true;
  Line line;
  const char* name = standard_signal_name(change.status.signal().number);
  say(line << "cinit: " << command_.argv[0] << ": suspended by " << (name ? name : "a signal")
           << "; it goes on when it gets SIGCONT");
}

// ---- Stopping

void Solo::begin_stop() {
  stop_began_ = os::now();
  budget_end_ = later(stop_began_, command_.stop_timeout);
  deadline_ = later(stop_began_, command_.stop_timeout - reserve());
  phase_ = Phase::Stopping;
}

// To its command belongs what it started, unless that went away from it: into another process group, and to another parent.
bool Solo::is_of_main(const os::Process& process) const {
  if (main_ == 0) return false;
  if (process.pid == main_ || process.group == main_) return true;
  return population_.processes().any_ancestor(process, [this](pid_t pid) { return pid == main_; });
}

void Solo::sweep() {
  population_.terminate([this](const os::Process& process) { return is_of_main(process); });
}

void Solo::act_on_deadlines() {
  if (over_ || deadline_ == kNever || os::now() < deadline_) return;
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

void Solo::spend_budget() {
  if (main_ == 0 || command_.stop_timeout_chosen) return kill_everybody();
  // Its time is the container runtime's to measure; that of everybody else is over.
  population_.kill([this](const os::Process& process) { return is_of_main(process); });
  deadline_ = kNever;
  phase_ = Phase::Swept;
}

void Solo::kill_everybody() {
  if (main_ != 0) {
    Line line;
    say(line << "cinit: " << command_.argv[0] << ": still running " << (os::now() - stop_began_)
             << " after SIGTERM; sending SIGKILL");
    code_ = exit_code::kKilled;
  }
  report_others(" is still running after SIGTERM; sending SIGKILL");
  population_.kill();
  phase_ = Phase::Reaping;
  deadline_ = later(os::now(), kReapingTime);
}

// The command has ended. The others get SIGTERM once, and what is left of the time.
void Solo::wind_up() {
  if (witness_) return;
  look_again_ = kNever;
  const os::Remaining remaining = population_.remaining(!no_children_);
  if (remaining.who == os::Remaining::Who::Nobody) {
    over_ = true;
    return;
  }
  if (!swept_after_main_ && phase_ != Phase::Reaping) {
    swept_after_main_ = true;
    sweep();
    deadline_ = std::min(budget_end_, phase_ == Phase::Running ? later(os::now(), reserve()) : kNever);
    phase_ = Phase::Swept;
  }
  if (remaining.who == os::Remaining::Who::Outsider) watch(remaining.pid);
  if (remaining.who == os::Remaining::Who::Unknown) look_again_ = later(os::now(), kLookAgain);
}

void Solo::watch(pid_t pid) {
  if (!signals_) signals_ = os::Fd(sys::signalfd(os::kHandledSignals));
  witness_ = os::Fd(sys::pidfd_open(pid));
  if (witness_ && signals_) return;
  // It has ended meanwhile, or there is no descriptor for it.
  look_again_ = later(os::now(), witness_.error() == ESRCH ? Duration::zero() : kLookAgain);
  witness_.reset();
}

// Names the processes that are left, apart from the command, of which others speak. A handful is enough to find the culprit.
void Solo::report_others(const char* what) const {
  constexpr int kMost = 10;
  int count = 0;
  population_.for_each([&](const os::Process& process) {
    if (process.pid == main_) return true;
    Line line;
    say(line << "cinit: process " << process.pid << " (" << process.name << "), state "
             << os::describe_state(process.state) << "," << what);
    return ++count < kMost;
  });
}

}  // namespace

int run(const Command& command) { return Solo(command).run(); }

}  // namespace cinit::solo
