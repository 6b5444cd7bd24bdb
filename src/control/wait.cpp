#include "control/wait.hpp"

namespace cinit::control {
namespace {

using What = core::Requested::What;

Outcome failed(std::string words, const std::string& why) {
  return {false, why.empty() ? std::move(words) : words + ": " + why};
}

bool is_killed(const core::State& state) {
  const auto* clearing = std::get_if<core::state::StoppingRest>(&state);
  return std::holds_alternative<core::state::Killing>(state) || (clearing && clearing->killed);
}

// With what had to be done for it.
std::string reached(const std::string& words, const Awaited& awaited) {
  return awaited.killed ? words + "; it had to be killed, because it did not end when it was asked to" : words;
}

std::optional<Outcome> outcome_of_stop(const Awaited& awaited, const core::ServiceStatus& status) {
  if (core::is_final(status.state)) {
    return Outcome{true, awaited.reached_before ? "not running" : reached("stopped", awaited)};
  }
  if (status.wanted) return Outcome{false, "started again by another client"};
  return std::nullopt;
}

// Due at once is the other half of a restart; due later is an attempt that has failed.
bool failed_for_now(const core::State& state, Time now) {
  const auto* backoff = std::get_if<core::state::Backoff>(&state);
  return backoff && backoff->retry_at > now;
}

}  // namespace

bool is_reached(What what, const core::ServiceStatus& status) {
  return what == What::Stop ? core::is_final(status.state) : status.is_ready();
}

Time settled_at(const Awaited& awaited, const core::ServiceStatus& status) {
  const bool runs = std::holds_alternative<core::state::Running>(status.state);
  const bool is_new = !awaited.reached_before || status.starts != awaited.starts_before;
  return awaited.settles && runs && is_new ? later(status.since, kSettleTime) : kNever;
}

std::optional<Outcome> outcome_of(Awaited& awaited, const ServiceView& service, Time now) {
  const core::ServiceStatus& status = service.status;
  awaited.killed = awaited.killed || is_killed(status.state);
  if (awaited.what == What::Stop) return outcome_of_stop(awaited, status);
  const std::uint32_t starts = status.starts - awaited.starts_before;
  if (status.is_ready() && (awaited.what == What::Start || starts > 0)) {
    if (const Time settled = settled_at(awaited, status); settled != kNever && now < settled) return std::nullopt;
    if (awaited.what == What::Start && awaited.reached_before && starts == 0) return Outcome{true, "up already"};
    std::string words = reached(awaited.what == What::Restart ? "restarted" : "started", awaited);
    const bool has_ended = awaited.settles && std::holds_alternative<core::state::Done>(status.state);
    return Outcome{true, has_ended ? words + ", and " + why_down(service) + " at once" : words};
  }
  if (failed_for_now(status.state, now)) return failed("failed", detail(service, now));
  if (starts > 1) return failed("failed, and is started once more", why_down(service));
  if (std::holds_alternative<core::state::Failed>(status.state)) return failed("failed", why_down(service));
  if (core::is_final(status.state)) return failed(std::string(state_word(status.state)) + " before it was ready", "");
  return std::nullopt;
}

}  // namespace cinit::control
