// Pipes from one service's standard output to another's standard input.
#pragma once

#include <map>
#include <optional>

#include "core/event.hpp"
#include "core/plan.hpp"
#include "init/wiring.hpp"
#include "os/fd.hpp"

namespace cinit::init {

// A pipe is there as long as its reader is to read: whatever ends and starts again finds the same one, and nothing that
// was written is lost.
class Pipes {
 public:
  // It must outlive this one.
  explicit Pipes(const core::Plan& plan) : plan_(plan) {}

  // What the main process of the service, or one of its commands, is connected to. Services without pipes get nothing.
  std::optional<core::StartFailure> connect(core::ServiceId id, Wiring& wiring);
  std::optional<core::StartFailure> connect_output(core::ServiceId id, Wiring& wiring);

  // Whoever reads sees the end when those who write have ended, too.
  void close_input(core::ServiceId reader) { pipes_.erase(reader); }

 private:
  struct Pipe {
    os::Fd read_end;
    os::Fd write_end;
  };

  // Made at its first use. Returns 0 or an errno.
  int find(core::ServiceId reader, const Pipe*& pipe);

  const core::Plan& plan_;
  std::map<core::ServiceId, Pipe> pipes_;  // by who reads
};

}  // namespace cinit::init
