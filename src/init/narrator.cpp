#include "init/narrator.hpp"

#include "base/json.hpp"
#include "base/line.hpp"
#include "base/overloaded.hpp"
#include "config/quote.hpp"

namespace cinit::init {
namespace {

using config::LogLevel;
using core::ServiceId;
namespace notice = core::notice;

template <class... Parts>
std::string join(const Parts&... parts) {
  Line line;
  (line << ... << parts);
  return std::string(line.text());
}

std::string describe(const notice::Restart& restart) {
  if (restart.delay == Duration::zero()) return "restarting";
  if (restart.burst == 0) return join("restarting in ", restart.delay);
  return join("restarting in ", restart.delay, " (", std::int64_t{restart.start}, " of ", std::int64_t{restart.burst},
              ")");
}

std::string describe(const std::variant<WaitStatus, core::StartFailure>& result) {
  if (const auto* failure = std::get_if<core::StartFailure>(&result)) return failure->detail;
  return to_string(*std::get_if<WaitStatus>(&result));
}

const char* name_of(core::Task task) {
  switch (task) {
    case core::Task::PreStart: return "pre-start";
    case core::Task::PostStart: return "post-start";
    case core::Task::PreStop: return "pre-stop";
    case core::Task::StopCommand: return "stop-command";
    case core::Task::Down: return "down command";
    case core::Task::PostStop: break;
  }
  return "post-stop";
}

const char* name_of(core::Requested::What what) {
  switch (what) {
    case core::Requested::What::Start: return "start";
    case core::Requested::What::Stop: return "stop";
    case core::Requested::What::Restart: return "restart";
    case core::Requested::What::Once: break;
  }
  return "start without a restart";
}

std::string describe(const config::Location& where) {
  return where.line == 0 ? where.file : join(where.file, ":", std::int64_t{where.line});
}

// What a service has not done that is not ready, when there is no probe that says it.
std::string what_is_missing(const config::Service& spec) {
  if (!spec.ready) return "";
  return match(Overloaded{
                   [](const config::NotifyReady&) -> std::string { return "it did not say READY=1"; },
                   [](const config::FdReady& by) { return join("no newline came on its descriptor ", by.fd); },
                   [](const config::LogReady& by) { return "its output did not have \"" + by.text + "\""; },
                   [](const config::DelayReady& by) { return join("it is to run for ", by.delay); },
                   [](const config::Probe&) -> std::string { return "its first probe has not come to an end"; },
               },
               spec.ready->when);
}

std::string name_of(const core::Plan& plan, ServiceId id) { return plan[id].spec.name; }

// Members of a JSON object about what has happened, each with a comma in front.
class Fields {
 public:
  Fields& add(const char* name, std::int64_t number) {
    text_.append(",\"").append(name).append("\":").append(std::to_string(number));
    return *this;
  }
  Fields& add(const char* name, std::string_view text) {
    text_.append(",\"").append(name).append("\":");
    append_json_string(text_, text);
    return *this;
  }
  // In seconds: 1.234.
  Fields& add(const char* name, Duration span) {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
    const std::string fraction = std::to_string(1000 + milliseconds % 1000);
    add(name, milliseconds / 1000);
    text_.append(".").append(fraction, 1);
    return *this;
  }
  Fields& add(WaitStatus status) {
    if (!status.by_signal()) return add("code", std::int64_t{status.code()});
    return add("signal", to_string(status.signal()));
  }
  Fields& add(const std::optional<notice::Restart>& restart) {
    return restart ? add("attempt", std::int64_t{restart->start}).add("delay", restart->delay) : *this;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

Narration with(Narration narration, Fields fields) {
  narration.fields = fields.take();
  return narration;
}

class Narrator {
 public:
  explicit Narrator(const core::Plan& plan) : plan_(plan) {}

  // Not for the log: what it comes from is.
  Narration operator()(const notice::Entered& n) const { return about(n.service, "state", "", LogLevel::Debug); }
  Narration operator()(const notice::Starting& n) const {
    return about(n.service, "starting", "starting", LogLevel::Debug);
  }
  Narration operator()(const notice::Started& n) const { return about(n.service, "started", "started"); }
  Narration operator()(const notice::Ready& n) const {
    return with(about(n.service, "ready", join("ready after ", n.after)), Fields().add("duration", n.after));
  }
  Narration operator()(const notice::Exited& n) const {
    const LogLevel level = n.expected ? LogLevel::Info : LogLevel::Warning;
    // One that was asked to end has ended; SIGKILL asks nothing.
    const bool is_killed = n.status.by_signal() && (!n.expected || n.status.signal() == kKill);
    const bool is_asked = n.status.by_signal() && !is_killed;
    const std::string how = is_asked ? "ended by " + to_string(n.status.signal()) : to_string(n.status);
    std::string text = join(how, n.before_ready ? " before it was ready, after " : " after ", n.ran);
    Narration narration = about(n.service, is_killed ? "killed" : "exited", std::move(text), level);
    if (n.restart) narration.message += ", " + describe(*n.restart);
    return with(std::move(narration), Fields().add(n.status).add("duration", n.ran).add(n.restart));
  }
  Narration operator()(const notice::StartPostponed& n) const {
    return about(n.service, "restarting", join(n.failure.detail, "; trying again in ", n.delay), LogLevel::Warning);
  }
  Narration operator()(const notice::StartFailed& n) const { return failure(n.service, n.failure.detail); }
  Narration operator()(const notice::WentIntoBackground& n) const {
    const std::string what = "ended, and left " + n.processes +
                             " running in the background: start it in the foreground, or set type = \"forking\"";
    if (n.for_good) return failure(n.service, what);
    return about(n.service, "background", what, LogLevel::Warning);
  }
  Narration operator()(const notice::RequirementFailed& n) const {
    return failure(n.service,
                   join("not started, because it requires ", name_of(plan_, n.required), ", which has failed"));
  }
  Narration operator()(const notice::StartLimitHit& n) const {
    return failure(n.service, join("started ", std::int64_t{n.burst}, " times within ", n.interval,
                                   ", giving up (start-limit-burst, start-limit-interval)"));
  }
  Narration operator()(const notice::Done& n) const { return about(n.service, "done", "done"); }
  Narration operator()(const notice::TimedOut& n) const {
    const config::Service& spec = plan_[n.service].spec;
    const bool finishes = spec.type == config::ServiceType::Oneshot;
    std::string text = join(finishes ? "has not finished within " : "is not ready after ", n.waited);
    const std::string why = finishes || !n.detail.empty() ? n.detail : what_is_missing(spec);
    if (!why.empty()) text += ": " + why;
    return with(about(n.service, "timeout", std::move(text), LogLevel::Error), Fields().add("duration", n.waited));
  }
  Narration operator()(const notice::Restarting& n) const {
    Narration narration = about(n.service, "restarting", "the start failed, " + describe(n.restart), LogLevel::Warning);
    narration.reason.clear();  // what made it fail has been told
    return narration;
  }
  Narration operator()(const notice::TaskFailed& n) const {
    const auto number = static_cast<std::int64_t>(n.index) + 1;
    const bool is_one_of_many = n.task != core::Task::StopCommand && n.task != core::Task::Down;
    const std::string which = is_one_of_many ? join(name_of(n.task), " command ", number) : name_of(n.task);
    return about(n.service, "command-failed", which + " failed: " + describe(n.result), LogLevel::Warning);
  }
  Narration operator()(const notice::TaskTimedOut& n) const {
    const bool by_input = n.task == core::Task::PreStop && plan_[n.service].spec.pre_stop.empty();
    if (by_input) {
      return about(n.service, "timeout", join("has not ended ", n.waited, " after the end of its input"),
                   LogLevel::Warning);
    }
    return about(n.service, "timeout", join(name_of(n.task), " has not finished within ", n.waited), LogLevel::Warning);
  }
  Narration operator()(const notice::HealthCheckFailed& n) const {
    const std::string counted = n.failures == 0
                                    ? "; in its start-period, so it does not count"
                                    : join(" (", std::int64_t{n.failures}, " of ", std::int64_t{n.retries}, ")");
    return with(
        about(n.service, "health-check-failed", "health check failed: " + n.detail + counted, LogLevel::Warning),
        Fields().add("attempt", std::int64_t{n.failures}));
  }
  Narration operator()(const notice::Healthy& n) const { return about(n.service, "healthy", "healthy again"); }
  Narration operator()(const notice::Unhealthy& n) const {
    const char* what = n.action == config::HealthAction::Restart    ? "unhealthy; it is stopped to be started again"
                       : n.action == config::HealthAction::Shutdown ? "unhealthy; everything is stopped"
                                                                    : "unhealthy";
    return about(n.service, "unhealthy", what, LogLevel::Error);
  }
  Narration operator()(const notice::WatchdogExpired& n) const {
    if (!n.within)
      return about(n.service, "watchdog", "says that it is not well (WATCHDOG=trigger)", LogLevel::Warning);
    return about(n.service, "watchdog", join("did not say WATCHDOG=1 within ", *n.within), LogLevel::Warning);
  }
  Narration operator()(const notice::Requested& n) const {
    return about(n.service, "requested", join(name_of(n.what), " requested"));
  }
  Narration operator()(const notice::NameTaken& n) const {
    const config::Service& holder = plan_[n.service].spec;
    std::string text = n.path + ": there is a service " + config::quote(holder.name) + " in " + describe(holder.where) +
                       " already: give the directory another name";
    if (n.goes_on) text += "; until then its service goes on as " + config::quote(name_of(plan_, *n.goes_on));
    return about_all("supervise", std::move(text), LogLevel::Warning);
  }
  Narration operator()(const notice::BootFinished& n) const {
    return with(about_all("ready", join("every service is ready after ", n.after)), Fields().add("duration", n.after));
  }
  Narration operator()(const notice::Failed& n) const {
    switch (plan_[n.service].role) {
      case core::Role::BootHook: {
        if (plan_[n.service].on_hook_failure == core::HookFailure::EndsBoot) {
          return failure(n.service, "the boot ends here");
        }
        return about(n.service, "failed", "failed; the boot goes on", LogLevel::Error);
      }
      case core::Role::StopHook: return about(n.service, "failed", "failed; the stop goes on", LogLevel::Error);
      case core::Role::Service:
      case core::Role::MainCommand: break;
    }
    return failure(n.service, "restart is \"no\"");
  }
  Narration operator()(const notice::GivenUp& n) const {
    return failure(n.service, "its finish script exited with 125, so it is not started again");
  }
  Narration operator()(const notice::Stopping& n) const {
    using Stopping = notice::Stopping;
    const std::string how =
        match(Overloaded{
                  [](Signal signal) { return "sending " + to_string(signal); },
                  [](Stopping::ByCommand) -> std::string { return "running its stop-command"; },
                  [](Stopping::ByDownCommand) -> std::string { return "running its down command"; },
                  [](Stopping::ByInput) -> std::string { return "it has got all that it was to read"; },
              },
              n.how);
    return about(n.service, "stopping", "stopping: " + how);
  }
  Narration operator()(const notice::Stopped& n) const { return about(n.service, "stopped", "stopped"); }
  Narration operator()(const notice::Killing& n) const {
    const char* who = n.main_process ? "still running " : "processes that it started are still there ";
    const std::string what = n.signal ? to_string(*n.signal) : "it was asked to stop";
    return about(n.service, "killing", join(who, n.waited, " after ", what, "; sending SIGKILL"), LogLevel::Warning);
  }
  Narration operator()(const notice::Undying& n) const {
    const char* what =
        n.main_process ? "its main process is still there " : "processes that it started are still there ";
    const char* then = n.main_process ? " after SIGKILL" : " after SIGTERM, SIGKILL included; going on without them";
    return about(n.service, "undying", join(what, n.waited, then), LogLevel::Warning);
  }
  Narration operator()(const notice::MainSuspended& n) const {
    return about(*plan_.main_command, "suspended",
                 join("suspended by ", to_string(n.signal), "; it goes on when it gets SIGCONT"));
  }
  Narration operator()(const notice::SignalIgnored& n) const {
    return about_all("ignored",
                     join(to_string(n.signal),
                          " is ignored: it is not in [cinit] stop-signals. If it is the STOPSIGNAL of the image, "
                          "name it there, or set STOPSIGNAL SIGTERM; [cinit] signals hands it on to a service"));
  }
  Narration operator()(const notice::SignalHandedOn& n) const {
    if (!n.has_process) {
      return about(n.service, "signal", join(to_string(n.signal), " is not handed on: it has no process now"),
                   LogLevel::Warning);
    }
    const std::string as = n.sent == n.signal ? "" : " as " + to_string(n.sent);
    return about(n.service, "signal", join(to_string(n.signal), " is handed on", as));
  }
  Narration operator()(const notice::ReloadRefused&) const {
    return about_all(
        "ignored",
        "SIGHUP is ignored: a reload is not supported yet; [cinit] signals = { SIGHUP = \"NAME\" } hands it on to a "
        "service, as `cinit signal HUP NAME` does once");
  }
  Narration operator()(const notice::ShutdownBegun& n) const {
    Fields fields;
    if (n.signal) fields.add("signal", to_string(*n.signal));
    return with(about_all("stopping", join("stopping: ", why(n))), std::move(fields));
  }
  Narration operator()(const notice::SweepBegun&) const {
    return about_all("stopping", "sending SIGTERM to every other process", LogLevel::Debug);
  }
  Narration operator()(const notice::SweepOver&) const {
    return about_all("killing", "sending SIGKILL to what is left of them", LogLevel::Debug);
  }
  Narration operator()(const notice::Escalated& n) const {
    return about_all("stopping", join("another stop signal: sending ", to_string(n.sent), " to everything"));
  }
  Narration operator()(const notice::BudgetSpent& n) const {
    const char* what = n.spares_main_command ? "everything but the main command" : "what is left";
    return about_all("killing", join("the stop timeout of ", n.budget, " is over; sending SIGKILL to ", what),
                     LogLevel::Warning);
  }
  Narration operator()(const notice::WaitedTooLong& n) const {
    const std::string message = join("not up within ", n.waited, ", the time that the main command waits");
    return about(n.service, "slow", message, LogLevel::Warning);
  }
  Narration operator()(const notice::StillStopping& n) const {
    std::string names;
    for (const ServiceId id : n.awaited) names += (names.empty() ? "" : ", ") + name_of(plan_, id);
    if (names.empty()) names = "processes that belong to no service";
    return about_all("stopping", join("stopping for ", n.lasted, ", waiting for ", names));
  }
  Narration operator()(const notice::InvariantBroken& n) const {
    return about_all("internal-error", join("internal error: ", n.what, "; stopping"), LogLevel::Error);
  }

 private:
  static Narration about_all(const char* event, std::string message, LogLevel level = LogLevel::Info) {
    return {level, std::nullopt, event, std::move(message)};
  }
  static Narration about(ServiceId id, const char* event, std::string message, LogLevel level = LogLevel::Info) {
    std::string reason = level >= LogLevel::Warning ? message : "";
    return {level, id, event, std::move(message), std::move(reason)};
  }
  static Narration failure(ServiceId id, const std::string& reason) {
    return {LogLevel::Error, id, "failed", join("failed: ", reason), join(reason)};
  }

  std::string why(const notice::ShutdownBegun& n) const {
    switch (n.cause) {
      case notice::StopCause::StopSignal: return join("got ", to_string(n.signal.value_or(Signal{15})));
      case notice::StopCause::ShutdownCommand: return "cinit shutdown";
      case notice::StopCause::MainCommandEnded: return "the main command has ended";
      case notice::StopCause::BootTooLong: return "the boot has taken too long";
      case notice::StopCause::HookFailed: return join(name_of(plan_, *n.service), " has failed");
      case notice::StopCause::ServiceUnhealthy: return join(name_of(plan_, *n.service), " is unhealthy");
      case notice::StopCause::ServiceEnded: return join(name_of(plan_, *n.service), " has ended for good");
      case notice::StopCause::AllEnded: return "every service has ended";
      case notice::StopCause::InternalError: break;
    }
    return "internal error";
  }

  const core::Plan& plan_;
};

}  // namespace

Narration narrate(const core::Notice& notice, const core::Plan& plan) { return match(Narrator(plan), notice); }

std::string display_name(const core::Plan& plan, core::ServiceId id) {
  const std::string& name = plan[id].spec.name;
  return plan.is_main(id) ? name + " (main command)" : name;
}

}  // namespace cinit::init
