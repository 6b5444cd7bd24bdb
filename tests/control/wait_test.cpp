#include "control/wait.hpp"

#include <doctest/doctest.h>

using namespace cinit;
using namespace cinit::control;
using namespace std::chrono_literals;
namespace state = cinit::core::state;
using What = core::Requested::What;

namespace {

constexpr Time kNow{Duration(1h)};

// What comes of `what`, asked for when it had been started `before` times, if it is like this now.
std::string outcome(What what, std::uint32_t before, bool reached_before, core::State state, std::uint32_t starts,
                    bool wanted = true) {
  ServiceView service;
  service.name = "web";
  service.status.state = std::move(state);
  service.status.starts = starts;
  service.status.wanted = wanted;
  service.status.last_end = WaitStatus::exited(3);
  Awaited awaited{core::ServiceId{0}, what, before, reached_before};
  const auto result = outcome_of(awaited, service, kNow);
  if (!result) return "not yet";
  return (result->reached ? "yes: " : "no: ") + result->words;
}

}  // namespace

TEST_CASE("a start has come true when the service is ready") {
  CHECK(outcome(What::Start, 1, false, state::Waiting{}, 1) == "not yet");
  CHECK(outcome(What::Start, 1, false, state::Starting{kNever}, 2) == "not yet");
  CHECK(outcome(What::Start, 1, false, state::PostStart{kNever}, 2) == "not yet");
  CHECK(outcome(What::Start, 1, false, state::Running{}, 2) == "yes: started");
  CHECK(outcome(What::Start, 1, true, state::Running{}, 1) == "yes: up already");
  CHECK(outcome(What::Start, 1, true, state::Done{}, 2) == "yes: started");
  CHECK(outcome(What::Start, 1, false, state::Running{}, 1) == "yes: started");
}

TEST_CASE("a start has failed when the service has, or waits for its next attempt") {
  CHECK(outcome(What::Start, 1, false, state::Failed{}, 2, false) == "no: failed: exited with code 3");
  CHECK(outcome(What::Start, 1, false, state::Backoff{kNow + 2s}, 2) ==
        "no: failed: exited with code 3; restarting in 2 s");
  CHECK(outcome(What::Start, 1, false, state::Starting{kNever}, 3) ==
        "no: failed, and is started once more: exited with code 3");
  CHECK(outcome(What::Start, 1, false, state::Stopped{}, 1, false) == "no: stopped before it was ready");
}

TEST_CASE("the moment between the two halves of a restart is no failure") {
  CHECK(outcome(What::Restart, 1, true, state::Backoff{kNow}, 1) == "not yet");
  CHECK(outcome(What::Restart, 1, true, state::Backoff{kNow + 1ms}, 2) ==
        "no: failed: exited with code 3; restarting in 1 ms");
}

TEST_CASE("a restart has come true when a newer run is ready") {
  CHECK(outcome(What::Restart, 1, true, state::Running{}, 1) == "not yet");
  CHECK(outcome(What::Restart, 1, true, state::Stopping{kTerminate, kNow, kNever}, 1) == "not yet");
  CHECK(outcome(What::Restart, 1, true, state::Running{}, 2) == "yes: restarted");
  CHECK(outcome(What::Restart, 1, true, state::Failed{}, 2, false) == "no: failed: exited with code 3");
}

TEST_CASE("a stop has come true in every state from which nothing more comes") {
  CHECK(outcome(What::Stop, 1, false, state::Stopping{kTerminate, kNow, kNever}, 1, false) == "not yet");
  CHECK(outcome(What::Stop, 1, false, state::StoppingRest{core::Ending::Stopped, kNever, kNow, kNever}, 1, false) ==
        "not yet");
  CHECK(outcome(What::Stop, 1, false, state::Stopped{}, 1, false) == "yes: stopped");
  CHECK(outcome(What::Stop, 1, true, state::Failed{}, 1, false) == "yes: not running");
  CHECK(outcome(What::Stop, 1, false, state::Running{}, 2, true) == "no: started again by another client");
}

TEST_CASE("a service without readiness has started when it has run for a moment") {
  Awaited awaited{core::ServiceId{0}, What::Start, 1, false, true};
  ServiceView service;
  service.name = "web";
  service.status.state = state::Running{};
  service.status.starts = 2;
  service.status.since = kNow;
  CHECK(!outcome_of(awaited, service, kNow + kSettleTime - 1ms));
  CHECK(settled_at(awaited, service.status) == kNow + kSettleTime);
  CHECK(outcome_of(awaited, service, kNow + kSettleTime)->words == "started");
  service.status.state = state::Done{};
  service.status.last_end = WaitStatus::exited(0);
  CHECK(outcome_of(awaited, service, kNow)->words == "started, and exited with code 0 at once");
  service.status.state = state::Failed{};
  service.status.last_end = WaitStatus::exited(4);
  CHECK(outcome_of(awaited, service, kNow)->words == "failed: exited with code 4");
  CHECK(settled_at(awaited, service.status) == kNever);
}

TEST_CASE("a service that was up before a start is not waited for") {
  Awaited awaited{core::ServiceId{0}, What::Start, 1, true, true};
  ServiceView service;
  service.status.state = state::Running{};
  service.status.starts = 1;
  service.status.since = kNow;
  CHECK(settled_at(awaited, service.status) == kNever);
  CHECK(outcome_of(awaited, service, kNow)->words == "up already");
}

TEST_CASE("a stop that needed SIGKILL says so") {
  Awaited awaited{core::ServiceId{0}, What::Stop, 1, false};
  ServiceView service;
  service.status.state = state::Killing{kNow, kNever};
  CHECK(!outcome_of(awaited, service, kNow));
  service.status.state = state::Stopped{};
  CHECK(outcome_of(awaited, service, kNow)->words ==
        "stopped; it had to be killed, because it did not end when it was asked to");
}
