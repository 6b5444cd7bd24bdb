// The commands on the real supervisor: what they wait for is what it does.
#include <doctest/doctest.h>

#include "control/commander.hpp"
#include "fake_host.hpp"

using namespace cinit;
using namespace cinit::control;
using namespace std::chrono_literals;

namespace {

constexpr ClientId kMe{1};

core::Plan two_services() {
  config::Service spec;
  spec.on_failure = config::EndAction::Ignore;
  config::Service web = spec;
  web.ready = config::Ready{config::NotifyReady{}};
  web.required = {"db"};
  return core::plan_of(
      core::config_of({core::service("db", spec), core::service("web", web), core::oneshot("job", spec)}));
}

// Everything is up, and somebody asks.
struct Asked {
  Asked() {
    host.tell(core::ToldReady{host.id("web")});
    host.exit("job", 0);
  }

  std::string heard() { return std::exchange(replies.said[kMe], ""); }
  std::string operator()(const std::string& request) {
    commander.take(kMe, "cinit/1 " + request);
    return heard();
  }
  std::string later() {
    commander.progress();
    return heard();
  }

  FakeHost host{two_services()};
  FakeReplies replies;
  Commander commander{host, replies};
};

}  // namespace

TEST_CASE_FIXTURE(Asked, "a service stops and starts") {
  CHECK((*this)("health") == "end 0|");
  CHECK((*this)("stop db") == "out db: stopped|end 0|");
  CHECK((*this)("stop db") == "out db: not running|end 0|");
  CHECK((*this)("start db").empty());
  host.pass(1s);
  CHECK(later() == "out db: started|end 0|");
  CHECK((*this)("start db") == "out db: up already|end 0|");
}

TEST_CASE_FIXTURE(Asked, "a service that takes its time to stop is waited for") {
  host.obedient = false;
  CHECK((*this)("stop db").empty());
  CHECK(later().empty());
  host.exit("db", 0);
  CHECK(later() == "out db: stopped|end 0|");
}

TEST_CASE_FIXTURE(Asked, "a restart waits for the old process, and until the new one is ready") {
  host.obedient = false;
  CHECK((*this)("restart web").empty());
  host.exit("web", 0);
  CHECK(later().empty());
  host.pass(0s);
  CHECK(later().empty());
  host.tell(core::ToldReady{host.id("web")});
  CHECK(later() == "out web: restarted|end 0|");
}

TEST_CASE_FIXTURE(Asked, "a start while the service is stopping starts it anew") {
  host.obedient = false;
  CHECK((*this)("stop --no-wait db") == "end 0|");
  CHECK((*this)("start db").empty());
  host.exit("db", 0);
  std::string answer = later();
  host.pass(0s);
  answer += later();
  host.pass(1s);
  answer += later();
  CHECK(answer == "out db: started|end 0|");
}

TEST_CASE_FIXTURE(Asked, "a oneshot that is done runs once more when it is started") {
  CHECK((*this)("start job").empty());
  host.exit("job", 0);
  CHECK(later() == "out job: started|end 0|");
  CHECK((*this)("restart job").empty());
  host.exit("job", 3);
  CHECK(later() == "err cinit: job: failed: exited with code 3; restarting in 200 ms|end 1|");
}

TEST_CASE_FIXTURE(Asked, "an attempt that fails is told, with what comes next") {
  CHECK((*this)("restart web").empty());
  host.pass(0s);
  CHECK(later().empty());
  host.exit("web", 3);
  CHECK(later() == "err cinit: web: failed: exited with code 3; restarting in 200 ms|end 1|");
}

TEST_CASE_FIXTURE(Asked, "a program that is not there is told") {
  CHECK((*this)("stop web") == "out web: stopped|end 0|");
  host.missing = {"web"};
  CHECK((*this)("start web") == "err cinit: web: failed: no such program|end 1|");
}

TEST_CASE_FIXTURE(Asked, "a start whose requirement fails fails with it") {
  CHECK((*this)("stop *") == "out db: stopped|out web: stopped|out job: not running|end 0|");
  host.missing = {"db"};
  const std::string said = (*this)("start web");
  CHECK(said.starts_with("err cinit: web: failed"));
  CHECK(said.ends_with("end 1|"));
}

TEST_CASE_FIXTURE(Asked, "somebody who stops what another starts ends his wait") {
  CHECK((*this)("restart web").empty());
  host.pass(0s);
  constexpr ClientId kOther{2};
  commander.take(kOther, "cinit/1 stop web");
  CHECK(later() == "err cinit: web: stopped before it was ready|end 1|");
  CHECK(replies.said[kOther] == "out web: stopped|end 0|");
}
