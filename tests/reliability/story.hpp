// One short life of a container in which PID 1 does everything that it can do: boot with a hook, services that are ready in
// each way, a crash, a health probe, a request, a new service directory, rotation of a log file, a stop.
#pragma once

#include <optional>
#include <set>

#include "box.hpp"
#include "rows.hpp"
#include "tracer.hpp"

namespace cinit::reliability {

struct StoryOptions {
  Tracer::Decide decide;        // none: PID 1 is not traced
  long most_calls = 1'000'000;  // a traced PID 1 that makes more is killed
  BoxOptions box;
  double patience = 1;  // every limit is multiplied by it
};

// What became of it.
struct StoryEnd {
  std::optional<int> status;   // wait status of PID 1; std::nullopt: it had to be killed
  int fault = 0;               // the fault signal that ended a traced PID 1, 0 if there was none
  bool asked_to_stop = false;  // it was still there when its stop was due
  Duration boot{};             // until everything was ready
  Duration stop{};             // from SIGTERM to its end
  Duration processor_time{};   // what PID 1 had used of the processor before its stop
  Strings losses;              // what did not work that works without faults
  Strings wrongs;              // what must never be, whatever fails
  long calls = 0;              // of PID 1; 0 when it was not traced
  long quiet_calls = 0;        // of it in kQuiet, when nothing happened
  std::map<std::string, int> counts;
  std::string log;
};

inline constexpr Duration kQuiet = std::chrono::milliseconds(100);

StoryEnd live(const Setting& setting, const StoryOptions& options);

// The lines of a log without what differs from run to run.
std::set<std::string> kinds_of_lines(const std::string& log);

}  // namespace cinit::reliability
