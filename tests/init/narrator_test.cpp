#include "init/narrator.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace cinit;
using namespace cinit::init;
using namespace std::chrono_literals;
using config::LogLevel;
namespace notice = core::notice;

namespace {

constexpr core::ServiceId kWeb{0};
constexpr core::ServiceId kDb{1};
constexpr core::ServiceId kMain{2};

core::Plan make_plan() {
  core::Plan plan;
  for (const char* name : {"web", "db", "bash"}) plan.services.emplace_back().spec.name = name;
  plan.services.back().role = core::Role::MainCommand;
  plan.main_command = kMain;
  return plan;
}

// A narration on one line: "LEVEL [EVENT] SERVICE: MESSAGE".
std::string told(const core::Notice& notice) {
  const core::Plan plan = make_plan();
  const Narration narration = narrate(notice, plan);
  const char* const levels[] = {"debug", "info", "warning", "error"};
  const std::string service = narration.service ? display_name(plan, *narration.service) + ": " : "";
  return std::string(levels[static_cast<int>(narration.level)]) + " [" + narration.event + "] " + service +
         narration.message;
}

WaitStatus code(int value) { return WaitStatus::exited(value); }
WaitStatus killed(int signal) { return WaitStatus::signaled(Signal{signal}); }

core::StartFailure failure(const char* detail) { return {StartStage::Exec, 2, detail, false}; }

notice::ShutdownBegun shutdown(notice::StopCause cause) { return {cause, std::nullopt, std::nullopt}; }

}  // namespace

TEST_CASE("the main command's name says that it is one") {
  const core::Plan plan = make_plan();
  CHECK(display_name(plan, kWeb) == "web");
  CHECK(display_name(plan, kMain) == "bash (main command)");
}

TEST_CASE("a directory whose name is taken: who has it, where that is, and what goes on meanwhile") {
  core::Plan plan = make_plan();
  plan.services[1].spec.where = {"/etc/cinit.toml", 7, 1};
  CHECK(narrate(notice::NameTaken{kDb, "/etc/service/db", std::nullopt}, plan).message ==
        "/etc/service/db: there is a service \"db\" in /etc/cinit.toml:7 already: give the directory another name");
  CHECK(narrate(notice::NameTaken{kDb, "/etc/service/db", kWeb}, plan).message ==
        "/etc/service/db: there is a service \"db\" in /etc/cinit.toml:7 already: give the directory another name; "
        "until then its service goes on as \"web\"");
}

TEST_CASE("a start is told in the words of the field") {
  CHECK(told(notice::Started{kWeb}) == "info [started] web: started");
  CHECK(told(notice::Ready{kWeb, 1500ms}) == "info [ready] web: ready after 1.5 s");
  CHECK(told(notice::StartPostponed{kWeb, failure("cannot make a process (fork): no room"), 400ms}) ==
        "warning [restarting] web: cannot make a process (fork): no room; trying again in 400 ms");
  CHECK(told(notice::StartFailed{kWeb, failure("nginx: not found in /bin")}) ==
        "error [failed] web: failed: nginx: not found in /bin");
  CHECK(told(notice::RequirementFailed{kWeb, kDb}) ==
        "error [failed] web: failed: not started, because it requires db, which has failed");
}

TEST_CASE("an end says how, after how long, and what comes next") {
  CHECK(told(notice::Exited{kWeb, code(3), 12s, false, notice::Restart{400ms, 2, 10}}) ==
        "warning [exited] web: exited with code 3 after 12 s, restarting in 400 ms (2 of 10)");
  CHECK(told(notice::Exited{kWeb, code(3), 12s, false, notice::Restart{30s, 100, 0}}) ==
        "warning [exited] web: exited with code 3 after 12 s, restarting in 30 s");
  CHECK(told(notice::Exited{kWeb, killed(9), 2h + 5min, false, std::nullopt}) ==
        "warning [killed] web: killed by SIGKILL after 2 h 5 min");
  CHECK(told(notice::Exited{kWeb, WaitStatus::signaled(Signal{11}, true), 12s, false, std::nullopt}) ==
        "warning [killed] web: killed by SIGSEGV (core dumped) after 12 s");
  CHECK(told(notice::Exited{kWeb, killed(37), 35ms, true, std::nullopt}) ==
        "info [exited] web: ended by SIGRTMIN+3 after 35 ms");
  CHECK(told(notice::Exited{kWeb, code(0), 35ms, false, std::nullopt, true}) ==
        "warning [exited] web: exited with code 0 before it was ready, after 35 ms");
  CHECK(told(notice::Exited{kMain, code(0), 1500ms, true, std::nullopt}) ==
        "info [exited] bash (main command): exited with code 0 after 1.5 s");
}

TEST_CASE("an end for good says why") {
  CHECK(told(notice::StartLimitHit{kWeb, 10, 5min}) ==
        "error [failed] web: failed: started 10 times within 5 min, giving up (start-limit-burst, "
        "start-limit-interval)");
  CHECK(told(notice::Failed{kWeb}) == "error [failed] web: failed: restart is \"no\"");
  CHECK(told(notice::Done{kWeb}) == "info [done] web: done");
}

TEST_CASE("a stop names the signals that were sent") {
  CHECK(told(notice::Stopping{kWeb, Signal{3}}) == "info [stopping] web: stopping: sending SIGQUIT");
  CHECK(told(notice::Stopped{kWeb}) == "info [stopped] web: stopped");
  CHECK(told(notice::Killing{kWeb, Signal{15}, 7s, true}) ==
        "warning [killing] web: still running 7 s after SIGTERM; sending SIGKILL");
  CHECK(told(notice::Killing{kWeb, Signal{15}, 2500ms, false}) ==
        "warning [killing] web: processes that it started are still there 2.5 s after SIGTERM; sending SIGKILL");
  CHECK(told(notice::Escalated{Signal{15}}) == "info [stopping] another stop signal: sending SIGTERM to everything");
  CHECK(told(notice::BudgetSpent{9s}) ==
        "warning [killing] the stop timeout of 9 s is over; sending SIGKILL to what is left");
}

TEST_CASE("a command that fails has a number where there may be several of its kind") {
  const auto failed = [](core::Task task) { return told(notice::TaskFailed{kWeb, task, 0, code(3)}); };
  const std::string end = " failed: exited with code 3";
  CHECK(failed(core::Task::PreStart) == "warning [command-failed] web: pre-start command 1" + end);
  CHECK(failed(core::Task::StopCommand) == "warning [command-failed] web: stop-command" + end);
  CHECK(failed(core::Task::Down) == "warning [command-failed] web: down command" + end);
}

TEST_CASE("the stop of everything says what caused it") {
  notice::ShutdownBegun by_signal = shutdown(notice::StopCause::StopSignal);
  by_signal.signal = Signal{2};
  CHECK(told(by_signal) == "info [stopping] stopping: got SIGINT");
  CHECK(told(shutdown(notice::StopCause::MainCommandEnded)) == "info [stopping] stopping: the main command has ended");
  notice::ShutdownBegun by_service = shutdown(notice::StopCause::ServiceEnded);
  by_service.service = kDb;
  CHECK(told(by_service) == "info [stopping] stopping: db has ended for good");
  CHECK(told(shutdown(notice::StopCause::AllEnded)) == "info [stopping] stopping: every service has ended");
  CHECK(told(shutdown(notice::StopCause::InternalError)) == "info [stopping] stopping: internal error");
}

TEST_CASE("signals that change nothing are told all the same") {
  CHECK(told(notice::MainSuspended{Signal{20}}) ==
        "info [suspended] bash (main command): suspended by SIGTSTP; it goes on when it gets SIGCONT");
  CHECK(told(notice::SignalIgnored{Signal{10}}) ==
        "info [ignored] SIGUSR1 is ignored: it is not in [cinit] stop-signals. If it is the STOPSIGNAL of the image, "
        "name it there, or set STOPSIGNAL SIGTERM; [cinit] signals hands it on to a service");
  CHECK(told(notice::ReloadRefused{}) ==
        "info [ignored] SIGHUP is ignored: a reload is not supported yet; [cinit] signals = { SIGHUP = \"NAME\" } "
        "hands it on to a service, as `cinit signal HUP NAME` does once");
}

TEST_CASE("a broken invariant is an error") {
  CHECK(told(notice::InvariantBroken{"a process group that nobody watches"}) ==
        "error [internal-error] internal error: a process group that nobody watches; stopping");
}

TEST_CASE("a detail that is longer than a line is cut") {
  const std::string endless(5000, 'x');
  const std::string line = told(notice::StartFailed{kWeb, failure(endless.c_str())});
  CHECK(line.starts_with("error [failed] web: failed: xxx"));
  CHECK(line.size() < 2000);
}

TEST_CASE("a service that is not ready in time is told with what was missing, unless a probe has said why") {
  core::Plan plan = make_plan();
  config::Service& web = plan.services[0].spec;
  const auto why = [&](const std::string& detail = "") {
    return narrate(notice::TimedOut{kWeb, 5s, detail}, plan).message;
  };
  CHECK(why() == "is not ready after 5 s");
  CHECK(why("connection refused by 127.0.0.1:80") == "is not ready after 5 s: connection refused by 127.0.0.1:80");
  web.ready = config::Ready{config::NotifyReady{}};
  CHECK(why() == "is not ready after 5 s: it did not say READY=1");
  CHECK(why("its post-start commands have not ended") ==
        "is not ready after 5 s: its post-start commands have not ended");
  web.ready = config::Ready{config::FdReady{9}};
  CHECK(why() == "is not ready after 5 s: no newline came on its descriptor 9");
  web.ready = config::Ready{config::LogReady{"is up"}};
  CHECK(why() == "is not ready after 5 s: its output did not have \"is up\"");
  web.ready = config::Ready{config::DelayReady{10s}};
  CHECK(why() == "is not ready after 5 s: it is to run for 10 s");
  web.ready = config::Ready{config::Probe{config::FileProbe{"/run/up"}}};
  CHECK(why() == "is not ready after 5 s: its first probe has not come to an end");
  web.type = config::ServiceType::Oneshot;
  CHECK(why() == "has not finished within 5 s");
}
