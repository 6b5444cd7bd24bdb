#include "init/pipes.hpp"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <string>

namespace cinit::init {
namespace {

core::StartFailure no_pipe(StartStage stage, int error) {
  return {stage, error, std::string("no pipe to its logger: ") + strerror(error), true};
}

}  // namespace

int Pipes::find(core::ServiceId reader, const Pipe*& pipe) {
  auto found = pipes_.find(reader);
  if (found == pipes_.end()) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno;
    found = pipes_.emplace(reader, Pipe{os::Fd(ends[0]), os::Fd(ends[1])}).first;
  }
  pipe = &found->second;
  return 0;
}

std::optional<core::StartFailure> Pipes::connect(core::ServiceId id, Wiring& wiring) {
  if (auto failed = connect_output(id, wiring)) return failed;
  if (plan_[id].producers.empty()) return std::nullopt;
  const Pipe* pipe = nullptr;
  if (const int error = find(id, pipe); error != 0) return no_pipe(StartStage::Stdin, error);
  wiring.stdin_fd = pipe->read_end.get();
  return std::nullopt;
}

std::optional<core::StartFailure> Pipes::connect_output(core::ServiceId id, Wiring& wiring) {
  const std::optional<core::ServiceId> reader = plan_[id].consumer;
  if (!reader) return std::nullopt;
  const Pipe* pipe = nullptr;
  if (const int error = find(*reader, pipe); error != 0) return no_pipe(StartStage::Stdout, error);
  wiring.stdout_fd = pipe->write_end.get();
  return std::nullopt;
}

}  // namespace cinit::init
