// Services of directories that end for good on request, as if their directory were gone for a moment: `sv exit`,
// s6-svc(8) -x.
#pragma once

#include <optional>
#include <set>

#include "core/event.hpp"
#include "core/plan.hpp"
#include "core/supervisor.hpp"

namespace cinit::core {

class Retirement {
 public:
  // Both must outlive it.
  Retirement(Plan& plan, const Supervisor& supervisor) : plan_(plan), supervisor_(supervisor) {}

  // Takes the service and its logger out of the plan. Returns what is to be told to the supervisor before anything
  // else, and then to be followed by told(); std::nullopt if there is nothing to do: a logger goes with its service. A
  // service of s6-rc is only stopped.
  std::optional<Event> exit(ServiceId service);
  void told(ServiceId service);

  // s6-svc(8) -x: the service goes on, and exits when it is asked to be down the next time. s6-supervise(8) ends when
  // its service has ended the next time; if that was not asked for, s6-svscan(8) starts another one then, as cinit
  // starts the service again. False: it has no main process that goes on, and is to exit now.
  bool exit_when_down(ServiceId service);
  // The service is asked to be down. True: it is to exit instead.
  bool exits_when_down(ServiceId service) { return leaving_.erase(service) > 0; }
  // It is started anew.
  void starting(ServiceId service) { leaving_.erase(service); }

 private:
  Plan& plan_;
  const Supervisor& supervisor_;
  std::set<ServiceId> leaving_;
};

}  // namespace cinit::core
