// The probes that need no process: by TCP, HTTP, or a file.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "core/action.hpp"
#include "os/poller.hpp"
#include "probe/attempt.hpp"

namespace cinit::init {

// At most one for each service. Timeouts are the supervisor's.
class Prober {
 public:
  // `poller` must outlive it, and reports `token_base` + the service's place for a probe that can go on.
  Prober(os::Poller& poller, std::uint64_t token_base) : poller_(poller), token_base_(token_base) {}

  // Returns the result when it is known at once.
  std::optional<core::ProbeEnded> start(const core::StartProbe& wanted, const config::Probe& probe);
  // To be called when the poller has reported it.
  std::optional<core::ProbeEnded> go_on(core::ServiceId service);
  void end(core::ServiceId service);
  // How far each of those that run has got.
  std::vector<core::ProbeProgress> progress() const;

 private:
  struct Running {
    probe::Attempt attempt;
    std::uint32_t number;  // by which the supervisor knows it
  };

  std::optional<core::ProbeEnded> look(core::ServiceId service, Running& running);
  bool watch(core::ServiceId service, const probe::Attempt& attempt);

  os::Poller& poller_;
  std::uint64_t token_base_;
  std::map<core::ServiceId, Running> running_;
};

}  // namespace cinit::init
