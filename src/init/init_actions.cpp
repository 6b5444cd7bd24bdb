// What the supervisor wants, as system calls.
#include <errno.h>
#include <unistd.h>

#include <algorithm>

#include "base/exit_code.hpp"
#include "base/line.hpp"
#include "base/overloaded.hpp"
#include "init/init.hpp"
#include "init/poll_sources.hpp"
#include "init/termination_log.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"

namespace cinit::init {
namespace {

const config::Probe* probe_of(const config::Service& spec, core::StartProbe::Use use) {
  if (use == core::StartProbe::Use::Health) return std::get_if<config::Probe>(&spec.health->check);
  return std::get_if<config::Probe>(&spec.ready->when);
}

// Whether others can make it happen as often as they like: with signals, by what they ask for, or by what they say.
bool can_be_repeated(const core::Notice& notice) {
  namespace n = core::notice;
  return match(Overloaded{
                   [](const OneOf<n::SignalIgnored, n::SignalHandedOn, n::ReloadRefused, n::MainSuspended, n::Requested,
                                  n::Escalated, n::WatchdogExpired, n::Unhealthy, n::Healthy> auto&) { return true; },
                   [](const auto&) { return false; },
               },
               notice);
}

}  // namespace

void Init::tell(const core::Event& event) {
  carry_out(supervisor_.handle(event, os::now()));
  tell_answers();
}

void Init::tell_answers() {
  for (take_start_results(); !answers_.empty(); take_start_results()) {
    const core::Event answer = std::move(answers_.front());
    answers_.pop_front();
    if (const auto* started = std::get_if<core::Spawned>(&answer)) {
      const pid_t pid = children_.take_starting(started->service);
      children_.add_main(started->service, pid, pid);
    }
    const auto* failed = std::get_if<core::SpawnFailed>(&answer);
    if (failed && !failed->failure.transient && is_hook(plan_[failed->service].role))
      hook_ended(failed->service, false);
    carry_out(supervisor_.handle(answer, os::now()));
  }
}

void Init::take_start_results() {
  while (const auto result = starts_.take_result()) {
    if (result->purpose.kind == ChildKind::Main) {
      main_started(*result);
    } else if (result->failure) {
      command_not_started(*result);
    }
  }
}

void Init::main_started(const Starts::Result& result) {
  const core::ServiceId service = result.purpose.service;
  listener_.spawned(service);
  if (!result.failure && plan_.is_main(service)) launcher_.main_command_started();
  if (!result.failure) return answers_.push_back(core::Spawned{service});
  children_.take_starting(service);
  answers_.push_back(core::SpawnFailed{service, *result.failure});
}

// One that is not among the children any more was given up meanwhile.
void Init::command_not_started(const Starts::Result& result) {
  const core::ServiceId service = result.purpose.service;
  const ServiceProcesses& processes = children_.of(service);
  const core::StartFailure& failure = *result.failure;
  switch (result.purpose.kind) {
    case ChildKind::Main: return;
    case ChildKind::Task:
      if (processes.task == result.pid) children_.take_task(service);
      return answers_.push_back(core::TaskEnded{service, failure, result.purpose.number});
    case ChildKind::Probe:
      if (processes.probe == result.pid) children_.take_probe(service);
      return answers_.push_back(
          core::ProbeEnded{service, false, failure.detail, result.purpose.number, !failure.transient});
    case ChildKind::Script:
      if (processes.script != result.pid) return;
      return directories_.script_failed(service);
  }
}

void Init::tell_what_was_heard() {
  tell_answers();
  for (const core::Event& event : listener_.take_events()) tell(event);
  listener_.pass_barriers();
}

void Init::carry_out(const core::Actions& actions) {
  for (const core::Action& action : actions) {
    match([this](const auto& wanted) { carry_out(wanted); }, action);
  }
}

void Init::carry_out(const core::Spawn& action) {
  named_mains_.forget(action.service);
  directories_.starting(action.service);
  leftovers_.forget_signal(action.service);
  pid_files_.erase(action.service);
  starts_.begin({action.service, ChildKind::Main}, [this, service = action.service](Launcher::Files files) {
    return launcher_.prepare(service, std::move(files));
  });
}

// Its child is reaped as a stranger.
void Init::carry_out(const core::CancelSpawn& action) {
  starts_.give_up_main(action.service);
  std::erase_if(answers_, [&](const core::Event& answer) {
    const auto* started = std::get_if<core::Spawned>(&answer);
    const auto* failed = std::get_if<core::SpawnFailed>(&answer);
    return (started && started->service == action.service) || (failed && failed->service == action.service);
  });
  const pid_t pid = children_.take_starting(action.service);
  if (pid != 0) signal_group(pid, SIGKILL);
}

void Init::carry_out(const core::SendSignal& action) {
  if (directories_.deliver(action)) return;
  const bool to_group = action.target == core::SendSignal::Target::Group;
  if (to_group) children_.look_at_group(action.service);
  const ServiceProcesses& processes = children_.of(action.service);
  const pid_t pid = to_group ? -processes.group : processes.main;
  if (pid != 0) os::sys::kill(pid, action.signal.number);
  if (to_group || processes.is_one_of_many) signal_leftovers(action.service, action.signal);
}

void Init::carry_out(const core::RunTask& action) {
  if (directories_.holds_back(action)) return;
  if (directories_.is_missing_script(action)) {
    return answers_.push_back(core::TaskEnded{action.service, WaitStatus::exited(0), action.number});
  }
  starts_.begin({action.service, ChildKind::Task, action.number}, [this, action](Launcher::Files files) {
    const ServiceProcesses& processes = children_.of(action.service);
    return launcher_.prepare_task(action, processes.main, processes.group, std::move(files));
  });
}

void Init::carry_out(const core::SignalTask& action) {
  const pid_t pid = children_.of(action.service).task;
  if (pid != 0) {
    children_.ask_task(action.service);
    return signal_group(pid, action.signal.number);
  }
  // It is not even begun.
  if (action.signal != kTerminate) return;
  const auto withdrawn = starts_.withdraw(action.service, ChildKind::Task);
  if (!withdrawn) return;
  answers_.push_back(core::TaskEnded{action.service, WaitStatus::signaled(action.signal), withdrawn->number});
}

// It is reaped as a stranger.
void Init::carry_out(const core::EndTask& action) {
  directories_.forget_held_back(action.service);
  starts_.withdraw(action.service, ChildKind::Task);
  const pid_t pid = children_.take_task(action.service);
  if (pid != 0) signal_group(pid, SIGKILL);
}

void Init::carry_out(const core::StartProbe& action) {
  const config::Probe* const wanted = probe_of(plan_[action.service].spec, action.use);
  if (wanted == nullptr) return;  // the supervisor asks for none that is not configured
  const config::Probe& probe = *wanted;
  const auto* exec = std::get_if<config::ExecProbe>(&probe);
  if (exec == nullptr) {
    if (auto ended = prober_.start(action, probe)) answers_.push_back(*std::move(ended));
    return;
  }
  // The plan may change before its turn comes.
  starts_.begin({action.service, ChildKind::Probe, action.number},
                [this, service = action.service, command = exec->command](Launcher::Files files) {
                  return launcher_.prepare_probe(service, command, children_.of(service).main, std::move(files));
                });
}

void Init::carry_out(const core::EndProbe& action) {
  prober_.end(action.service);
  starts_.withdraw(action.service, ChildKind::Probe);
  const pid_t pid = children_.take_probe(action.service);
  if (pid != 0) signal_group(pid, SIGKILL);
}

void Init::carry_out(const core::WatchGroup& action) {
  watched_groups_.push_back(action.service);
  children_.watch_group(action.service);
}

void Init::carry_out(const core::ForgetGroup& action) {
  std::erase(watched_groups_, action.service);
  leftovers_.forget_signal(action.service);
  children_.group_emptied(action.service);
}

void Init::look_for_nothing() {
  looking_for_nothing_ = true;
  more_to_reap_ = true;  // to know whether there are children
}

void Init::carry_out(const core::Sweep& action) {
  directories_.hurry_scripts();
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
  if (const auto* requested = std::get_if<core::notice::Requested>(&action.notice))
    directories_.mark(requested->service);
  if (const auto* entered = std::get_if<core::notice::Entered>(&action.notice))
    return directories_.mark(entered->service);
  const core::Notice notice = as_it_was(action.notice);
  const Narration own = narrate(notice, plan_);
  const bool is_repeatable = can_be_repeated(notice);
  for (const Narration& narration : words_->about(notice, own)) write(narration, is_repeatable);
  reason_.take_in(notice, own);
  if (const auto* late = std::get_if<core::notice::TimedOut>(&action.notice)) log_last_lines(late->service);
  if (const auto* undying = std::get_if<core::notice::Undying>(&action.notice)) name_undying(undying->service);
  tell_who_started_us(action.notice);
}

// A script in control/ may have stood in for the stop signal, which was not sent then.
core::Notice Init::as_it_was(core::Notice notice) const {
  auto* const killing = std::get_if<core::notice::Killing>(&notice);
  if (!killing || !killing->main_process || !directories_.replaces_stop_signal(killing->service)) return notice;
  killing->signal.reset();
  return notice;
}

// What is about a service may have numbers in it that the service has chosen, so that no line is like another.
void Init::write(const Narration& narration, bool is_repeatable) {
  const std::string name = narration.service ? display_name(plan_, *narration.service) : "";
  std::string fields = narration.fields;
  if (narration.service) {
    const pid_t pid = children_.of(*narration.service).group;
    if (pid > 0) fields += ",\"pid\":" + std::to_string(pid);
  }
  const log::Entry entry{narration.level, name, narration.event, narration.message, fields};
  if (!is_repeatable) return log_.write(entry);
  log_.write_some(narration.service ? "" : narration.message, entry);
}

// What it said itself is most likely the reason why it did not get ready.
void Init::log_last_lines(core::ServiceId service) {
  constexpr std::size_t kMost = 10;
  const auto number = static_cast<output::Service>(core::index_of(service));
  for (const std::string& line : listener_.relay().last_lines(number, kMost)) {
    log_.write({config::LogLevel::Error, display_name(plan_, service), "output", "its last output: " + line});
  }
}

// A main command speaks for itself: it has the variable.
void Init::tell_who_started_us(const core::Notice& notice) {
  if (plan_.main_command) return;
  if (std::holds_alternative<core::notice::BootFinished>(notice)) listener_.tell_who_started_us("READY=1");
  if (std::holds_alternative<core::notice::ShutdownBegun>(notice)) listener_.tell_who_started_us("STOPPING=1");
}

void Init::carry_out(const core::Exit& action) {
  exit_code_ = action.code;
  if (action.code != exit_code::kOk && !reason_.text().empty()) write_termination_log(reason_.text());
  if (action.abandoned) report_processes("abandoned", " is still there after SIGKILL", true);
}

// What is left of the service after SIGKILL, and whether we may kill it at all.
void Init::name_undying(core::ServiceId service) {
  population_.for_each([&](const os::Process& process) {
    if (process.group != children_.of(service).group && !leftovers_.owns(service, process.pid)) return true;
    Line line;
    line << "process " << process.pid << " (" << process.name << "), state " << os::describe_state(process.state);
    if (os::sys::kill(process.pid, 0) == -EPERM) {
      line << ", may not be killed by cinit, which runs as uid " << static_cast<std::int64_t>(geteuid())
           << ": the process has another user (a set-user-id program?)";
    }
    log_.write({config::LogLevel::Warning, display_name(plan_, service), "undying", line.text()});
    return true;
  });
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
  const auto is_ours = [this](pid_t pid) { return children_.knows(pid); };
  return is_ours(process.pid) || is_ours(process.group) || is_ours(process.session) ||
         population_.processes().any_ancestor(process, is_ours);
}

// In its session or process group, or a descendant.
bool Init::is_of(core::ServiceId service, const os::Process& process) const {
  const pid_t group = children_.of(service).group;
  return (group != 0 && (process.session == group || process.group == group || belongs_to(service, process))) ||
         leftovers_.owns(service, process.pid);
}

bool Init::belongs_to(core::ServiceId service, const os::Process& process) const {
  const pid_t main = children_.of(service).main;
  const auto is_main = [main](pid_t pid) { return main != 0 && pid == main; };
  return is_main(process.pid) || is_main(process.group) || population_.processes().any_ancestor(process, is_main);
}

}  // namespace cinit::init
