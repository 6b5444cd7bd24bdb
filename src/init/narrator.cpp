#include "init/narrator.hpp"

#include "base/line.hpp"
#include "base/overloaded.hpp"

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

std::string describe(WaitStatus status) {
  if (!status.by_signal()) return join("exited with code ", status.code());
  return join("killed by ", to_string(status.signal()));
}

std::string describe(const std::optional<notice::Restart>& restart) {
  if (!restart) return "";
  if (restart->burst == 0) return join(", restarting in ", restart->delay);
  return join(", restarting in ", restart->delay, " (", std::int64_t{restart->start}, " of ",
              std::int64_t{restart->burst}, ")");
}

std::string name_of(const core::Plan& plan, ServiceId id) { return plan[id].spec.name; }

class Narrator {
 public:
  explicit Narrator(const core::Plan& plan) : plan_(plan) {}

  Narration operator()(const notice::Started& n) const { return about(n.service, "started", "started"); }
  Narration operator()(const notice::Ready& n) const { return about(n.service, "ready", "ready"); }
  Narration operator()(const notice::Exited& n) const {
    const LogLevel level = n.expected ? LogLevel::Info : LogLevel::Warning;
    const std::string text = join(describe(n.status), " after ", n.ran, describe(n.restart));
    return about(n.service, n.status.by_signal() ? "killed" : "exited", text, level);
  }
  Narration operator()(const notice::StartPostponed& n) const {
    return about(n.service, "restarting", join(n.failure.detail, "; trying again in ", n.delay), LogLevel::Warning);
  }
  Narration operator()(const notice::StartFailed& n) const {
    return about(n.service, "failed", join("failed: ", n.failure.detail), LogLevel::Error);
  }
  Narration operator()(const notice::RequirementFailed& n) const {
    return about(n.service, "failed",
                 join("failed: not started, because it requires ", name_of(plan_, n.required), ", which has failed"),
                 LogLevel::Error);
  }
  Narration operator()(const notice::StartLimitHit& n) const {
    return about(n.service, "failed",
                 join("failed: one more start would be more than ", std::int64_t{n.burst}, " within ", n.interval,
                      " (start-limit-burst, start-limit-interval)"),
                 LogLevel::Error);
  }
  Narration operator()(const notice::Done& n) const { return about(n.service, "done", "done"); }
  Narration operator()(const notice::TimedOut& n) const {
    return about(n.service, "timeout", join("has not finished within ", n.waited), LogLevel::Error);
  }
  Narration operator()(const notice::Failed& n) const {
    switch (plan_[n.service].role) {
      case core::Role::BootHook: return about(n.service, "failed", "failed: the boot ends here", LogLevel::Error);
      case core::Role::StopHook: return about(n.service, "failed", "failed; the stop goes on", LogLevel::Error);
      case core::Role::Service:
      case core::Role::MainCommand: break;
    }
    return about(n.service, "failed", "failed: it is not to be restarted", LogLevel::Error);
  }
  Narration operator()(const notice::Stopping& n) const {
    return about(n.service, "stopping", join("stopping: sending ", to_string(n.signal)));
  }
  Narration operator()(const notice::Stopped& n) const { return about(n.service, "stopped", "stopped"); }
  Narration operator()(const notice::Killing& n) const {
    const char* who = n.main_process ? "still running " : "processes that it started are still there ";
    return about(n.service, "killing", join(who, n.waited, " after ", to_string(n.signal), "; sending SIGKILL"),
                 LogLevel::Warning);
  }
  Narration operator()(const notice::MainSuspended& n) const {
    return about(*plan_.main_command, "suspended",
                 join("suspended by ", to_string(n.signal), "; it goes on when it gets SIGCONT"));
  }
  Narration operator()(const notice::SignalIgnored& n) const {
    return about_all("ignored", join(to_string(n.signal), " is ignored"));
  }
  Narration operator()(const notice::ReloadRefused&) const {
    return about_all("ignored", "SIGHUP is ignored: a reload is not supported yet");
  }
  Narration operator()(const notice::ShutdownBegun& n) const {
    return about_all("stopping", join("stopping: ", why(n)));
  }
  Narration operator()(const notice::Escalated& n) const {
    return about_all("stopping", join("another stop signal: sending ", to_string(n.sent), " to everything"));
  }
  Narration operator()(const notice::BudgetSpent& n) const {
    const char* what = n.spares_main_command ? "everything but the main command" : "what is left";
    return about_all("killing", join("the stop timeout of ", n.budget, " is over; sending SIGKILL to ", what),
                     LogLevel::Warning);
  }
  Narration operator()(const notice::InvariantBroken& n) const {
    return about_all("internal-error", join("internal error: ", n.what, "; stopping"), LogLevel::Error);
  }

 private:
  static Narration about_all(const char* event, std::string message, LogLevel level = LogLevel::Info) {
    return {level, std::nullopt, event, std::move(message)};
  }
  static Narration about(ServiceId id, const char* event, std::string message, LogLevel level = LogLevel::Info) {
    return {level, id, event, std::move(message)};
  }

  std::string why(const notice::ShutdownBegun& n) const {
    switch (n.cause) {
      case notice::StopCause::StopSignal: return join("got ", to_string(n.signal.value_or(Signal{15})));
      case notice::StopCause::MainCommandEnded: return "the main command has ended";
      case notice::StopCause::HookFailed: return join(name_of(plan_, *n.service), " has failed");
      case notice::StopCause::ServiceEnded: return join(name_of(plan_, *n.service), " has ended for good");
      case notice::StopCause::AllEnded: return "every service has ended";
      case notice::StopCause::InternalError: break;
    }
    return "internal error";
  }

  const core::Plan& plan_;
};

}  // namespace

Narration narrate(const core::Notice& notice, const core::Plan& plan) { return std::visit(Narrator(plan), notice); }

std::string display_name(const core::Plan& plan, core::ServiceId id) {
  const std::string& name = plan[id].spec.name;
  return plan.is_main(id) ? name + " (main command)" : name;
}

}  // namespace cinit::init
