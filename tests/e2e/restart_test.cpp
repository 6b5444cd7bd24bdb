// How often, how late and at what price a service is started again.
#include <doctest/doctest.h>

#include <sstream>

#include "container.hpp"
#include "in_order.hpp"
#include "spawn.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

// The delays that the log announces, in seconds.
std::vector<double> delays(const std::string& log) {
  constexpr std::string_view kText = "restarting in ";
  std::vector<double> found;
  for (std::size_t at = 0; (at = log.find(kText, at)) != std::string::npos; at += kText.size()) {
    std::istringstream stream(log.substr(at + kText.size(), 20));
    double value = 0;
    std::string unit;
    stream >> value >> unit;
    found.push_back(unit.starts_with("ms") ? value / 1000 : value);
  }
  return found;
}

// What PID 1 has cost so far.
struct Cost {
  long ticks = 0;  // of CPU time, hundredths of a second
  long switches = 0;
};

Cost cost_of(const Container& container) {
  const std::string directory = "/proc/" + std::to_string(container.host_pid());
  Cost cost;
  std::istringstream stat(read_file(directory + "/stat"));
  std::string word;
  for (int field = 1; field < 14; ++field) stat >> word;
  long system = 0;
  stat >> cost.ticks >> system;
  cost.ticks += system;
  const std::string status = read_file(directory + "/status");
  const std::string_view key = "\nvoluntary_ctxt_switches:";
  cost.switches = std::atol(status.c_str() + status.find(key) + key.size());
  return cost;
}

}  // namespace

TEST_CASE("the delay doubles up to its maximum, and jitter makes it a tenth longer at most") {
  Container container;
  container.config(
      "[service.web]\nrestart-delay = '20ms'\nrestart-max-delay = '300ms'\nstart-limit-burst = 9\ncommand = 'app exit "
      "3'\n");
  container.cinit();
  CHECK(container.wait_exit().code == 3);
  const std::vector<double> found = delays(container.log());
  const std::vector<double> expected{0.02, 0.04, 0.08, 0.16, 0.3, 0.3, 0.3, 0.3};
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i] >= expected[i] * 0.94);  // the log rounds
    CHECK(found[i] <= expected[i] * 1.16);
  }
}

TEST_CASE("the delay starts over for a service that has run for restart-max-delay") {
  Container container;
  container.config(
      "[service.web]\nrestart-delay = '20ms'\nrestart-max-delay = '400ms'\n"
      "command = ['sh', '-c', 'echo x >> /shared/starts; [ $(grep -c x /shared/starts) != 5 ] || sleep 0.5; exit "
      "3']\n");
  container.cinit().wait_for("restarting in ", 6);
  const std::vector<double> found = delays(container.log());
  CHECK(found[3] >= 0.15);
  CHECK(found[4] < 0.03);
  CHECK(found[5] >= 0.037);
  CHECK(found[5] < 0.05);
}

TEST_CASE("a service that has used up its starts has failed for good, and the others go on where that is wanted") {
  Container container;
  container.config(
      "[service.web]\nrestart-delay = '1ms'\nstart-limit-burst = 3\nstart-limit-interval = '1m'\non-failure = "
      "'ignore'\n"
      "command = 'app exit 3'\n[service.other]\ncommand = 'app app1'\n");
  container.cinit().wait_for(
      "cinit: web: failed: started 3 times within 60 s, giving up (start-limit-burst, "
      "start-limit-interval)\n");
  CHECK(container.count("cinit: web: started\n") == 3);
  CHECK(container.running());
  container.signal(SIGTERM);
  CHECK(container.wait_exit().code == 0);
}

TEST_CASE("starts that are older than the interval do not count") {
  Container container;
  container.config(
      "[service.web]\nrestart-delay = '100ms'\nrestart-max-delay = '100ms'\nstart-limit-burst = "
      "3\nstart-limit-interval = "
      "'250ms'\ncommand = 'app exit 3'\n");
  container.cinit().wait_for("cinit: web: started\n", 10);
  CHECK(!container.logged("failed"));
}

TEST_CASE("restart = \"always\" counts successes as starts, too") {
  Container container;
  container.config(
      "[service.web]\nrestart = 'always'\nrestart-delay = '1ms'\nstart-limit-burst = 3\ncommand = 'app exit 0'\n");
  container.cinit();
  CHECK(container.wait_exit().code == 1);
  CHECK(container.count("cinit: web: started\n") == 3);
}

TEST_CASE(
    "on-success = \"shutdown\" and on-failure = \"shutdown\" stop the container once a service has ended for good") {
  for (const int code : {0, 5}) {
    CAPTURE(code);
    Container container;
    container.config("[service.web]\nrestart = 'no'\non-success = 'shutdown'\ncommand = 'app exit " +
                     std::to_string(code) + "'\n[service.other]\ncommand = 'app app1'\n");
    container.cinit();
    CHECK(container.wait_exit().code == code);
    CHECK(container.logged("cinit: stopping: web has ended for good\n"));
  }
}

TEST_CASE("a service that crashes again and again costs cinit next to nothing") {
  for (const char* prefix : {"none", "name"}) {
    CAPTURE(prefix);
    Container container;
    container.config("[cinit]\nlog-prefix = '" + std::string(prefix) +
                     "'\n[service.web]\nrestart-delay = '100ms'\nrestart-max-delay = '100ms'\nstart-limit-burst = 0\n"
                     "command = 'app exit 3'\n");
    container.cinit().wait_for("cinit: web: started\n", 2);
    const Cost before = cost_of(container);
    container.forget_log();
    container.wait_for("cinit: web: started\n", 10);
    const Cost after = cost_of(container);
    MESSAGE("ten restarts: ", after.switches - before.switches, " switches, ", after.ticks - before.ticks, " ticks");
    CHECK(after.switches - before.switches <= 100);
    CHECK(after.ticks - before.ticks <= 10);
  }
}
