#include "control/wait.hpp"

namespace cinit::control {
namespace {

using What = core::Requested::What;

Outcome failed(std::string words, const std::string& why) {
  return {false, why.empty() ? std::move(words) : words + ": " + why};
}

std::optional<Outcome> outcome_of_stop(const Awaited& awaited, const core::ServiceStatus& status) {
  if (core::is_final(status.state)) return Outcome{true, awaited.reached_before ? "not running" : "stopped"};
  if (status.wanted) return Outcome{false, "started again by somebody else"};
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

std::optional<Outcome> outcome_of(const Awaited& awaited, const ServiceView& service, Time now) {
  const core::ServiceStatus& status = service.status;
  if (awaited.what == What::Stop) return outcome_of_stop(awaited, status);
  const std::uint32_t starts = status.starts - awaited.starts_before;
  if (status.is_ready() && (awaited.what == What::Start || starts > 0)) {
    if (awaited.what == What::Restart) return Outcome{true, "restarted"};
    return Outcome{true, awaited.reached_before && starts == 0 ? "up already" : "started"};
  }
  if (failed_for_now(status.state, now)) return failed("failed", detail(service, now));
  if (starts > 1) return failed("failed, and is started once more", why_down(service));
  if (std::holds_alternative<core::state::Failed>(status.state)) return failed("failed", why_down(service));
  if (core::is_final(status.state)) return failed(std::string(state_word(status.state)) + " before it was ready", "");
  return std::nullopt;
}

}  // namespace cinit::control
