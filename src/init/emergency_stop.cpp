#include "init/emergency_stop.hpp"

#include <algorithm>

#include "base/exit_code.hpp"
#include "base/line.hpp"
#include "base/stop_budget.hpp"
#include "os/clock.hpp"
#include "os/line_writer.hpp"
#include "os/population.hpp"
#include "os/signals.hpp"
#include "os/wait.hpp"

namespace cinit::init {
namespace {

Duration emergency_budget = std::chrono::seconds(9);

void say_why() {
  Line line;
  line << "cinit: internal error: no memory is left, not even for an orderly stop; sending SIGTERM to every process";
  const std::string_view text = line.line();
  os::LineWriter(2).write_line(text.data(), text.size());
}

// Reaps until nobody is left, or until `deadline`.
bool reap_until(const os::Population& population, Time deadline) {
  while (os::now() < deadline) {
    os::ChildChange change = os::reap_any();
    while (change.pid != 0) change = os::reap_any();
    if (population.remaining(!change.no_children).who == os::Remaining::Who::Nobody) return true;
    siginfo_t info;
    os::wait_for_signal(info, std::min(deadline, later(os::now(), kLookAgain)), os::SignalSet::of(SIGCHLD));
  }
  return false;
}

}  // namespace

void set_emergency_budget(Duration budget) { emergency_budget = budget; }

void emergency_stop() {
  say_why();
  const os::Population population;
  population.terminate([](const os::Process&) { return false; });
  if (!reap_until(population, later(os::now(), emergency_budget))) {
    population.kill();
    reap_until(population, later(os::now(), kReapingTime));
  }
  os::sys::exit(exit_code::kInternal);
}

}  // namespace cinit::init
