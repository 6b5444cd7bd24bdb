#include "init/init.hpp"

#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>

#include "base/line.hpp"
#include "base/stop_budget.hpp"
#include "config/size.hpp"
#include "control/socket_place.hpp"
#include "core/signal_policy.hpp"
#include "init/poll_sources.hpp"
#include "os/clock.hpp"
#include "os/memory_reserve.hpp"
#include "os/oom_kills.hpp"
#include "os/wait.hpp"

namespace cinit::init {
namespace {

// Whoever wakes up this late did not run in between: the container was paused, or the machine slept.
constexpr Duration kLate = std::chrono::seconds(1);

}  // namespace

Result<LoopParts> LoopParts::make() {
  Result<os::Poller> poller = os::Poller::make();
  if (!poller) return poller.error();
  os::Fd signals(os::sys::signalfd(os::kHandledSignals));
  if (!signals) return Error{std::string("signalfd: ") + strerror(signals.error()), signals.error()};
  if (!poller->add(signals.get(), token_base(Source::Signals))) return poller->error();
  return LoopParts{*std::move(poller), std::move(signals)};
}

Init::Init(core::Plan& plan, const Parts& parts)
    : plan_(plan),
      poller_(parts.loop.poller),
      signals_(parts.loop.signals),
      discarder_(parts.loop.discarder),
      launcher_(parts.launcher),
      listener_(parts.listener),
      log_(parts.log),
      defaults_(parts.defaults),
      supervisor_(plan, static_cast<std::uint64_t>(os::now().time_since_epoch().count())),
      prober_(poller_, token_base(Source::Probe)),
      children_(plan.services.size()),
      starts_(poller_, token_base(Source::Start), children_),
      directories_(
          plan, {*this, supervisor_, parts.trees, launcher_, starts_, children_, poller_, log_, parts.told_problems}),
      words_(parts.make_words(plan, [this](core::ServiceId id) { return children_.of(id).main; })),
      reason_(plan),
      control_(*this, poller_, discarder_, token_base(Source::Control)) {}

void Init::listen(const std::string& control_socket) {
  if (const auto error = control_.listen(control::places_for_server(control_socket, geteuid()))) {
    log_.write({config::LogLevel::Warning, "", "control",
                "cinit status, health and the like will not work: cannot create " + error->message +
                    " (set control-socket in [cinit])"});
  }
  control_.observe_trouble([this](std::string_view kind, const std::string& message) {
    log_.write_some(kind, {config::LogLevel::Warning, "", "control", message});
  });
  listener_.observe_lines([this](core::ServiceId id, std::string_view line) { control_.line(id, line); });
}

int Init::run() {
  awake_ = os::now();
  if (const auto kills = os::read_oom_kills()) oom_kills_ = kills->count;
  if (plan_.boot_hooks.empty()) open_directories();
  carry_out(supervisor_.boot(os::now()));
  tell_answers();
  while (!exit_code_) {
    wait();
    const std::vector<core::SignalReceived> received = take_signals();
    take_in_starts();
    // An end comes before everything else: what has ended needs no signal, and is not late.
    if (more_to_reap_) reap();
    discarder_.progress();
    for (const core::SignalReceived& signal : received) tell(signal);
    tell_what_was_heard();
    directories_.obey();
    check_deadline();
    tell_whom_the_stop_awaits();
    look_who_is_left();
    directories_.show();
    control_.progress();
    log_.flush();
    listener_.watch_room();
    make_room_in_memory();
  }
  say_the_last();
  return *exit_code_;
}

// What was written before the end has what is left of the stop for a reader that is slow, but for the time that the
// runtime needs to see the end. One more stop signal ends the waiting.
void Init::say_the_last() {
  constexpr Duration kMost = std::chrono::seconds(10);
  constexpr Duration kUnheard = std::chrono::milliseconds(100);  // how long a signal may wait
  const Time end_of_budget = std::min(supervisor_.end_of_budget(), later(os::now(), kMost)) - kReapingTime;
  const Time until = std::max(end_of_budget, later(os::now(), kReapingTime));
  for (bool waits = true; waits;) {
    const Time next = std::min(until, later(os::now(), kUnheard));
    const bool services_are_done = listener_.finish(next);
    const bool is_said = log_.finish(next) && services_are_done;
    // Before that time there is nothing to wait for.
    waits = !is_said && next < until && os::now() >= next && !is_urged();
  }
}

bool Init::is_urged() {
  const std::vector<core::SignalReceived> received = take_signals();
  return std::any_of(received.begin(), received.end(), [this](const core::SignalReceived& signal) {
    return signal.origin != core::SignalOrigin::Inside && core::use_of(signal, plan_, false) == core::SignalUse::Stop;
  });
}

// An allocation has used up the reserve: what services have said is not worth the end of all of them.
void Init::make_room_in_memory() {
  if (!os::MemoryReserve::was_used() || supervisor_.is_stopping()) return;
  listener_.relay().forget_all();
  if (os::MemoryReserve::keep()) {
    log_.write(
        {config::LogLevel::Warning, "", "memory",
         "there was no memory left for cinit: the last lines of services, which `cinit logs` shows, are dropped"});
    return;
  }
  carry_out(supervisor_.cannot_go_on("no memory is left", os::now()));
  tell_answers();
}

// The process that sends a signal or a request may have seen that a program runs: its start comes first.
void Init::take_in_starts() {
  starts_.look_at_all();
  tell_answers();
}

Time Init::next_deadline() const {
  return std::min({supervisor_.next_deadline(), starts_.next_deadline(), listener_.next_deadline(),
                   discarder_.next_try(), control_.next_deadline(), log_.next_deadline(), look_again_,
                   directories_.next_deadline(), next_look_for_pid_file(), stop_told_at_});
}

// After a second, and then each time after twice as long: a runtime that ends the container soon leaves the culprit in
// the log.
void Init::tell_whom_the_stop_awaits() {
  constexpr Duration kFirst = std::chrono::seconds(1);
  const Time now = os::now();
  if (!supervisor_.is_stopping() || exit_code_ || (stop_began_at_ && now < stop_told_at_)) return;
  if (stop_began_at_) {
    carry_out(core::Announce{core::notice::StillStopping{now - *stop_began_at_, supervisor_.still_stopping()}});
  } else {
    stop_began_at_ = now;
  }
  stop_told_at_ = later(now, std::max(kFirst, now - *stop_began_at_));
}

// Nobody is late for a deadline that came while cinit stood still, and with it everybody else.
void Init::wait() {
  const Time deadline = more_to_reap_ ? Time{} : next_deadline();
  for (const std::uint64_t token : poller_.wait(deadline)) dispatch(token);
  const Time last_awake = std::exchange(awake_, os::now());
  if (deadline == kNever || deadline <= last_awake) return;
  if (awake_ - deadline >= kLate) tell(core::StoodStill{awake_ - last_awake});
}

void Init::dispatch(std::uint64_t token) {
  switch (source_of(token)) {
    case Source::Signals: return;  // take_signals() looks in each turn
    case Source::Outsider: poller_.remove(outsider_.get()); return outsider_.reset();
    case Source::Output: return listener_.hear_output();
    case Source::Notification: return hear_notification(service_of(token));
    case Source::ReadyFd: return listener_.hear_ready_fd(service_of(token));
    case Source::Probe:
      if (auto ended = prober_.go_on(service_of(token))) answers_.push_back(*std::move(ended));
      return;
    case Source::Control: return control_.handle(token);
    case Source::Supervise:
    case Source::Directories:
    case Source::ScanControl: return directories_.hear(token);
    case Source::Start: return starts_.look(static_cast<std::uint32_t>(token));
  }
}

// A program may speak before cinit has read that it runs: then that comes first, or it could not be known whose process
// it names.
void Init::hear_notification(core::ServiceId service) {
  listener_.hear_notifications(service);
  if (children_.of(service).main == 0) take_in_starts();
  take_main_pid(service);
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

// The supervisor's answer is carried out while the zombie still holds its pid, so that a signal to its process group
// cannot reach a stranger.
void Init::child_ended(os::ChildChange change) {
  starts_.child_ended(change.pid);
  tell_answers();  // whether its program ran
  const auto found = children_.find(change.pid);
  leftovers_.forget(change.pid);
  if (!found) discarder_.ended(change.pid);
  if (!found) return os::release(change.pid);
  note_out_of_memory(change.status);
  switch (found->kind) {
    case ChildKind::Main: return main_ended(found->service, change);
    case ChildKind::Task: task_ended(found->service, change); break;
    case ChildKind::Probe: probe_ended(found->service, change); break;
    case ChildKind::Script:
      directories_.script_ended(found->service, change.status);
      tell_answers();
      break;
  }
  os::release(change.pid);
}

// Who has sent SIGKILL is told by nothing but the kernel's own count.
void Init::note_out_of_memory(WaitStatus& status) {
  if (status != WaitStatus::signaled(kKill) || supervisor_.is_stopping()) return;
  const std::optional<os::OomKills> kills = os::read_oom_kills();
  if (!kills || kills->count <= oom_kills_) return;
  oom_kills_ = kills->count;
  status.set_out_of_memory();
  std::string message =
      "the kernel's OOM killer has ended a process: the container has used all the memory that it may";
  if (kills->limit) message += " (" + config::format_size({*kills->limit}) + ")";
  log_.write({config::LogLevel::Error, "", "out-of-memory", message});
}

void Init::probe_ended(core::ServiceId service, const os::ChildChange& change) {
  children_.take_probe(service);
  os::sys::kill(-change.pid, SIGKILL);  // what it has left
  leftovers_.end_probes(service, os::now());
  const bool passed = change.status == WaitStatus::exited(0);
  const char* const subject = change.status.by_signal() ? "the command was " : "the command ";
  tell(core::ProbeEnded{service, passed, subject + to_string(change.status), children_.of(service).probe_number});
}

// What it has said is said before its end is. Others of its group, when they were told to end with it, have had their
// time.
void Init::task_ended(core::ServiceId service, const os::ChildChange& change) {
  if (children_.of(service).task_asked) os::sys::kill(-change.pid, SIGKILL);
  children_.take_task(service);
  directories_.task_ended(service, change.status);
  listener_.drain_command(service, children_.of(service).main != 0);
  tell_what_was_heard();
  tell(core::TaskEnded{service, change.status, children_.of(service).task_number});
}

// What is left of the service belongs to nobody afterwards, unless the answer is to watch its group.
void Init::main_ended(core::ServiceId service, const os::ChildChange& change) {
  listener_.drain(service);
  take_main_pid(service);
  if (hands_over(service)) return os::release(change.pid);
  if (goes_on_in_background(service, change)) return;
  if (is_hook(plan_[service].role)) hook_ended(service, change.status == WaitStatus::exited(0));
  tell_what_was_heard();
  children_.look_at_group(service);
  children_.main_ended(service);
  leftovers_.pass_over(change.pid);
  directories_.main_ended(service, change.status);
  const std::string left = tell_of_leftovers(service, change);
  carry_out(supervisor_.handle(core::Exited{service, change.status, left}, os::now()));
  os::release(change.pid);
  leftovers_.forget(change.pid);
  children_.main_reaped(service, is_watched(service));
  tell_answers();  // one of them may be that nothing is left to wait for, so that its next main process is started
}

// It may have changed the environment, and the services, of which the first is started after the last hook.
void Init::hook_ended(core::ServiceId service, bool succeeded) {
  launcher_.reload_environment();
  if (!supervisor_.starts_services(service, succeeded)) return;
  revise_plan();
  open_directories();
}

void Init::open_directories() {
  if (directories_.are_open()) return;
  for (const Narration& narration : words_->about_begin_of_services()) write(narration);
  directories_.open_all();
}

void Init::rescan() {
  revise_plan();
  tell_answers();
}

// Each table of services has grown before the supervisor is told of the revision. Its answer is carried out before
// anything else is told.
void Init::revise_plan() {
  const auto found = directories_.read();
  if (!found) return;
  std::vector<std::string> names;
  for (const core::PlannedService& service : plan_.services) names.push_back(service.spec.name);
  const core::PlanRevised revised = core::revise(plan_, supervisor_, defaults_, *found);
  children_.grow(plan_.services.size());
  directories_.grow();
  listener_.plan_revised();
  for (const core::ServiceId service : revised.described) {
    const std::size_t place = core::index_of(service);
    if (place < names.size() && names[place] != plan_[service].spec.name) control_.service_gone(service);
    listener_.relay().forget(static_cast<output::Service>(core::index_of(service)));
  }
  carry_out(supervisor_.handle(revised, os::now()));
  directories_.revised(revised);
}

void Init::take_main_pid(core::ServiceId service) {
  const std::optional<pid_t> named = listener_.take_main_pid(service);
  if (!named) return;
  std::optional<core::NamedMains::Process> seen;
  os::Process process;
  if (*named != children_.of(service).main) leftovers_.look(os::now());
  if (population_.processes().read(*named, process) && !process.ended()) {
    seen = {*named, process.start, children_.knows(*named), is_of(service, process)};
  }
  if (named_mains_.name(service, children_.of(service).main, *named, seen)) return;
  Line line;
  line << "MAINPID=" << *named << " is ignored: that is no process of this service";
  log_.write_some("", {config::LogLevel::Warning, display_name(plan_, service), "main-process", line.text()});
}

// Whether the service goes on in the process that it has named before its main process ended. That has to be our child
// by now, or we could not wait for it.
bool Init::hands_over(core::ServiceId service) {
  const auto named = named_mains_.take(service);
  if (!named) return false;
  os::Process process;
  const bool is_there = population_.processes().read(named->pid, process) && !process.ended();
  if (!is_there || process.start != named->start || process.parent != os::sys::getpid()) return false;
  Line line;
  line << "its main process is now " << named->pid << ", in the place of " << children_.of(service).main;
  log_.write_some("", {config::LogLevel::Info, display_name(plan_, service), "main-process", line.text()});
  children_.main_ended(service);
  children_.add_main(service, named->pid, process.group);
  return true;
}

bool Init::is_watched(core::ServiceId service) const {
  return std::find(watched_groups_.begin(), watched_groups_.end(), service) != watched_groups_.end();
}

// Its leader has been reaped, and a pid is not given away while a group of that number is there. So whoever has this
// pid now says that the group is gone.
bool Init::is_empty(core::ServiceId service) const {
  const pid_t group = children_.of(service).group;
  return os::sys::kill(-group, 0) == -ESRCH || os::sys::kill(group, 0) != -ESRCH;
}

// Somebody of a group whose parent is not cinit is reaped by that parent, and nobody tells us: so we look again.
void Init::check_groups() {
  std::vector<core::ServiceId> emptied;
  const bool looked = !watched_groups_.empty() && leftovers_.look(os::now());
  std::erase_if(watched_groups_, [&](core::ServiceId service) {
    if (!is_empty(service) || !has_left_nothing(service, looked)) return false;
    emptied.push_back(service);
    return true;
  });
  for (const core::ServiceId service : emptied) {
    leftovers_.forget_signal(service);
    children_.group_emptied(service);
    tell(core::GroupEmptied{service});
  }
  if (!watched_groups_.empty()) look_again_ = std::min(look_again_, later(os::now(), kLookAgain));
}

// Signals that are about our children are not for the supervisor: reap() finds out what happened to them, since several
// of these signals may have become one.
std::vector<core::SignalReceived> Init::take_signals() {
  std::vector<core::SignalReceived> received;
  signalfd_siginfo infos[16];
  const long size = os::sys::read(signals_.get(), infos, sizeof(infos));
  for (const signalfd_siginfo* info = infos; size > 0 && info < infos + size / static_cast<long>(sizeof(*info));
       ++info) {
    if (info->ssi_signo == SIGCHLD) {
      more_to_reap_ = true;
    } else {
      received.push_back({Signal{static_cast<int>(info->ssi_signo)}, origin_of(*info)});
    }
  }
  return received;
}

// What is outside of our PID namespace has no pid in it. A process of which nothing is known any more is taken for one
// from outside: a user may have asked for this.
core::SignalOrigin Init::origin_of(const signalfd_siginfo& info) const {
  if (info.ssi_code == SI_KERNEL) return core::SignalOrigin::Terminal;
  const auto sender = static_cast<pid_t>(info.ssi_pid);
  const pid_t self = os::sys::getpid();
  if (sender == self) return core::SignalOrigin::Self;
  if (sender == 0) return core::SignalOrigin::Process;
  if (self == 1) return core::SignalOrigin::Inside;
  os::Process process;
  const auto is_self = [self](pid_t pid) { return pid == self; };
  const bool is_ours =
      population_.processes().read(sender, process) && population_.processes().any_ancestor(process, is_self);
  return is_ours ? core::SignalOrigin::Inside : core::SignalOrigin::Process;
}

void Init::check_suspension() {
  const pid_t main = plan_.main_command ? children_.of(*plan_.main_command).main : 0;
  if (main == 0) return;
  const os::ChildChange change = os::take_stop(main);
  if (change.pid != 0) tell(core::MainSuspended{change.status.signal()});
}

void Init::check_deadline() {
  const Time now = os::now();
  if (now >= look_again_) {
    look_again_ = kNever;
    check_groups();
  }
  if (now >= directories_.next_rescan()) rescan();
  if (now >= next_look_for_pid_file()) look_for_pid_files();
  if (now >= listener_.next_deadline()) listener_.hear_output();
  if (now >= supervisor_.next_deadline()) tell(core::DeadlineReached{prober_.progress()});
}

void Init::look_who_is_left() {
  if (!looking_for_nothing_ || outsider_ || more_to_reap_ || exit_code_) return;
  const os::Remaining remaining = population_.remaining(!no_children_);
  switch (remaining.who) {
    case os::Remaining::Who::Nobody: return tell(core::NothingLeft{});
    case os::Remaining::Who::Children: return;
    case os::Remaining::Who::Outsider: return watch(remaining.pid);
    case os::Remaining::Who::Unknown: look_again_ = later(os::now(), kLookAgain);
  }
}

void Init::watch(pid_t pid) {
  outsider_ = os::Fd(os::sys::pidfd_open(pid));
  if (outsider_ && poller_.add(outsider_.get(), token_base(Source::Outsider))) return;
  // It has ended meanwhile, or there is no descriptor for it.
  look_again_ = later(os::now(), outsider_.error() == ESRCH ? Duration::zero() : kLookAgain);
  outsider_.reset();
}

}  // namespace cinit::init
