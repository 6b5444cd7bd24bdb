// The figures that take time: cinit beside other programs and beside the floor, in one run, interleaved.
#pragma once

#include <string>
#include <vector>

#include "box.hpp"

namespace cinit::bench {

// A PID 1 for one command, and how it is called.
struct Program {
  std::string name;
  std::string file;  // on this machine; static, or with its libraries in the root
  std::string path;  // in the container
  std::vector<std::string> arguments;
};

struct Sample {
  std::string figure;
  std::string program;
  std::vector<double> values;
};

struct TimesRequest {
  std::vector<Program> programs;  // for one command
  std::string cinit;
  std::string floor;  // without a libc
  int runs = 15;
};

// Measures everything, each figure `runs` times for each program, the programs in turn. Says on standard error what it is at.
std::vector<Sample> measure_times(reliability::Workshop& workshop, const TimesRequest& request);

}  // namespace cinit::bench
