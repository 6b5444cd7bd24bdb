// MAINPID of sd_notify(3): a service names another of its processes, and goes on in that one when its main process
// ends.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "core/plan.hpp"

namespace cinit::core {

class NamedMains {
 public:
  // A process as the kernel shows it now. Its start time tells it from a later one of the same pid.
  struct Process {
    int pid;
    std::uint64_t start;
    bool is_known;    // it is a process that cinit has started, of this service or another
    bool is_its_own;  // it belongs to the service
  };
  // `process`: unset when it does not exist, or has ended. `main` is the service's main process. Returns whether the
  // name means something: only the service's own processes can be named, which can be seen only as long as those
  // between the two exist.
  bool name(ServiceId service, int main, int pid, const std::optional<Process>& process);

  struct Named {
    int pid;
    std::uint64_t start;
  };
  // The main process has ended: the one that was named before, which is forgotten.
  std::optional<Named> take(ServiceId service);
  void forget(ServiceId service) { named_.erase(service); }

 private:
  std::map<ServiceId, Named> named_;
};

}  // namespace cinit::core
