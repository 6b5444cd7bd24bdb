// What processes send along to PID 1's sockets, so that its close takes long: PID 1 answers and stops as if there were nothing.
#include <doctest/doctest.h>

#include <algorithm>

#include "container.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

// The passengers linger for 40 s.
constexpr Clock::duration kAtOnce = 5s;

Options on_its_own_network() {
  Options options;
  options.network = true;
  return options;
}

std::string notifying(const std::string& script, const std::string& keys = "") {
  return "[service.web]\nready = 'notify'\nstart-timeout = 0\ncommand = ['sh', '-c', '" + script + "']\n" + keys;
}

constexpr char kOther[] = "[service.other]\ncommand = 'app app1 other'\n";

// PID 1 is asked, ends and starts something, and answers.
void is_awake(Container& container) {
  const Clock::time_point start = Clock::now();
  CHECK(container.exec({"/sbin/cinit", "status", "other"}).code == 0);
  CHECK(container.exec({"/sbin/cinit", "restart", "other"}).code == 0);
  CHECK(Clock::now() - start < kAtOnce);
}

void stops_at_once(Container& container) {
  container.signal(SIGTERM);
  CHECK(container.wait_exit().took < kAtOnce);
}

// No directory for notify sockets can be written to: the address is one that every user can send to. There is no control
// socket either. Returns when `web` has left its address in /shared/socket.
void start_with_abstract_socket(Container& container) {
  Options options = on_its_own_network();
  options.read_only = true;
  const std::string close = "for i in /run /tmp /dev/shm; do mount -o remount,ro $i; done; ";
  container.start({"/bin/sh", "-c", close + "exec /sbin/cinit"}, options).wait_for("other: ready\n");
  container.wait_until([&] { return !container.read_shared("socket").empty(); }, "the address");
}

// Runs the program of the tests as another user than the service's.
void as_stranger(Container& container, const std::string& mode) {
  container.exec_in_background({"sh", "-c", "NOTIFY_SOCKET=$(cat /shared/socket) app as 1000 app " + mode});
}

}  // namespace

TEST_CASE("PID 1 does not wait for the close of what a service sends along with a notification") {
  std::string line;
  SUBCASE("with READY=1") { line = "READY=1"; }
  SUBCASE("with a barrier") { line = "BARRIER=1"; }
  SUBCASE("with what it does not know") { line = "FDSTORE=1"; }
  Container container;
  container.config(kOther + notifying("exec app notify-with-passenger 10 " + line, "user = 'nobody'\n"));
  container.cinit({}, on_its_own_network()).wait_for("passengers sent\n");
  container.wait_for("other: ready\n");
  is_awake(container);
  if (line == "READY=1") container.wait_for("cinit: web: ready after ");
  stops_at_once(container);
}

TEST_CASE("what comes behind such a notification is heard, and a barrier behind it passes") {
  Container container;
  container.config(kOther + notifying("app notify-with-passenger 10 FDSTORE=1 & app wait-for /shared/go; "
                                      "app notify READY=1; app barrier; exec app app1"));
  container.cinit({}, on_its_own_network()).wait_for("passengers sent\n");
  container.exec({"touch", "/shared/go"});
  container.wait_for("cinit: web: ready after ");
  container.wait_for("barrier passed\n");
  container.wait_until([&] { return container.zombies() == 0; }, "the children are reaped");
  stops_at_once(container);
}

TEST_CASE("what another user sends to an abstract socket holds up neither PID 1 nor the service") {
  Container container;
  container.config(kOther + notifying("echo $NOTIFY_SOCKET > /shared/socket; app wait-for /shared/go; "
                                      "app notify READY=1; app barrier; exec app app1"));
  start_with_abstract_socket(container);
  as_stranger(container, "notify-with-passenger 10 READY=1");
  container.wait_for("passengers sent\n");
  container.exec({"touch", "/shared/go"});
  container.wait_for("barrier passed\n");
  CHECK(container.count("cinit: web: ready after ") == 1);
  stops_at_once(container);
}

TEST_CASE("a service gets through to PID 1 by an abstract socket that another user floods") {
  Container container;
  container.config(kOther + notifying("echo $NOTIFY_SOCKET > /shared/socket; app wait-for /shared/go; "
                                      "for i in 1 2 3 4 5; do app barrier; done; app notify READY=1; exec app app1"));
  start_with_abstract_socket(container);
  for (int i = 0; i < 4; ++i) as_stranger(container, "notify-without-end /shared/never");
  container.wait_for("busy\n", 20);
  container.exec({"touch", "/shared/go"});
  container.wait_for("barrier passed\n", 5);
  container.wait_for("cinit: web: ready after ");
  stops_at_once(container);
}

TEST_CASE("what an earlier run has sent does not hold up the next one, and is not taken for it") {
  Container container;
  container.config(kOther + notifying("if [ -e /shared/once ]; then echo second run; exec app app1 web; fi; "
                                      "touch /shared/once; app wait-for /shared/go; "
                                      "app notify-with-passenger 1 BARRIER=1 & app wait-for /shared/sent; "
                                      "app notify READY=1; kill -9 $$",
                                      "restart = 'always'\nrestart-delay = '1ms'\n"));
  container.cinit({}, on_its_own_network()).wait_for("other: ready\n");
  const auto find = [&](const auto& is_wanted) {
    const std::vector<Process> all = container.processes();
    const auto found = std::ranges::find_if(all, is_wanted);
    return found == all.end() ? 0 : found->pid;
  };
  const auto is_script = [](const Process& process) { return process.command.starts_with("sh -c if"); };
  container.wait_until([&] { return find(is_script) != 0; }, "the first run");
  const pid_t first = find(is_script);
  container.signal(SIGSTOP);
  container.exec({"touch", "/shared/go"});
  container.wait_for("passengers sent\n");
  container.exec({"touch", "/shared/sent"});
  const auto has_ended = [first](const Process& process) { return process.pid == first && process.state == 'Z'; };
  container.wait_until([&] { return find(has_ended) != 0; }, "the end of the first run");
  container.signal(SIGCONT);
  container.wait_for("second run\n");
  is_awake(container);
  CHECK(!container.logged("cinit: web: ready"));
  stops_at_once(container);
}

TEST_CASE("the control socket takes no descriptors") {
  Container container;
  container.config(kOther).cinit({}, on_its_own_network()).wait_for("other: ready\n");
  container.exec_in_background({"app", "ask-with-passenger", "/run/cinit.sock", "", "cinit/1 status\n"});
  container.wait_for("passengers not sent: Operation not permitted\n");
  is_awake(container);
  stops_at_once(container);
}

TEST_CASE("on an older kernel PID 1 does not wait for the close of what clients send along") {
  Container container;
  container.config("[cinit]\nlog-prefix = 'name'\n" + std::string(kOther));
  container.start({"/bin/app", "without-pass-rights", "/sbin/cinit"}, on_its_own_network());
  container.wait_for("other: ready\n");
  const auto send = [&](const std::string& before, const std::string& text) {
    container.exec_in_background({"app", "ask-with-passenger", "/run/cinit.sock", before, text});
    container.wait_for("passengers sent\n");
  };
  bool is_refused = true;
  SUBCASE("with a request") { send("", "cinit/1 status\n"); }
  SUBCASE("in the middle of a request") { send("", "cinit/1 sta"); }
  SUBCASE("behind a request, before the client goes") {
    is_refused = false;
    send("cinit/1 logs --follow --expect-wait", "more");
  }
  SUBCASE("before PID 1 has accepted the connection") {
    container.signal(SIGSTOP);
    send("", "cinit/1 status\n");
    container.signal(SIGTERM);
    container.signal(SIGCONT);
    CHECK(container.wait_exit().took < kAtOnce);
    return;
  }
  if (is_refused) container.wait_for("cinit: a client is refused: descriptors came with the request\n");
  is_awake(container);
  container.wait_until([&] { return container.zombies() == 0; }, "the children are reaped");
  stops_at_once(container);
}

// ---- Descriptors that the poller does not take

TEST_CASE("what cannot be watched is said, and is tried again") {
  const std::string gate = "after = ['gate']\n";
  Container container;
  container.config(
      "[service.gate]\ntype = 'oneshot'\ncommand = 'app wait-for /shared/go'\n"
      "[service.notifies]\nready = 'notify'\n"
      "command = ['sh', '-c', 'app notify READY=1; exec app app1 notifies']\n" +
      gate + "[service.newline]\nready = { fd = 5 }\ncommand = ['sh', '-c', 'echo >&5; exec app app1 newline']\n" +
      gate + "[service.text]\nready = { log = 'text: ready' }\ncommand = 'app app1 text'\n" + gate + kOther);
  container.start({"/bin/app", "refuse-watches", "/shared/refused", "/sbin/cinit"}).wait_for("other: ready\n");
  container.exec({"touch", "/shared/refused"});
  container.exec({"touch", "/shared/go"});
  const std::string why = " cannot be watched: epoll_ctl: No space left on device";
  container.wait_for("cinit: notifies: the socket for its notifications" + why);
  container.wait_for("cinit: newline: the descriptor for its readiness" + why);
  container.wait_for("cinit: text: ");
  const Output answer = container.exec({"/sbin/cinit", "status"});
  CHECK(answer.code == 75);
  CHECK(answer.text.starts_with("cinit: the request is not taken: it cannot be waited for: epoll_ctl: No space left"));
  container.wait_for("cinit: a client is refused: it cannot be waited for: epoll_ctl: No space left");
  container.exec({"rm", "/shared/refused"});
  for (const char* name : {"notifies", "newline", "text"}) {
    container.wait_for("cinit: " + std::string(name) + ": ready after ");
  }
}

// ---- A PID 1 that does not answer

TEST_CASE("each command gives up when PID 1 does not answer, and says so") {
  Container container;
  container.config("[cinit]\nlog-prefix = 'name'\n" + std::string(kOther)).cinit().wait_for("other: ready\n");
  container.exec_in_background({"sh", "-c", "cinit logs -f > /shared/followed; echo follow $?"});
  container.wait_until([&] { return !container.read_shared("followed").empty(); }, "the lines");
  container.signal(SIGSTOP);
  for (const char* command : {"health", "status", "logs", "logs -f", "restart other", "stop --no-wait other"}) {
    container.exec_in_background(
        {"sh", "-c", "cinit " + std::string(command) + " 2>&1; echo \"" + command + ": code $?\""});
  }
  const Clock::time_point start = Clock::now();
  container.wait_for("health: code 69\n", 1, 9s);
  CHECK(Clock::now() - start > 3s);
  container.wait_for(": code 69\n", 6, 15s);
  const std::string what = "cinit: the cinit at /run/cinit.sock does not answer: nothing has come from it for ";
  CHECK(container.count(what + "5 s\n") == 1);
  CHECK(container.count(what + "10 s\n") == 5);
  // One that has been told that it takes long goes on.
  CHECK(!container.logged("follow 69"));
  container.signal(SIGCONT);
  stops_at_once(container);
}

TEST_CASE("commands that wait for a service wait for longer than PID 1 may be silent") {
  Container container;
  container.config("[service.late]\nautostart = false\nready = { file = '/shared/go' }\ncommand = 'app app1 late'\n" +
                   std::string(kOther));
  container.cinit().wait_for("other: ready\n");
  container.exec_in_background({"sh", "-c", "cinit start late; echo \"code $?\""});
  container.wait_for("late: ready\n");
  container.watch_for(11s);
  CHECK(!container.logged("code "));
  container.exec({"touch", "/shared/go"});
  container.wait_for("late: started\ncode 0\n");
}
