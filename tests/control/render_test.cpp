#include "control/render.hpp"

#include <doctest/doctest.h>

using namespace cinit;
using namespace cinit::control;
using namespace std::chrono_literals;
namespace state = cinit::core::state;
using Health = core::ServiceStatus::Health;

namespace {

constexpr Time kNow{Duration(1h)};

ServiceView view(std::string name, core::State state, Duration age = 12s) {
  ServiceView service;
  service.name = std::move(name);
  service.status.state = std::move(state);
  service.status.since = kNow - age;
  service.status.wanted = true;
  return service;
}

std::string table(const std::vector<ServiceView>& services) { return "\n" + status_table(services, kNow) + "\n"; }

std::vector<ServiceView> many() {
  ServiceView db = view("postgres", state::Running{}, 3min + 20s);
  db.pid = 17;
  db.status.starts = 1;
  db.status.health = Health::Healthy;
  db.status.text = "ready for connections";
  ServiceView web = view("web", state::Backoff{kNow + 3s}, 500ms);
  web.status.starts = 14;
  web.status.restarts = 11;
  web.status.last_end = WaitStatus::exited(3);
  ServiceView app = view("app", state::Starting{kNever}, 1500ms);
  app.pid = 123456;
  app.is_main = true;
  app.status.starts = 1;
  app.status.detail = "connection refused";
  ServiceView tool = view("tool", state::Idle{}, 2h);
  tool.status.wanted = false;
  ServiceView cache = view("cache", state::Running{}, 40s);
  cache.pid = 20;
  cache.status.starts = 2;
  cache.status.restarts = 1;
  cache.status.last_end = WaitStatus::signaled(kKill);
  cache.status.health = Health::Unhealthy;
  cache.status.failed_checks = 3;
  cache.status.detail = "no answer within 3 s";
  return {db, web, app, tool, cache};
}

}  // namespace

TEST_CASE("the table is aligned, and every column says one thing") {
  CHECK(table(many()) == R"(
NAME                STATE     FOR         PID     RESTARTS  LAST EXIT  READY  HEALTH     DETAIL
postgres            running   3 min 20 s  17      0         -          yes    healthy    ready for connections
web                 backoff   500 ms      -       11        code 3     no     -          exited with code 3; restarting in 3 s
app (main command)  starting  1.5 s       123456  0         -          no     -          not ready yet: connection refused
tool                idle      2 h         -       0         -          -      -          not asked for yet
cache               running   40 s        20      1         SIGKILL    yes    unhealthy  3 failed checks: no answer within 3 s
)");
}

TEST_CASE("without services the table is its head") {
  CHECK(table({}) == "\nNAME  STATE  FOR  PID  RESTARTS  LAST EXIT  READY  HEALTH  DETAIL\n");
}

TEST_CASE("characters, not bytes, are aligned, and what others say stays on its line without controls") {
  ServiceView service = view("caf\xc3\xa9", state::Running{});
  service.status.text = "one\ntwo\x1b[31m";
  CHECK(table({service}) ==
        "\nNAME  STATE    FOR   PID  RESTARTS  LAST EXIT  READY  HEALTH  DETAIL\n"
        "caf\xc3\xa9  running  12 s  -    0         -          yes    -       one two?[31m\n");
}

TEST_CASE("every state has a word") {
  const std::pair<core::State, const char*> words[] = {
      {state::Idle{}, "idle"},          {state::Waiting{}, "waiting"},   {state::PreStart{}, "starting"},
      {state::Launching{}, "starting"}, {state::Starting{}, "starting"}, {state::PostStart{}, "starting"},
      {state::Running{}, "running"},    {state::Backoff{}, "backoff"},   {state::PreStop{}, "stopping"},
      {state::Stopping{}, "stopping"},  {state::Killing{}, "stopping"},  {state::StoppingRest{}, "stopping"},
      {state::PostStop{}, "stopping"},  {state::Done{}, "done"},         {state::Failed{}, "failed"},
      {state::Stopped{}, "stopped"},
  };
  for (const auto& [state, word] : words) CHECK(state_word(state) == word);
}

TEST_CASE("the detail is the reason, and without one what the service says") {
  ServiceView failed = view("web", state::Failed{});
  CHECK(detail(failed, kNow).empty());
  failed.status.last_end = WaitStatus::signaled(Signal{11});
  CHECK(detail(failed, kNow) == "killed by SIGSEGV");
  failed.status.failure = core::StartFailure{StartStage::Exec, 2, "/bin/web: not found"};
  CHECK(detail(failed, kNow) == "/bin/web: not found");
  failed.trouble = "failed: not started, because it requires db, which has failed";
  CHECK(detail(failed, kNow) == failed.trouble);

  ServiceView waiting = view("web", state::Waiting{});
  waiting.waits_for = {"a", "b"};
  CHECK(detail(waiting, kNow) == "waits for a, b");
  waiting.waits_for = {"a", "b", "c", "d", "e"};
  CHECK(detail(waiting, kNow) == "waits for a, b, c and 2 more");

  ServiceView stopping = view("web", state::Stopping{kTerminate, kNow, kNever});
  stopping.status.text = "bye";
  CHECK(detail(stopping, kNow) == "got SIGTERM");
  ServiceView overdue = view("web", state::Backoff{kNow - 1s});
  CHECK(detail(overdue, kNow) == "restarting in 0 ms");
}

TEST_CASE("a complaint is there for what should be ready and is not, and for what is unhealthy") {
  CHECK(complaint(view("web", state::Running{}), kNow).empty());
  CHECK(complaint(view("web", state::Done{}), kNow).empty());
  CHECK(complaint(view("web", state::Waiting{}), kNow) == "waiting");
  CHECK(complaint(many()[1], kNow) == "backoff: exited with code 3; restarting in 3 s");
  CHECK(complaint(many()[4], kNow) == "unhealthy: no answer within 3 s");
}

TEST_CASE("the same as JSON") {
  std::vector<ServiceView> services = many();
  services = {services[0], services[2], services[4]};
  CHECK("\n" + status_json(services, kNow) + "\n" == R"(
[{"name":"postgres","role":"service","state":"running","since_seconds":200.000,"pid":17,"restarts":0,"exit_code":null,"exit_signal":null,"ready":true,"health":"healthy","background":[],"detail":null,"status":"ready for connections"},
 {"name":"app","role":"main-command","state":"starting","since_seconds":1.500,"pid":123456,"restarts":0,"exit_code":null,"exit_signal":null,"ready":false,"health":null,"background":[],"detail":"not ready yet: connection refused","status":null},
 {"name":"cache","role":"service","state":"running","since_seconds":40.000,"pid":20,"restarts":1,"exit_code":null,"exit_signal":"SIGKILL","ready":true,"health":"unhealthy","background":[],"detail":"3 failed checks: no answer within 3 s","status":null}]
)");
  CHECK(status_json({}, kNow) == "[]");
}

TEST_CASE("bytes that are no UTF-8 become a character that stands for them in JSON") {
  ServiceView service = view("web", state::Running{}, 7ms);
  const std::pair<const char*, const char*> texts[] = {
      {"a\xff"
       "b",
       "a\xef\xbf\xbd"
       "b"},
      {"\xc3", "\xef\xbf\xbd"},
      {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
      {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
      {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"\"\\\n", "\\\"\\\\\\u000a"},
  };
  for (const auto& [text, expected] : texts) {
    service.status.text = text;
    const std::vector<ServiceView> services{service};
    CHECK(status_json(services, kNow).ends_with(std::string("\"status\":\"") + expected + "\"}]"));
  }
  CHECK(status_json(std::vector{service}, kNow).find("\"since_seconds\":0.007,") != std::string::npos);
}
