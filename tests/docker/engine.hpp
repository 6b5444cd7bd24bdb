// The container engines that the tests use: Docker's, which CTest has started for them, and podman.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace cinit::docker {

using Clock = std::chrono::steady_clock;
using Arguments = std::vector<std::string>;

// How long anything may take that a test waits for.
inline constexpr Clock::duration kLimit = std::chrono::seconds(30);

// What a command of an engine did.
struct Result {
  int code = 0;        // 128 + N when signal N killed the client
  std::string output;  // stdout and stderr together
  Clock::duration took{};
};

// An engine, as its command line.
struct Engine {
  std::string name;
  Arguments client;       // what its commands begin with
  Arguments run_options;  // what each `run` needs besides
};

// Throw when there is no engine: that is a failure of the test, never a reason to leave it out.
const Engine& docker();
const Engine& podman();

// Runs a command of an engine to its end. Throws when that does not come in time.
Result call(const Engine& engine, const Arguments& arguments, Clock::duration limit = kLimit);
// The same with stdout alone; throws when the command fails.
std::string ask(const Engine& engine, const Arguments& arguments);

// `first`, then `second`.
Arguments join(Arguments first, const Arguments& second);

double milliseconds(Clock::duration span);

}  // namespace cinit::docker
