// What PID 1 itself writes, when it cannot be written: that costs the lines, and nothing else.
#include <doctest/doctest.h>

#include "container.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

const std::string kBrokenKinds[] = {"pipe", "socket", "terminal", "file"};

Arguments broken(const std::string& kind, Arguments cinit) {
  Arguments command{"/bin/app", "broken-stderr", kind, "/sbin/cinit"};
  command.insert(command.end(), cinit.begin(), cinit.end());
  return command;
}

// While nothing happens PID 1 reads and writes nothing, and waits. What has just happened may need a call or two.
void check_idle(Container& container) {
  constexpr long kAFew = 10;
  const long calls = container.reads_and_writes();
  const Clock::duration time = container.effort().processor_time;
  container.watch_for(300ms);
  CHECK(container.reads_and_writes() - calls <= kAFew);
  CHECK(container.effort().processor_time - time <= 20ms);
}

// Waits until no more goes into the pipe that the container writes to.
void wait_for_full_pipe(Container& container) {
  constexpr int kAlmostAll = 700'000;  // each page of a pipe holds whole lines
  int unread = 0;
  int times = 0;  // in a row
  container.wait_until(
      [&] {
        times = container.unread() == unread && unread > kAlmostAll ? times + 1 : 0;
        unread = container.unread();
        return times == 10;
      },
      "the pipe is full");
}

}  // namespace

TEST_CASE("a standard error that takes nothing costs an attempt for each line, and nothing while there is none") {
  for (const std::string& kind : kBrokenKinds) {
    for (const std::string prefix : {"none", "name", "json"}) {
      CAPTURE(kind);
      CAPTURE(prefix);
      Container container;
      container.config("[cinit]\nlog-prefix = '" + prefix +
                       "'\n[service.web]\ncommand = ['app', 'app1']\nstderr = 'stdout'\n");
      container.start(broken(kind, {})).wait_for("ready");
      check_idle(container);
      constexpr int kRestarts = 10;
      const long before = container.reads_and_writes();
      for (int i = 1; i <= kRestarts; ++i) {
        REQUIRE(container.exec({"/sbin/cinit", "restart", "--no-wait", "web"}).code == 0);
        container.wait_for("ready", i + 1);
      }
      CHECK(container.reads_and_writes() - before < kRestarts * 100);
      check_idle(container);
      container.signal(SIGTERM);
      CHECK(container.wait_exit().code == 0);
    }
  }
}

TEST_CASE("a standard error that takes nothing is no signal for a lone command, and keeps PID 1 from nothing") {
  for (const std::string& kind : kBrokenKinds) {
    CAPTURE(kind);
    Container container;
    Arguments cinit;
    SUBCASE("alone") { cinit = {"--", "app", "print-signals", "15"}; }
    SUBCASE("with a configuration") {
      container.config("[cinit]\n");
      cinit = {"--", "app", "print-signals", "15"};
    }
    SUBCASE("as dumb-init, which tells of every signal") {
      cinit = {"--as", "dumb-init", "--single-child", "-v", "app", "print-signals", "15"};
    }
    container.start(broken(kind, cinit)).wait_for("ready\n");
    container.signal(SIGUSR1);
    container.wait_for("got 10 (1 times)\n");
    container.exec({"kill", "-STOP", std::to_string(container.processes().back().pid)});
    container.wait_until([&] { return container.processes().back().state == 'T'; }, "it is suspended");
    container.exec({"kill", "-CONT", std::to_string(container.processes().back().pid)});
    check_idle(container);
    container.signal(SIGUSR2);
    container.wait_for("got 12 (1 times)\n");
    container.signal(SIGTERM);
    CHECK(container.wait_exit().code == 0);
    CHECK_FALSE(container.logged("got 13 "));
    CHECK_FALSE(container.logged("got 25 "));
  }
}

TEST_CASE("SIGPIPE and SIGXFSZ that others send are passed on, also where cinit's own would be") {
  Container container;
  container.config("[cinit]\n");
  container.start(broken("pipe", {"--", "app", "print-signals", "15"})).wait_for("ready\n");
  for (const int signal : {SIGPIPE, SIGXFSZ}) {
    container.signal(signal);
    container.wait_for("got " + std::to_string(signal) + " (1 times)\n");
    container.exec({"kill", "-" + std::to_string(signal), "1"});
    container.wait_for("got " + std::to_string(signal) + " (2 times)\n");
  }
}

TEST_CASE("lines that found no room come as soon as there is some, though nothing else happens") {
  for (const std::string prefix : {"none", "name"}) {
    CAPTURE(prefix);
    Container container;
    container.config(
        "[cinit]\nlog-prefix = '" + prefix +
        "'\n[service.web]\ncommand = ['sleep', '1000']\n"
        "[service.talk]\ncommand = ['sh', '-c', 'app wait-for /shared/go; app flood 3000000; exec sleep 1000']\n"
        "restart = 'no'\non-failure = 'ignore'\n");
    container.cinit().wait_for("cinit: web: started\n");
    container.stop_reading();
    container.exec({"touch", "/shared/go"});
    wait_for_full_pipe(container);
    for (int i = 0; i < 20; ++i) container.exec({"/sbin/cinit", "restart", "--no-wait", "web"});
    check_idle(container);
    container.read_on();
    container.wait_until([&] { return container.count("cinit: web: started\n") == 21; }, "every line is there");
  }
}

TEST_CASE("without /proc no write to a pipe that services fill keeps PID 1 from its stop") {
  Container container;
  std::string config = "[cinit]\nstop-timeout = '2s'\n";
  for (const char* name : {"one", "two"}) {
    config += "[service." + std::string(name) + "]\ncommand = ['app', 'flood', '2000000000']\n";
  }
  config +=
      "[service.crash]\ncommand = 'false'\nrestart-delay = '1ms'\nrestart-max-delay = '1ms'\n"
      "start-limit-burst = 0\n";
  container.config(config).cinit({}, {.no_proc = true});
  // As long as the reader reads slowly, the pipe is nearly full all the time.
  for (int i = 0; i < 100; ++i) {
    container.stop_reading();
    container.watch_for(5ms);
    container.read_on();
    container.log();
  }
  container.stop_reading();
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
}
