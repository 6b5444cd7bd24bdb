#include "init/prober.hpp"

#include <utility>

#include "base/overloaded.hpp"

namespace cinit::init {
namespace {

// An exec probe is a process, and not for here.
std::optional<probe::Attempt> begin(const config::Probe& probe) {
  using Begun = std::optional<probe::Attempt>;
  return std::visit(Overloaded{
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
  const std::uint64_t token = token_base_ + core::index_of(service);
  // A connection to the next address has a new descriptor; its number may be the old one's.
  if (!poller_.add(attempt.fd(), token, attempt.interest())) poller_.change(attempt.fd(), token, attempt.interest());
  return std::nullopt;
}

}  // namespace cinit::init
