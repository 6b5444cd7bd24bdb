// Whom the control socket's commands are about: the container, as somebody at its door may see and ask it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/signal.hpp"
#include "core/event.hpp"
#include "core/plan.hpp"
#include "core/status.hpp"

namespace cinit::control {

// A line that a service wrote.
struct LogLine {
  std::uint64_t number = 0;  // in the order in which cinit read them, over all services
  std::string text;          // without its newline
};

// A process that a service has left running in the background: its parent has ended.
struct Process {
  pid_t pid = 0;
  std::string name;
};

// All of it answers at once.
class Host {
 public:
  virtual const core::Plan& plan() const = 0;
  virtual core::ServiceStatus status(core::ServiceId service) const = 0;
  virtual pid_t main_pid(core::ServiceId service) const = 0;  // 0: it has no main process
  // What runs in the background for it, the oldest first; of many the first few.
  virtual std::vector<Process> background(core::ServiceId service) = 0;
  // What went wrong with it since its last start, in the words of cinit's log; empty: nothing.
  virtual std::string trouble(core::ServiceId service) const = 0;
  virtual Time now() const = 0;
  virtual bool is_stopping() const = 0;  // the container as a whole

  // Whether a request of this kind is carried out: in a stop not every one is.
  virtual bool takes(core::Requested::What what) const = 0;

  // Has taken effect on status() when it returns. Never called for what is not taken.
  virtual void ask(const core::Requested& request) = 0;
  // The container is to end, with this exit code, or as after a stop signal. Only while it is not stopping.
  virtual void shut_down(std::optional<int> code) = 0;

  // To the main process, or to its whole process group. False: there is none.
  virtual bool send_signal(core::ServiceId service, Signal signal, bool group) = 0;

  // Its output goes through cinit, so that there are lines of it.
  virtual bool is_captured(core::ServiceId service) const = 0;
  // The newest of its lines that are still there, at most `most`, the oldest first.
  virtual std::vector<LogLine> recent_lines(core::ServiceId service, std::size_t most) const = 0;

 protected:
  ~Host() = default;
};

}  // namespace cinit::control
