#include "init/stop_reason.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace cinit;
using namespace cinit::init;
using namespace std::chrono_literals;
namespace notice = core::notice;

namespace {

constexpr core::ServiceId kWeb{0};

core::Plan make_plan() {
  core::Plan plan;
  plan.services.emplace_back().spec.name = "web";
  return plan;
}

// What happens to the service "web".
struct Story {
  Story& then(const core::Notice& notice) {
    reason.take_in(notice, narrate(notice, plan));
    return *this;
  }
  std::string trouble() const { return reason.why_down(kWeb); }

  core::Plan plan = make_plan();
  StopReason reason{plan};
};

notice::Exited crash(std::optional<notice::Restart> restart = {}) {
  return {kWeb, WaitStatus::exited(3), 20ms, false, restart};
}

notice::HealthCheckFailed ill(const std::string& detail) { return {kWeb, detail, 1, 3}; }

}  // namespace

TEST_CASE("a service's trouble is why it is down, without the words that it is") {
  Story story;
  CHECK(story.trouble().empty());
  story.then(crash(notice::Restart{100ms, 2, 10}));
  CHECK(story.trouble() == "exited with code 3 after 20 ms");
  CHECK(story.then(notice::Started{kWeb}).trouble().empty());
  story.then(crash()).then(notice::Failed{kWeb});
  CHECK(story.trouble() == "exited with code 3 after 20 ms; restart is \"no\"");
}

TEST_CASE("the reason of the stop is told in the words of the log") {
  Story story;
  story.then(crash())
      .then(notice::Failed{kWeb})
      .then(notice::ShutdownBegun{notice::StopCause::ServiceEnded, kWeb, std::nullopt});
  CHECK(story.reason.text() == "web: exited with code 3 after 20 ms; failed: restart is \"no\"");
}

TEST_CASE("of trouble that goes on only the newest of each kind is kept, and none when the service is well again") {
  Story story;
  for (int i = 0; i < 1000; ++i) story.then(ill("first"));
  story.then(ill("last")).then(notice::Unhealthy{kWeb, config::HealthAction::Ignore}).then(ill("after"));
  CHECK(story.trouble() == "unhealthy; health check failed: after (1 of 3)");
  CHECK(story.then(notice::Healthy{kWeb}).trouble().empty());
}
