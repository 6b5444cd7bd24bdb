// What the supervisor wants, as system calls.
#include <unistd.h>

#include <algorithm>

#include "base/exit_code.hpp"
#include "base/line.hpp"
#include "init/init.hpp"
#include "init/termination_log.hpp"
#include "init/tokens.hpp"
#include "os/clock.hpp"

namespace cinit::init {
namespace {

const config::Probe* probe_of(const config::Service& spec, core::StartProbe::Use use) {
  if (use == core::StartProbe::Use::Health) return std::get_if<config::Probe>(&spec.health->check);
  return std::get_if<config::Probe>(&spec.ready->when);
}

}  // namespace

void Init::tell(const core::Event& event) {
  carry_out(supervisor_.handle(event, os::now()));
  tell_answers();
}

void Init::tell_answers() {
  while (!answers_.empty()) {
    const core::Event answer = std::move(answers_.front());
    answers_.pop_front();
    const auto* failed = std::get_if<core::SpawnFailed>(&answer);
    if (failed && !failed->failure.transient && is_hook(plan_[failed->service].role))
      hook_ended(failed->service, false);
    carry_out(supervisor_.handle(answer, os::now()));
  }
}

void Init::tell_what_was_heard() {
  tell_answers();
  for (const core::Event& event : listener_.take_events()) tell(event);
  listener_.pass_barriers();
}

void Init::carry_out(const core::Actions& actions) {
  for (const core::Action& action : actions) {
    std::visit([this](const auto& wanted) { carry_out(wanted); }, action);
  }
}

void Init::carry_out(const core::Spawn& action) {
  heirs_.erase(action.service);
  leaving_.erase(action.service);
  const auto started = launcher_.launch(action.service);
  if (const auto* failure = std::get_if<core::StartFailure>(&started)) {
    return answers_.push_back(core::SpawnFailed{action.service, *failure});
  }
  const pid_t pid = *std::get_if<pid_t>(&started);
  children_.add_main(action.service, pid, pid);
  answers_.push_back(core::Spawned{action.service});
}

void Init::carry_out(const core::SendSignal& action) {
  const bool to_group = action.target == core::SendSignal::Target::Group;
  const config::Service& spec = plan_[action.service].spec;
  if (spec.directory && action.signal == kKill) scripts_.give_up(action.service);
  if (spec.directory && !to_group && action.signal == spec.stop_signal) {
    return deliver_stop(action.service, action.signal.number);
  }
  const ServiceProcesses& processes = children_.of(action.service);
  const pid_t pid = to_group ? -processes.group : processes.main;
  if (pid != 0) os::sys::kill(pid, action.signal.number);
}

void Init::carry_out(const core::RunTask& action) {
  if (scripts_.is_busy(action.service)) {
    held_back_.insert_or_assign(action.service, action);
    return;
  }
  if (is_missing_script(action)) {
    return answers_.push_back(core::TaskEnded{action.service, WaitStatus::exited(0), action.number});
  }
  const ServiceProcesses& processes = children_.of(action.service);
  const auto started = launcher_.launch_task(action, processes.main, processes.group);
  if (const auto* failure = std::get_if<core::StartFailure>(&started)) {
    return answers_.push_back(core::TaskEnded{action.service, *failure, action.number});
  }
  children_.add_task(action.service, *std::get_if<pid_t>(&started), action.number);
}

// The scripts of a service directory are looked for each time they are needed, and need not be there.
bool Init::is_missing_script(const core::RunTask& task) const {
  const config::Service& spec = plan_[task.service].spec;
  if (!spec.directory) return false;
  const bool is_first = task.task == core::Task::PreStart;
  if (!is_first && task.task != core::Task::PostStop) return false;
  const std::string& script = is_first ? spec.pre_start.front().front() : spec.post_stop.front().front();
  return os::sys::faccess((spec.directory->path + "/" + script).c_str(), R_OK) != 0;
}

void Init::carry_out(const core::SignalTask& action) {
  const pid_t pid = children_.of(action.service).task;
  if (pid == 0) return;
  children_.ask_task(action.service);
  os::sys::kill(-pid, action.signal.number);
}

// It is reaped as a stranger.
void Init::carry_out(const core::EndTask& action) {
  held_back_.erase(action.service);
  const pid_t pid = children_.take_task(action.service);
  if (pid != 0) os::sys::kill(-pid, SIGKILL);
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
  const auto started = launcher_.launch_probe(action.service, exec->command, children_.of(action.service).main);
  if (const auto* failure = std::get_if<core::StartFailure>(&started)) {
    return answers_.push_back(
        core::ProbeEnded{action.service, false, failure->detail, action.number, !failure->transient});
  }
  children_.add_probe(action.service, *std::get_if<pid_t>(&started), action.number);
}

void Init::carry_out(const core::EndProbe& action) {
  prober_.end(action.service);
  const pid_t pid = children_.take_probe(action.service);
  if (pid != 0) os::sys::kill(-pid, SIGKILL);
}

void Init::carry_out(const core::WatchGroup& action) {
  watched_groups_.push_back(action.service);
  children_.watch_group(action.service);
}

void Init::look_for_nothing() {
  looking_for_nothing_ = true;
  more_to_reap_ = true;  // to know whether there are children
}

void Init::carry_out(const core::Sweep& action) {
  hurry_scripts();
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
  const Narration own = narrate(action.notice, plan_);
  for (const Narration& narration : words_->about(action.notice, own)) write(narration);
  reason_.take_in(action.notice, own);
  if (const auto* late = std::get_if<core::notice::TimedOut>(&action.notice)) log_last_lines(late->service);
  tell_who_started_us(action.notice);
}

void Init::write(const Narration& narration) {
  const std::string name = narration.service ? display_name(plan_, *narration.service) : "";
  log_.write({narration.level, name, narration.event, narration.message});
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
  return group != 0 && (process.session == group || process.group == group || belongs_to(service, process));
}

bool Init::belongs_to(core::ServiceId service, const os::Process& process) const {
  const pid_t main = children_.of(service).main;
  const auto is_main = [main](pid_t pid) { return main != 0 && pid == main; };
  return is_main(process.pid) || is_main(process.group) || population_.processes().any_ancestor(process, is_main);
}

}  // namespace cinit::init
