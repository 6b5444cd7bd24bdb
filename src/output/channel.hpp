// A stream of a service, from its pipe to where its lines go.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <variant>

#include "os/fd.hpp"
#include "output/line_cutter.hpp"
#include "output/log_file.hpp"
#include "output/own_output.hpp"
#include "output/record.hpp"

namespace cinit::output {

struct Channel;

// A log file, and those that wait for it.
struct FileOutput {
  FileOutput(LogFileSpec spec, Report report, std::uint64_t poller_token)
      : file(std::move(spec), std::move(report)), token(poller_token) {}

  LogFile file;
  const std::uint64_t token;
  std::deque<Channel*> waiting;  // who waits longest is first
  int watched = -1;              // the descriptor that the poller watches
};

// Where lines go; nowhere is possible, too.
using Sink = std::variant<std::monostate, OwnOutput*, FileOutput*>;

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
  bool waiting = false;    // for its sink to take lines again; it is not read meanwhile
  std::uint64_t goal = 0;  // the position in the stream up to which Relay::finish() waits
};

}  // namespace cinit::output
