// cinit's own standard output or standard error, as services' lines go to it.
#pragma once

#include <errno.h>

#include <deque>
#include <string_view>

#include "os/line_writer.hpp"
#include "output/losses.hpp"

namespace cinit::output {

struct Channel;

// There is one for each LineWriter.
class OwnOutput {
 public:
  OwnOutput(os::LineWriter& to, std::string name, Report report)
      : writer(to), losses_(std::move(name), std::move(report)) {}

  // False: there is no room at the moment. A line that nobody can take at all is lost, counted, and taken.
  bool write_line(std::string_view line);
  // Says now how many lines were lost, as nothing more will be written.
  void report_losses() { losses_.over(); }
  // Whether the last line, or a part of it, found no room.
  bool is_full() const { return writer.error() == EAGAIN; }

  os::LineWriter& writer;
  std::deque<Channel*> waiting;  // for room; who waits longest is first
  bool watched = false;          // for room, by the poller

 private:
  Losses losses_;
};

}  // namespace cinit::output
