#include "control/words.hpp"

#include <algorithm>

#include "base/line.hpp"
#include "base/overloaded.hpp"

namespace cinit::control {
namespace {

using Health = core::ServiceStatus::Health;
namespace state = core::state;

std::string text_of(Duration span) {
  Line line;
  line << std::max(span, Duration::zero());
  return std::string(line.text());
}

std::string with_colon(std::string_view text, const std::string& more) {
  return more.empty() ? std::string(text) : std::string(text) + ": " + more;
}

std::string list(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kMost) text += " and " + std::to_string(names.size() - kMost) + " more";
  return text;
}

std::string in_background(const ServiceView& service) {
  std::vector<std::string> names;
  for (const Process& process : service.background) {
    names.push_back(process.name + " (" + std::to_string(process.pid) + ")");
  }
  return names.empty() ? "" : "in the background: " + list(names);
}

// How the last attempt ended.
std::string last_end_words(const core::ServiceStatus& status) {
  if (status.failure) return status.failure->detail;
  if (!status.last_end) return {};
  return to_string(*status.last_end);
}

std::string failed_checks(const core::ServiceStatus& status) {
  if (status.failed_checks == 0) return {};
  const std::string count = std::to_string(status.failed_checks);
  return with_colon(count + (status.failed_checks == 1 ? " failed check" : " failed checks"), status.detail);
}

// What the state itself has to tell.
std::string about_state(const ServiceView& service, Time now) {
  const core::ServiceStatus& status = service.status;
  return match(
      Overloaded{
          [&](const state::Waiting&) {
            return service.waits_for.empty() ? "" : "waits for " + list(service.waits_for);
          },
          [&](const state::PreStart&) { return std::string("its pre-start commands run"); },
          [&](const state::Starting&) {
            return status.detail.empty() ? std::string() : "not ready yet: " + status.detail;
          },
          [&](const state::PostStart&) { return std::string("its post-start commands run"); },
          [&](const state::Running&) { return failed_checks(status); },
          [&](const state::Backoff& backoff) {
            const std::string why = why_down(service);
            return (why.empty() ? "" : why + "; ") + "restarting in " + text_of(backoff.retry_at - now);
          },
          [&](const state::PreStop&) { return std::string("its pre-stop commands run"); },
          [&](const state::Stopping& stopping) {
            return stopping.sent ? "got " + to_string(*stopping.sent) : std::string("its stop-command runs");
          },
          [&](const state::Killing&) { return std::string("got SIGKILL"); },
          [&](const state::StoppingRest&) { return std::string("what is left of its process group is ended"); },
          [&](const state::PostStop&) { return std::string("its post-stop commands run"); },
          [&](const state::Failed&) { return why_down(service); },
          [&](const state::Idle&) { return std::string(status.wanted ? "" : "not asked for yet"); },
          [&](const OneOf<state::Launching, state::Done, state::Stopped> auto&) { return std::string(); },
      },
      status.state);
}

}  // namespace

std::string_view state_word(const core::State& state) {
  using std::string_view;
  return match(
      Overloaded{
          [](const state::Idle&) -> string_view { return "idle"; },
          [](const state::Waiting&) -> string_view { return "waiting"; },
          [](const OneOf<state::PreStart, state::Launching, state::Starting, state::PostStart> auto&) -> string_view {
            return "starting";
          },
          [](const state::Running&) -> string_view { return "running"; },
          [](const state::Backoff&) -> string_view { return "backoff"; },
          [](const OneOf<state::PreStop, state::Stopping, state::Killing, state::StoppingRest, state::PostStop> auto&)
              -> string_view { return "stopping"; },
          [](const state::Done&) -> string_view { return "done"; },
          [](const state::Failed&) -> string_view { return "failed"; },
          [](const state::Stopped&) -> string_view { return "stopped"; },
      },
      state);
}

std::string last_exit(const core::ServiceStatus& status) {
  if (!status.last_end) return "-";
  if (status.last_end->by_signal()) return to_string(status.last_end->signal());
  return "code " + std::to_string(status.last_end->code());
}

std::string why_down(const ServiceView& service) {
  return service.trouble.empty() ? last_end_words(service.status) : service.trouble;
}

std::string detail(const ServiceView& service, Time now) {
  std::string text = about_state(service, now);
  if (text.empty()) text = service.status.text;
  const std::string background = in_background(service);
  if (background.empty()) return text;
  return text.empty() ? background : text + "; " + background;
}

std::string complaint(const ServiceView& service, Time now) {
  const core::ServiceStatus& status = service.status;
  if (!status.is_ready()) return with_colon(state_word(status.state), detail(service, now));
  if (status.health == Health::Unhealthy) return with_colon("unhealthy", status.detail);
  return {};
}

}  // namespace cinit::control
