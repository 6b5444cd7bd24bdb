// Why the container ended, for whoever reads only one message about it (Kubernetes' termination log).
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "core/notice.hpp"
#include "core/plan.hpp"
#include "init/narrator.hpp"

namespace cinit::init {

class StopReason {
 public:
  explicit StopReason(const core::Plan& plan) : plan_(plan) {}

  // A service's trouble since its last start is the reason if the stop is about it. If the stop is about nothing that
  // went wrong, then what goes wrong first in it is.
  void take_in(const core::Notice& notice, const Narration& narration);

  // Empty: nothing went wrong.
  const std::string& text() const { return reason_; }
  // What went wrong with a service since its last start, for somebody who sees that it is down: without the words that
  // it has failed or will be restarted. Empty: nothing.
  std::string why_down(core::ServiceId service) const;

 private:
  // Something that went wrong, in the words of the log.
  struct Failure {
    std::size_t kind;  // the notice's
    std::string message;
    std::string reason;  // what of it tells why the service is down; empty: nothing
  };

  void stop_begins(const core::notice::ShutdownBegun& begun);
  void take_failure(const core::Notice& notice, const Narration& narration);
  std::string words_about(core::ServiceId service) const;

  const core::Plan& plan_;
  bool stopping_ = false;
  // Since the last start of each, the newest of each kind; a service may be in trouble for years.
  std::map<core::ServiceId, std::vector<Failure>> failures_;
  std::string reason_;
};

}  // namespace cinit::init
