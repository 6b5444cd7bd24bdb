// The pages of PID 1: what may be written is not run, and what start-up wrote cannot be written any more.
#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "both_loops.hpp"
#include "container.hpp"
#include "spawn.hpp"

using namespace cinit::e2e;

namespace {

struct Mapping {
  std::string permissions;  // "rw-p"
  std::string file;
};

// See proc_pid_maps(5).
std::vector<Mapping> mappings_of(pid_t host_pid) {
  std::istringstream lines(read_file("/proc/" + std::to_string(host_pid) + "/maps"));
  std::vector<Mapping> mappings;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string skipped;
    Mapping mapping;
    fields >> skipped >> mapping.permissions >> skipped >> skipped >> skipped >> mapping.file;
    mappings.push_back(mapping);
  }
  return mappings;
}

bool has(const Mapping& mapping, char permission) { return mapping.permissions.find(permission) != std::string::npos; }

}  // namespace

TEST_CASE("no page of PID 1 is both written and run, and what start-up wrote is read-only") {
  Container container;
  in_both_loops(container);
  container.cinit({"--", "sh", "-c", "echo runs; exec sleep 60"}).wait_for("runs");
  std::ptrdiff_t constant = 0;
  for (const Mapping& mapping : mappings_of(container.host_pid())) {
    CAPTURE(mapping.permissions);
    CAPTURE(mapping.file);
    CHECK_FALSE((has(mapping, 'w') && has(mapping, 'x')));
    if (mapping.file.ends_with("/cinit") && mapping.permissions.starts_with("r--")) ++constant;
  }
  // Headers, constants, and the tables that start-up wrote.
  CHECK(constant == 3);
}
