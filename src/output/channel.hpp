// A stream of a service, from its pipe to where its lines go.
#pragma once

#include <string>
#include <variant>

#include "os/fd.hpp"
#include "output/line_cutter.hpp"
#include "output/log_file.hpp"
#include "output/own_output.hpp"
#include "output/record.hpp"

namespace cinit::output {

// Where lines go; nowhere is possible, too.
using Sink = std::variant<std::monostate, OwnOutput*, LogFile*>;

// Both ends of the pipe stay open over restarts: what was written before one is still read, and epoll(7) never reports an
// end that could not be turned off.
struct Channel {
  Service service = 0;
  Stream stream = Stream::Stdout;
  std::string name;
  std::uint64_t token = 0;
  os::Fd read_end;
  os::Fd write_end;
  Sink sink;
  LineCutter cutter;
  bool waiting = false;    // for room in an OwnOutput; it is not read meanwhile
  std::uint64_t goal = 0;  // the position in the stream up to which Relay::finish() waits
};

}  // namespace cinit::output
