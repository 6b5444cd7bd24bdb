#include "simulation/record.hpp"

#include <cstdio>

#include "base/overloaded.hpp"

namespace cinit::core::simulation {
namespace {

std::string to_text(WaitStatus status) {
  return status.by_signal() ? "by " + to_string(status.signal()) : "with code " + std::to_string(status.code());
}

std::string to_text(Pid pid) { return "#" + std::to_string(static_cast<std::uint32_t>(pid)); }

const char* to_text(Kind kind) {
  constexpr const char* kNames[] = {"main process", "background child", "daemon"};
  return kNames[static_cast<std::size_t>(kind)];
}

const char* to_text(Means means) {
  constexpr const char* kNames[] = {"to the main process", "to the group", "by the sweep", "to everything"};
  return kNames[static_cast<std::size_t>(means)];
}

const char* to_text(Task task) {
  constexpr const char* kNames[] = {"pre-start", "post-start", "pre-stop", "stop-command", "post-stop", "undo"};
  return kNames[static_cast<std::size_t>(task)];
}

const char* to_text(Requested::What what) {
  constexpr const char* kNames[] = {"a start", "a stop", "a restart", "one run"};
  return kNames[static_cast<std::size_t>(what)];
}

// Turns entries into words; knows the services' names.
class Writer {
 public:
  explicit Writer(const Plan& plan) : plan_(plan) {}

  std::string text(const What& what) const {
    return std::visit([this](const auto& entry) { return line(entry); }, what);
  }

 private:
  const std::string& name(ServiceId id) const { return plan_[id].spec.name; }

  std::string line(const entry::Booted&) const { return "> boot"; }
  std::string line(const entry::Told& told) const {
    return "> " + std::visit([this](const auto& event) { return words(event); }, told.event);
  }
  std::string line(const entry::Born& born) const {
    return "  " + to_text(born.pid) + " is a " + to_text(born.kind) + " of " + name(born.service);
  }
  std::string line(const entry::Refused& refused) const {
    return "  " + name(refused.service) + " cannot be started: errno " + std::to_string(refused.failure.error);
  }
  std::string line(const entry::Signalled& sent) const {
    return "  " + to_text(sent.pid) + " gets " + to_string(sent.signal) + " " + to_text(sent.means);
  }
  std::string line(const entry::LaunchBegan& launch) const {
    return "  " + name(launch.service) + " is being launched";
  }
  std::string line(const entry::LaunchCancelled& launch) const {
    return "  the launch of " + name(launch.service) + " is cancelled";
  }
  std::string line(const entry::GroupWatched& watched) const {
    return "  the group of " + name(watched.service) + " is watched";
  }
  std::string line(const entry::GroupForgotten& forgotten) const {
    return "  the group of " + name(forgotten.service) + " is forgotten";
  }
  std::string line(const entry::Ended& ended) const {
    return "  " + to_text(ended.pid) + " ends " + to_text(ended.status);
  }
  std::string line(const entry::Reaped& reaped) const { return "  " + to_text(reaped.pid) + " is reaped"; }
  std::string line(const entry::TaskBegan& task) const {
    return "  " + std::string(to_text(task.task)) + " " + std::to_string(task.index) + " of " + name(task.service) +
           " begins, number " + std::to_string(task.number);
  }
  std::string line(const entry::TaskOver& task) const {
    return "  command " + std::to_string(task.number) + " of " + name(task.service) + " ends";
  }
  std::string line(const entry::TaskSignalled& task) const {
    return "  command of " + name(task.service) + " gets " + to_string(task.signal);
  }
  std::string line(const entry::TaskGivenUp& task) const {
    return "  command of " + name(task.service) + " is given up";
  }
  std::string line(const entry::ProbeBegan& probe) const {
    const char* use = probe.use == StartProbe::Use::Ready ? " for readiness" : " for health";
    return "  probe " + std::to_string(probe.number) + " of " + name(probe.service) + use;
  }
  std::string line(const entry::ProbeGivenUp& probe) const {
    return "  probe of " + name(probe.service) + " is given up";
  }
  std::string line(const entry::Swept& swept) const { return swept.repeat ? "  SWEEP AGAIN" : "  SWEEP"; }
  std::string line(const entry::KilledEverything& kill) const {
    return kill.spare_main_command ? "  KILL ALL BUT MAIN" : "  KILL EVERYTHING";
  }
  std::string line(const entry::Said& said) const {
    return "  says: " + std::visit([this](const auto& notice) { return words(notice); }, said.notice);
  }
  std::string line(const entry::Left& left) const {
    return std::string("  LEAVES with code ") + std::to_string(left.code) +
           (left.abandoned ? ", something is left" : "");
  }

  std::string words(const Spawned& event) const { return name(event.service) + " runs"; }
  std::string words(const SpawnFailed& event) const { return name(event.service) + " could not be started"; }
  std::string words(const Exited& event) const { return name(event.service) + " exited " + to_text(event.status); }
  std::string words(const Forked& event) const { return name(event.service) + " has gone into the background"; }
  std::string words(const GroupEmptied& event) const { return "group of " + name(event.service) + " is empty"; }
  std::string words(const MainSuspended&) const { return "the main command is suspended"; }
  std::string words(const SignalReceived& event) const { return "got " + to_string(event.signal); }
  std::string words(const DeadlineReached&) const { return "deadline"; }
  std::string words(const NothingLeft&) const { return "nothing is left"; }
  std::string words(const TaskEnded& event) const {
    return "command of " + name(event.service) + (event.succeeded() ? " succeeded" : " failed");
  }
  std::string words(const ProbeEnded& event) const {
    return "probe of " + name(event.service) + (event.passed ? " passed" : " failed");
  }
  std::string words(const ToldReady& event) const { return name(event.service) + " tells that it is ready"; }
  std::string words(const Notified& event) const { return name(event.service) + " notifies"; }
  std::string words(const Requested& event) const {
    return to_text(event.what) + (" of " + name(event.service)) + " is asked for";
  }
  std::string words(const PlanRevised&) const { return "service directories have changed"; }
  std::string words(const StoodStill& event) const { return "stood still for " + simulation::to_text(event.span); }

  std::string words(const notice::Entered& notice) const { return "ENTERED " + name(notice.service); }
  std::string words(const notice::StartPostponed& notice) const {
    return name(notice.service) + " is tried again in " + simulation::to_text(notice.delay);
  }
  std::string words(const notice::RequirementFailed& notice) const {
    return name(notice.service) + " is not started: " + name(notice.required) + " failed";
  }
  std::string words(const notice::WentIntoBackground& notice) const {
    return name(notice.service) + " HAS LEFT " + notice.processes + (notice.for_good ? ", for good" : "");
  }
  std::string words(const notice::StartLimitHit& notice) const { return name(notice.service) + " hit its start limit"; }
  std::string words(const notice::GivenUp& notice) const { return name(notice.service) + " is given up"; }
  std::string words(const notice::Undying& notice) const { return name(notice.service) + " does not end"; }
  std::string words(const notice::Stopping& notice) const { return name(notice.service) + " is stopped"; }
  std::string words(const notice::Killing& notice) const { return name(notice.service) + " is killed"; }
  std::string words(const notice::ShutdownBegun& notice) const {
    constexpr const char* kCauses[] = {"a stop signal",
                                       "a command",
                                       "the main command ended",
                                       "a hook failed",
                                       "the boot took too long",
                                       "a service ended",
                                       "a service is unhealthy",
                                       "all ended",
                                       "a bug"};
    return std::string("STOP BEGINS: ") + kCauses[static_cast<std::size_t>(notice.cause)] +
           (notice.service ? " (" + name(*notice.service) + ")" : "");
  }
  std::string words(const notice::Escalated& notice) const { return "escalation: " + to_string(notice.sent); }
  std::string words(const notice::BudgetSpent&) const { return "the budget is spent"; }
  std::string words(const notice::StillStopping&) const { return "the stop takes long"; }
  std::string words(const notice::InvariantBroken& notice) const { return "BROKEN: " + notice.what; }
  std::string words(const notice::Ready& notice) const { return name(notice.service) + " is ready"; }
  std::string words(const notice::Starting& notice) const { return name(notice.service) + " is started"; }
  std::string words(const notice::SweepOver&) const { return "the sweep is over"; }
  std::string words(const notice::SweepBegun&) const { return "the sweep begins"; }
  std::string words(const notice::Started& notice) const { return name(notice.service) + " started"; }
  std::string words(const notice::Exited& notice) const {
    const std::string then = notice.restart ? ", restarts in " + simulation::to_text(notice.restart->delay) : "";
    return name(notice.service) + " exited" + then;
  }
  std::string words(const notice::StartFailed& notice) const { return name(notice.service) + " failed to start"; }
  std::string words(const notice::Done& notice) const { return name(notice.service) + " is done"; }
  std::string words(const notice::TimedOut& notice) const {
    return name(notice.service) + " is not ready after " + simulation::to_text(notice.waited);
  }
  std::string words(const notice::TaskFailed& notice) const {
    return to_text(notice.task) + (" of " + name(notice.service)) + " failed";
  }
  std::string words(const notice::TaskTimedOut& notice) const {
    return to_text(notice.task) + (" of " + name(notice.service)) + " takes too long";
  }
  std::string words(const notice::Restarting& notice) const {
    return name(notice.service) + " failed to start, restarts in " + simulation::to_text(notice.restart.delay);
  }
  std::string words(const notice::HealthCheckFailed& notice) const {
    return name(notice.service) + " failed its health check " + std::to_string(notice.failures);
  }
  std::string words(const notice::Healthy& notice) const { return name(notice.service) + " is healthy"; }
  std::string words(const notice::Unhealthy& notice) const { return name(notice.service) + " is unhealthy"; }
  std::string words(const notice::WatchdogExpired& notice) const { return "watchdog of " + name(notice.service); }
  std::string words(const notice::Requested& notice) const {
    return to_text(notice.what) + (" of " + name(notice.service)) + " was asked for";
  }
  std::string words(const notice::NameTaken& notice) const {
    return notice.path + " has the name of " + name(notice.service);
  }
  std::string words(const notice::SignalHandedOn& n) const { return name(n.service) + " is handed a signal"; }
  std::string words(const notice::WaitedTooLong& n) const { return name(n.service) + " is not up in time"; }
  std::string words(const notice::BootFinished&) const { return "the boot is finished"; }
  std::string words(const notice::Failed& notice) const { return name(notice.service) + " has failed"; }
  std::string words(const notice::ReloadRefused&) const { return "there is no reload"; }
  std::string words(const notice::Stopped& notice) const { return name(notice.service) + " has stopped"; }
  std::string words(const notice::MainSuspended&) const { return "the main command is suspended"; }
  std::string words(const notice::SignalIgnored& notice) const { return to_string(notice.signal) + " is ignored"; }

  const Plan& plan_;
};

std::string list(const Plan& plan, const std::vector<ServiceId>& ids) {
  std::string text;
  for (const ServiceId id : ids) text += " " + plan[id].spec.name;
  return text;
}

std::string keys(const Plan& plan, const PlannedService& planned) {
  constexpr const char* kRestart[] = {"no", "on-failure", "always"};
  constexpr const char* kAction[] = {"ignore", "shutdown"};
  constexpr const char* kKill[] = {"mixed", "group", "process"};
  const config::Service& spec = planned.spec;
  std::string text = spec.name;
  if (planned.role == Role::MainCommand) text += " (main command)";
  if (planned.start_timeout) text += " at most " + simulation::to_text(*planned.start_timeout);
  if (spec.type == config::ServiceType::Oneshot) text += " oneshot";
  if (!planned.wanted_at_boot) text += " unwanted";
  text += ": tier " + std::to_string(planned.stop_tier) + ", waits for" + list(plan, planned.waits_for) + ", requires" +
          list(plan, planned.required);
  text += std::string(", restart ") + kRestart[static_cast<std::size_t>(spec.restart)] + " after " +
          simulation::to_text(spec.restart_delay) + " to " + simulation::to_text(spec.restart_max_delay);
  text += ", limit " + std::to_string(spec.start_limit_burst) + " in " + simulation::to_text(spec.start_limit_interval);
  text += std::string(", on-success ") + kAction[static_cast<std::size_t>(spec.on_success)] + ", on-failure " +
          kAction[static_cast<std::size_t>(spec.on_failure)];
  text +=
      std::string(", kill ") + kKill[static_cast<std::size_t>(spec.kill_mode)] + " with " + to_string(spec.stop_signal);
  constexpr const char* kReady[] = {"notify", "fd", "log", "delay", "probe"};
  if (spec.ready) text += std::string(", ready by ") + kReady[spec.ready->when.index()];
  if (spec.health) {
    constexpr const char* kHealthAction[] = {"restart", "shutdown", "ignore"};
    const auto* watchdog = std::get_if<config::Watchdog>(&spec.health->check);
    text += std::string(", health -> ") + kHealthAction[static_cast<std::size_t>(spec.health->action)] +
            (watchdog ? " by watchdog " + simulation::to_text(watchdog->within)
                      : " every " + simulation::to_text(spec.health->interval) + " for " +
                            simulation::to_text(spec.health->timeout) + " x" + std::to_string(spec.health->retries));
    text += " after " + simulation::to_text(spec.health->start_period);
  }
  const std::size_t counts[] = {spec.pre_start.size(), spec.post_start.size(), spec.pre_stop.size(),
                                spec.stop_command ? 1U : 0U, spec.post_stop.size()};
  text += ", commands";
  for (const std::size_t count : counts) text += " " + std::to_string(count);
  if (spec.stop_timeout) text += " and SIGKILL after " + simulation::to_text(*spec.stop_timeout);
  return text + "\n";
}

}  // namespace

std::string to_text(Duration span) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f s", std::chrono::duration<double>(span).count());
  return text;
}

std::string to_text(const Plan& plan) {
  std::string text = "budget " + to_text(plan.stop.total) + (plan.stop.chosen ? ", chosen" : "") + "\n";
  if (plan.exit_code_from) text += "exit code from " + plan[*plan.exit_code_from].spec.name + "\n";
  for (const PlannedService& planned : plan.services) text += keys(plan, planned);
  return text;
}

std::string to_text(const Record& record, const Plan& plan, Time start) {
  const Writer writer(plan);
  std::string text;
  for (std::size_t i = 0; i < record.size(); ++i) {
    char prefix[48];
    std::snprintf(prefix, sizeof prefix, "%4zu %10s  ", i, to_text(record[i].at - start).c_str());
    text += prefix + writer.text(record[i].what) + "\n";
  }
  return text;
}

}  // namespace cinit::core::simulation
