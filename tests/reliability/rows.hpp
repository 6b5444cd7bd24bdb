// The rows of the suite, and the processes that run them side by side.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "box.hpp"
#include "report.hpp"

namespace cinit::reliability {

// What all parts share.
struct Setting {
  Workshop& workshop;
  std::uint64_t seed = 1;
  bool soak = false;
  // How much slower this machine is now than an idle one: every limit is multiplied by it. At least 1.
  double slowness = 1;

  Duration limit(Duration idle) const { return std::chrono::duration_cast<Duration>(idle * slowness); }
};

struct Row {
  std::string part;   // "faults"
  std::string group;  // the line of the table that it is counted in
  std::string name;   // what was thrown; part and name together are unique, and select the row with --row
  std::function<Outcome(const Setting&)> run;
  int weight = 1;               // how much of a processor it uses, in quarters
  bool may_be_left_out = true;  // when the time is over
  Duration limit = std::chrono::seconds(120);
};

struct Result {
  const Row* row = nullptr;
  Outcome outcome;
  Duration took{};
};

// Runs each row in a process of its own, several at a time. Where all that failed was late, it is run again with more
// patience. Rows that may be left out are not begun after `deadline`. `tell` is called for each that has ended.
std::vector<Result> run_rows(const Setting& setting, const std::vector<Row>& rows, int capacity,
                             Clock::time_point deadline, const std::function<void(const Result&)>& tell);

// The parts. Each makes its rows; `previous` are the names of rows that have failed once.
std::vector<Row> fault_rows(const Setting& setting, const Strings& previous);
std::vector<Row> output_rows();
std::vector<Row> flood_rows();
std::vector<Row> adversary_rows(const Setting& setting);
std::vector<Row> trap_rows();
std::vector<Row> kernel_rows();
std::vector<Row> command_rows(const Setting& setting);

}  // namespace cinit::reliability
