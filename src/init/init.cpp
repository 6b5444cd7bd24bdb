#include "init/init.hpp"

#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>

#include <algorithm>

#include "base/exit_code.hpp"
#include "base/line.hpp"
#include "init/termination_log.hpp"
#include "os/clock.hpp"
#include "os/wait.hpp"

namespace cinit::init {
namespace {

enum class Token : std::uint64_t { Signals, Witness };

constexpr std::uint64_t number(Token token) { return static_cast<std::uint64_t>(token); }

// How often to look when somebody is left, but nothing can tell us when that changes.
constexpr Duration kLookAgain = std::chrono::milliseconds(50);

core::SignalOrigin origin_of(const signalfd_siginfo& info, pid_t self) {
  if (info.ssi_code == SI_KERNEL) return core::SignalOrigin::Terminal;
  return info.ssi_pid == static_cast<std::uint32_t>(self) ? core::SignalOrigin::Self : core::SignalOrigin::Process;
}

}  // namespace

Result<Init> Init::make(const core::Plan& plan, Launcher& launcher, log::Log& log) {
  Result<os::Poller> poller = os::Poller::make();
  if (!poller) return poller.error();
  os::Fd signals(os::sys::signalfd(os::kHandledSignals));
  if (!signals) return Error{std::string("signalfd: ") + strerror(signals.error())};
  if (!poller->add(signals.get(), number(Token::Signals))) return Error{"epoll_ctl: no memory"};
  return Init(plan, launcher, log, *std::move(poller), std::move(signals));
}

Init::Init(const core::Plan& plan, Launcher& launcher, log::Log& log, os::Poller poller, os::Fd signals)
    : plan_(plan),
      launcher_(launcher),
      log_(log),
      poller_(std::move(poller)),
      signals_(std::move(signals)),
      supervisor_(plan, static_cast<std::uint64_t>(os::now().time_since_epoch().count())),
      pids_(plan.services.size(), 0) {}

int Init::run() {
  carry_out(supervisor_.boot(os::now()));
  tell_answers();
  while (!exit_code_) {
    wait();
    const std::vector<core::SignalReceived> received = take_signals();
    // An end comes before everything else: what has ended needs no signal, and is not late.
    if (more_to_reap_) reap();
    for (const core::SignalReceived& signal : received) tell(signal);
    check_deadline();
    look_who_is_left();
    log_.flush();
  }
  return *exit_code_;
}

void Init::wait() {
  const Time deadline = std::min(supervisor_.next_deadline(), look_again_);
  for (const std::uint64_t token : poller_.wait(more_to_reap_ ? Time{} : deadline)) {
    if (token == number(Token::Witness)) witness_.reset();
  }
}

// ---- From the kernel to the supervisor

// A bounded number at a time, so that a stream of orphans cannot keep us from our signals and deadlines.
void Init::reap() {
  constexpr int kBatch = 256;
  more_to_reap_ = false;
  for (int i = 0; i < kBatch; ++i) {
    const os::ChildChange change = os::peek_ended();
    no_children_ = change.no_children;
    if (change.pid == 0) break;
    child_ended(change);
    more_to_reap_ = i == kBatch - 1;
  }
  check_groups();
  check_suspension();
}

// The supervisor's answer is carried out while the zombie still holds its pid, so that a signal to its process group cannot
// reach a stranger. What is left of the service belongs to nobody by then, unless the answer is to watch its group.
void Init::child_ended(const os::ChildChange& change) {
  const auto found = services_.find(change.pid);
  // A watched group is one whose leader we have reaped before: this is somebody else with that pid.
  const bool is_main = found != services_.end() && !is_watched(found->second);
  if (!is_main) return os::release(change.pid);
  const core::ServiceId service = found->second;
  services_.erase(found);
  if (is_hook(plan_[service].role)) launcher_.reload_environment();
  tell(core::Exited{service, change.status});
  os::release(change.pid);
  if (!is_watched(service)) pid_of(service) = 0;
}

bool Init::is_watched(core::ServiceId service) const {
  return std::find(watched_groups_.begin(), watched_groups_.end(), service) != watched_groups_.end();
}

void Init::check_groups() {
  std::vector<core::ServiceId> emptied;
  std::erase_if(watched_groups_, [&](core::ServiceId service) {
    if (os::sys::kill(-pid_of(service), 0) != -ESRCH) return false;
    emptied.push_back(service);
    return true;
  });
  for (const core::ServiceId service : emptied) {
    services_.erase(pid_of(service));
    pid_of(service) = 0;
    tell(core::GroupEmptied{service});
  }
}

// Signals that are about our children are not for the supervisor: reap() finds out what happened to them, since several of
// these signals may have become one.
std::vector<core::SignalReceived> Init::take_signals() {
  std::vector<core::SignalReceived> received;
  signalfd_siginfo infos[16];
  const long size = os::sys::read(signals_.get(), infos, sizeof(infos));
  const pid_t self = os::sys::getpid();
  for (const signalfd_siginfo* info = infos; size > 0 && info < infos + size / static_cast<long>(sizeof(*info));
       ++info) {
    if (info->ssi_signo == SIGCHLD) {
      more_to_reap_ = true;
    } else {
      received.push_back({Signal{static_cast<int>(info->ssi_signo)}, origin_of(*info, self)});
    }
  }
  return received;
}

void Init::check_suspension() {
  if (!plan_.main_command || pid_of(*plan_.main_command) == 0) return;
  const os::ChildChange change = os::take_stop(pid_of(*plan_.main_command));
  if (change.pid != 0) tell(core::MainSuspended{change.status.signal()});
}

void Init::check_deadline() {
  if (os::now() >= supervisor_.next_deadline()) tell(core::DeadlineReached{});
}

void Init::look_who_is_left() {
  if (!looking_for_nothing_ || witness_ || more_to_reap_ || exit_code_) return;
  look_again_ = kNever;
  const os::Remaining remaining = population_.remaining(!no_children_);
  switch (remaining.who) {
    case os::Remaining::Who::Nobody: return tell(core::NothingLeft{});
    case os::Remaining::Who::Children: return;
    case os::Remaining::Who::Outsider: return watch(remaining.pid);
    case os::Remaining::Who::Unknown: look_again_ = later(os::now(), kLookAgain);
  }
}

void Init::watch(pid_t pid) {
  witness_ = os::Fd(os::sys::pidfd_open(pid));
  if (witness_ && poller_.add(witness_.get(), number(Token::Witness))) return;
  // It has ended meanwhile, or there is no descriptor for it.
  look_again_ = later(os::now(), witness_.error() == ESRCH ? Duration::zero() : kLookAgain);
  witness_.reset();
}

// ---- From the supervisor to the kernel

void Init::tell(const core::Event& event) {
  carry_out(supervisor_.handle(event, os::now()));
  tell_answers();
}

void Init::tell_answers() {
  while (!answers_.empty()) {
    const core::Event answer = std::move(answers_.front());
    answers_.pop_front();
    carry_out(supervisor_.handle(answer, os::now()));
  }
}

void Init::carry_out(const core::Actions& actions) {
  for (const core::Action& action : actions) {
    std::visit([this](const auto& wanted) { carry_out(wanted); }, action);
  }
}

void Init::carry_out(const core::Spawn& action) {
  const auto started = launcher_.launch(action.service);
  if (const auto* failure = std::get_if<core::StartFailure>(&started)) {
    return answers_.push_back(core::SpawnFailed{action.service, *failure});
  }
  const pid_t pid = *std::get_if<pid_t>(&started);
  pid_of(action.service) = pid;
  services_.insert_or_assign(pid, action.service);
  answers_.push_back(core::Spawned{action.service});
}

void Init::carry_out(const core::SendSignal& action) {
  const pid_t pid = pid_of(action.service);
  if (pid == 0) return;
  os::sys::kill(action.target == core::SendSignal::Target::Group ? -pid : pid, action.signal.number);
}

void Init::carry_out(const core::WatchGroup& action) {
  watched_groups_.push_back(action.service);
  services_.insert_or_assign(pid_of(action.service), action.service);
}

void Init::look_for_nothing() {
  looking_for_nothing_ = true;
  more_to_reap_ = true;  // to know whether there are children
}

void Init::carry_out(const core::Sweep& action) {
  look_for_nothing();
  population_.terminate([&](const os::Process& process) {
    if (belongs_to_service(process)) return true;
    const bool is_new = swept_.insert({process.pid, process.start}).second;
    return !is_new && !action.repeat;
  });
}

void Init::carry_out(const core::KillEverything& action) {
  look_for_nothing();
  report_processes("killing", " is still running after SIGTERM; sending SIGKILL", false);
  if (!action.spare_main_command) return population_.kill();
  population_.kill([this](const os::Process& process) { return belongs_to(*plan_.main_command, process); });
}

void Init::carry_out(const core::Announce& action) {
  const Narration narration = narrate(action.notice, plan_);
  const std::string name = narration.service ? display_name(plan_, *narration.service) : "";
  log_.write({narration.level, name, narration.event, narration.message});
  remember(action.notice, narration);
}

// A service's trouble since its last start is the reason if the stop is about it. If the stop is about nothing that went
// wrong, then what goes wrong first in it is.
void Init::remember(const core::Notice& notice, const Narration& narration) {
  if (const auto* begun = std::get_if<core::notice::ShutdownBegun>(&notice)) {
    stopping_ = true;
    const bool is_about_all = begun->cause == core::notice::StopCause::AllEnded;
    const auto any = is_about_all ? troubles_.begin() : troubles_.end();
    const auto found = begun->service ? troubles_.find(*begun->service) : any;
    if (found != troubles_.end()) reason_ = display_name(plan_, found->first) + ": " + found->second;
    return;
  }
  if (!narration.service) {
    if (narration.level >= config::LogLevel::Warning && reason_.empty()) reason_ = narration.message;
    return;
  }
  if (std::holds_alternative<core::notice::Started>(notice)) troubles_.erase(*narration.service);
  if (narration.level < config::LogLevel::Warning) return;
  std::string& trouble = troubles_[*narration.service];
  const bool is_repeated = std::holds_alternative<core::notice::StartPostponed>(notice);
  trouble = trouble.empty() || is_repeated ? narration.message : trouble + "; " + narration.message;
  if (stopping_ && reason_.empty()) reason_ = display_name(plan_, *narration.service) + ": " + trouble;
}

void Init::carry_out(const core::Exit& action) {
  exit_code_ = action.code;
  if (action.code != exit_code::kOk && !reason_.empty()) write_termination_log(reason_);
  if (action.abandoned) report_processes("abandoned", " is still there after SIGKILL", true);
}

// Names processes that are left. A handful is enough to find the culprit.
void Init::report_processes(const char* event, const char* what, bool of_services) {
  constexpr int kMost = 10;
  int count = 0;
  population_.for_each([&](const os::Process& process) {
    if (!of_services && belongs_to_service(process)) return true;
    Line line;
    line << "process " << process.pid << " (" << process.name << "), state " << os::describe_state(process.state) << ","
         << what;
    log_.write({config::LogLevel::Warning, "", event, line.text()});
    return ++count < kMost;
  });
}

// ---- Who belongs to whom

bool Init::belongs_to_service(const os::Process& process) const {
  const auto is_service = [this](pid_t pid) { return services_.contains(pid); };
  return is_service(process.pid) || is_service(process.group) || is_service(process.session) ||
         population_.processes().any_ancestor(process, is_service);
}

bool Init::belongs_to(core::ServiceId service, const os::Process& process) const {
  const pid_t main = pids_[core::index_of(service)];
  const auto is_main = [main](pid_t pid) { return main != 0 && pid == main; };
  return is_main(process.pid) || is_main(process.group) || population_.processes().any_ancestor(process, is_main);
}

}  // namespace cinit::init
