#include "init/prober.hpp"

#include <errno.h>

#include <utility>

#include "base/overloaded.hpp"

namespace cinit::init {
namespace {

// An exec probe is a process, and not for here.
std::optional<probe::Attempt> begin(const config::Probe& probe) {
  using Begun = std::optional<probe::Attempt>;
  return match(Overloaded{
                   [](const config::ExecProbe&) -> Begun { return std::nullopt; },
                   [](const auto& by_itself) -> Begun { return probe::Attempt::start(by_itself); },
               },
               probe);
}

}  // namespace

std::optional<core::ProbeEnded> Prober::start(const core::StartProbe& wanted, const config::Probe& probe) {
  std::optional<probe::Attempt> attempt = begin(probe);
  if (!attempt) return std::nullopt;
  const auto place = running_.insert_or_assign(wanted.service, Running{*std::move(attempt), wanted.number}).first;
  return look(wanted.service, place->second);
}

std::optional<core::ProbeEnded> Prober::go_on(core::ServiceId service) {
  const auto found = running_.find(service);
  if (found == running_.end()) return std::nullopt;  // it was ended in this turn
  found->second.attempt.step();
  return look(service, found->second);
}

// Either there is a result, or something to wait for.
std::optional<core::ProbeEnded> Prober::look(core::ServiceId service, Running& running) {
  const probe::Attempt& attempt = running.attempt;
  if (attempt.outcome() != probe::Attempt::Outcome::Pending) {
    const bool passed = attempt.outcome() == probe::Attempt::Outcome::Passed;
    const core::ProbeEnded ended{service, passed, attempt.detail(), running.number, passed || attempt.conclusive()};
    running_.erase(service);
    return ended;
  }
  if (watch(service, attempt)) return std::nullopt;
  // It would wait until its timeout, and the service would be blamed.
  const core::ProbeEnded ended{service, false, "it cannot be waited for: " + poller_.error().message, running.number,
                               false};
  running_.erase(service);
  return ended;
}

// A connection to the next address has a new descriptor; its number may be the old one's.
bool Prober::watch(core::ServiceId service, const probe::Attempt& attempt) {
  const std::uint64_t token = token_base_ + core::index_of(service);
  if (poller_.add(attempt.fd(), token, attempt.interest())) return true;
  return poller_.error().code == EEXIST && poller_.change(attempt.fd(), token, attempt.interest());
}

std::vector<core::ProbeProgress> Prober::progress() const {
  std::vector<core::ProbeProgress> all;
  for (const auto& [service, running] : running_) all.push_back({service, running.attempt.progress()});
  return all;
}

// A child that has not called exec yet may have a copy of the descriptor, which the poller would go on reporting.
void Prober::end(core::ServiceId service) {
  const auto found = running_.find(service);
  if (found == running_.end()) return;
  poller_.remove(found->second.attempt.fd());
  running_.erase(found);
}

}  // namespace cinit::init
