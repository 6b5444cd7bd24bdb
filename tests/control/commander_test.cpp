#include "control/commander.hpp"

#include <doctest/doctest.h>

#include "fake_host.hpp"

using namespace cinit;
using namespace cinit::control;
using namespace std::chrono_literals;

namespace {

constexpr ClientId kMe{1};

// A container with "db" and "web", and a client. Its boot hook has not ended: see bring_up().
struct Asked {
  explicit Asked(const config::Service& web = {}) : host(some_plan(web)) {}

  FakeHost host;
  FakeReplies replies;
  Commander commander{host, replies};

  // What is said since the last call.
  std::string heard() { return std::exchange(replies.said[kMe], ""); }
  std::string operator()(const std::string& request) {
    commander.take(kMe, "cinit/1 " + request);
    return heard();
  }
  std::string later() {
    commander.progress();
    return heard();
  }
};

}  // namespace

TEST_CASE("what the commander does not know it refuses with the code of a usage error") {
  Asked ask;
  ask.commander.take(kMe, "cinit/7 status");
  CHECK(ask.heard() ==
        "err cinit: the request does not begin with \"cinit/1\": client and server are of different versions|end 64|");
  CHECK(ask("reload") == "err cinit: the cinit that runs here knows no command \"reload\"|end 64|");
  CHECK(ask("status --follow") == "err cinit: status: unknown option --follow|end 64|");
  CHECK(ask.host.calls.empty());
}

TEST_CASE("status shows services and the main command, and no hook") {
  Asked ask;
  ask.host.hold("web");
  bring_up(ask.host);
  ask.host["db"].pid = 7;
  CHECK(ask("status") ==
        "out NAME                STATE     FOR   PID  RESTARTS  LAST EXIT  READY  HEALTH  DETAIL\n"
        "db                  running   0 ms  7    0         -          yes    -\n"
        "web                 starting  0 ms  -    0         -          no     -\n"
        "app (main command)  waiting   0 ms  -    0         -          no     -       waits for web|end 0|");
}

TEST_CASE("status says who is waited for") {
  Asked ask;
  ask.host.hold("db");
  bring_up(ask.host);
  CHECK(ask("status web").find("waits for db|end 3|") != std::string::npos);
}

TEST_CASE("status of a service that is named and not up has a code of its own") {
  Asked ask;
  ask.host.hold("web");
  bring_up(ask.host);
  const auto code_of = [&](const std::string& request) {
    const std::string said = ask(request);
    return said.substr(said.rfind("end "));
  };
  CHECK(code_of("status") == "end 0|");
  CHECK(code_of("status db") == "end 0|");
  CHECK(code_of("status db web") == "end 3|");
  CHECK(code_of("status --json db").starts_with("end 0"));
  CHECK(ask("status wbe") == "err cinit: there is no service \"wbe\"; did you mean web?|end 64|");
}

TEST_CASE("start is answered when the service is ready") {
  Asked ask;
  ask.host.hold("web");
  bring_up(ask.host);
  CHECK(ask("start web").empty());
  CHECK(ask.host.calls == std::vector<std::string>{"start web"});
  CHECK(ask.later().empty());
  ask.host.runs("web");
  CHECK(ask.later().empty());
  ask.host.pass(1s);
  CHECK(ask.later() == "out web: started|end 0|");
  CHECK(ask.later().empty());
}

TEST_CASE("start of several is answered when the last has come to a result") {
  Asked ask;
  ask.host.hold("db");
  ask.host.missing = {"web"};
  bring_up(ask.host);
  CHECK(ask("start *").empty());
  CHECK(ask.host.calls == std::vector<std::string>{"start db", "start web"});
  CHECK(ask.later().empty());
  ask.host["web"].trouble = "no such program";
  ask.host.runs("db");
  ask.host.pass(1s);
  CHECK(ask.later() == "out db: started|err cinit: web: failed: no such program|end 1|");
}

TEST_CASE("start of several tells each as it comes") {
  Asked ask;
  ask.host.hold("web");
  CHECK(ask("start *").empty());
  bring_up(ask.host);
  ask.host.pass(1s);
  CHECK(ask.later() == "out db: started|");
  ask.host.runs("web");
  ask.host.pass(1s);
  CHECK(ask.later() == "out web: started|end 0|");
}

TEST_CASE("what holds already is answered at once") {
  Asked ask;
  bring_up(ask.host);
  CHECK(ask("start db") == "out db: up already|end 0|");
  CHECK(ask("stop web") == "out web: stopped|end 0|");
  CHECK(ask("stop web") == "out web: not running|end 0|");
}

TEST_CASE("with --no-wait nothing is waited for") {
  Asked ask;
  ask.host.obedient = false;
  bring_up(ask.host);
  CHECK(ask("stop --no-wait db") == "end 0|");
  CHECK(ask.host.calls == std::vector<std::string>{"stop db"});
}

TEST_CASE("stop is answered when nothing is left") {
  Asked ask;
  ask.host.obedient = ask.host.leaves_nothing = false;
  bring_up(ask.host);
  CHECK(ask("stop db").empty());
  ask.host.exit("db", 0);
  CHECK(ask.later().empty());
  ask.host.tell(core::GroupEmptied{ask.host.id("db")});
  CHECK(ask.later() == "out db: stopped|end 0|");
}

TEST_CASE("restart is answered when the new run is ready") {
  Asked ask;
  bring_up(ask.host);
  ask.host.hold("db");
  CHECK(ask("restart db").empty());
  CHECK(ask.later().empty());
  ask.host.runs("db");
  ask.host.pass(1s);
  CHECK(ask.later() == "out db: restarted|end 0|");
}

TEST_CASE("whoever waits is told when cinit begins to stop, but first what has come true") {
  Asked ask;
  ask.host.hold("web");
  CHECK(ask("start *").empty());
  bring_up(ask.host);
  ask.host.pass(1s);
  // "db" goes on until "web" is over, which is stopped before.
  ask.host.tell(core::SignalReceived{kTerminate});
  CHECK(ask.later() == "out db: started|err cinit: cinit is stopping|end 1|");
  CHECK(ask("start db") == "err cinit: cinit is stopping|end 1|");
  CHECK(ask("restart db") == "err cinit: cinit is stopping|end 1|");
  CHECK(ask("stop --no-wait db") == "end 0|");
  CHECK(ask.host.calls.size() == 3);
}

TEST_CASE("one wrong name, and nothing is done") {
  Asked ask;
  CHECK(ask("stop db nothing") == "err cinit: there is no service \"nothing\"|end 64|");
  CHECK(ask("stop db app") ==
        "err cinit: app is the main command, which cannot be started or stopped by itself: the "
        "container ends with it|end 64|");
  CHECK(ask("restart") ==
        "err cinit: the name of a service is missing; '*' stands for all of them. `cinit shutdown` ends the container, "
        "as docker stop does|end 64|");
  CHECK(ask.host.calls.empty());
}

TEST_CASE("who has gone is not answered, and what it asked for goes on") {
  Asked ask;
  CHECK(ask("start web").empty());
  ask.commander.forget(kMe);
  bring_up(ask.host);
  CHECK(ask.host.status(ask.host.id("web")).is_ready());
  CHECK(ask.later().empty());
}

TEST_CASE("signal sends to the main process or to the group") {
  Asked ask;
  ask.host["db"].pid = 7;
  ask.host["app"].pid = 8;
  CHECK(ask("signal HUP db app") == "end 0|");
  CHECK(ask("signal --group 10 db") == "end 0|");
  CHECK(ask.host.calls == std::vector<std::string>{"SIGHUP to db", "SIGHUP to app", "SIGUSR1 to db's group"});
  CHECK(ask("signal TERM *") == "err cinit: web: it has no process|end 1|");
  CHECK(ask("signal HUB db") == "err cinit: unknown signal \"HUB\"|end 64|");
  CHECK(ask("signal db") == "err cinit: a signal and the name of a service are needed|end 64|");
}

TEST_CASE("health names who should be ready and is not") {
  config::Service web;
  web.health = config::Health{config::Probe{config::TcpProbe{{"127.0.0.1", 80}}}};
  web.health->retries = 1;
  web.health->action = config::HealthAction::Ignore;
  Asked ask(web);
  ask.host.hold("app");
  bring_up(ask.host);
  CHECK(ask("health db web") == "end 0|");
  ask.host.pass(web.health->interval);
  ask.host.probe_fails("web", "status 503");
  CHECK(ask("health") == "out web: unhealthy: status 503|out app: starting|end 1|");
  CHECK(ask("health db") == "end 0|");
}

TEST_CASE("health does not ask for what is not wanted, unless it is named or has failed") {
  Asked ask;
  bring_up(ask.host);
  CHECK(ask("health") == "end 0|");
  ask("stop web");
  CHECK(ask("health") == "end 0|");
  CHECK(ask("health web") == "out web: stopped|end 1|");
  ask.host.missing = {"web"};
  ask("start web");
  CHECK(ask("health") == "out web: failed: no such program|end 1|");
  ask.host.tell(core::SignalReceived{kTerminate});
  CHECK(ask("health") == "err cinit: cinit is stopping|end 1|");
}

TEST_CASE("logs are merged in the order in which they were written") {
  Asked ask;
  ask.host.write("db", "one");
  ask.host.write("web", "two");
  ask.host.write("db", "three");
  CHECK(ask("logs") == "out db | one|out web | two|out db | three|end 0|");
  CHECK(ask("logs db") == "out one|out three|end 0|");
  CHECK(ask("logs --lines=2 db web") == "out web | two|out db | three|end 0|");
  CHECK(ask("logs --lines=0 db") == "end 0|");
}

TEST_CASE("logs of what is not captured say how to have them") {
  Asked ask;
  const std::string way = "does not go through cinit: set log-prefix to \"name\" or \"json\" in [cinit]";
  CHECK(ask("logs") == "err cinit: the output of services " + way + "|end 1|");
  ask.host.write("db", "one");
  CHECK(ask("logs db web") == "err cinit: web: its output " + way + "|out db | one|end 1|");
  CHECK(ask("logs web") == "err cinit: web: its output " + way + "|end 1|");
}

TEST_CASE("logs that follow go on with what is written from then on") {
  Asked ask;
  ask.host.write("db", "one");
  CHECK(ask("logs --follow db") == "out one|");
  ask.commander.line(ask.host.id("db"), "two");
  ask.commander.line(ask.host.id("web"), "not asked for");
  CHECK(ask.heard() == "out two|");
  ask.commander.leave();
  CHECK(ask.heard() == "end 0|");
}

TEST_CASE("more lines than one answer holds leave out the oldest, and say so") {
  Asked ask;
  for (int i = 0; i < 100; ++i) ask.host.write("db", std::to_string(i) + std::string(16 << 10U, 'x'));
  const std::string said = ask("logs db");
  CHECK(said.size() < Replies::kMostPending);
  CHECK(said.starts_with("err cinit: 69 older lines were skipped: too many for one answer|out 69xxx"));
}

TEST_CASE("when cinit ends whoever waits is answered") {
  Asked ask;
  CHECK(ask("start web").empty());
  ask.commander.leave();
  CHECK(ask.heard() == "err cinit: cinit has ended|end 1|");
}

TEST_CASE("the container ends by command, with the exit code that was asked for") {
  Asked ask;
  bring_up(ask.host);
  CHECK(ask("shutdown 256") == "err cinit: \"256\" is not an exit code: 0 to 255|end 64|");
  CHECK(ask("shutdown x") == "err cinit: \"x\" is not an exit code: 0 to 255|end 64|");
  CHECK(ask("shutdown 1 2") == "err cinit: unexpected argument \"2\"|end 64|");
  CHECK(!ask.host.is_stopping());
  CHECK(ask("shutdown 7") == "out the container is stopping|end 0|");
  CHECK(ask.host.is_stopping());
  CHECK(ask("shutdown") == "err cinit: cinit is stopping|end 1|");
}

TEST_CASE("all services are not called all") {
  Asked ask;
  CHECK(ask("restart all") == "err cinit: there is no service \"all\"; all of them are '*'|end 64|");
}
