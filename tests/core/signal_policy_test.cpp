#include "core/signal_policy.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <string>

#include "plans.hpp"

using namespace cinit;
using namespace cinit::core;

namespace doctest {
template <>
struct StringMaker<SignalUse> {
  static String convert(SignalUse use) {
    constexpr const char* kNames[] = {"Drop", "Ignore", "Forward", "Stop", "Reload"};
    return kNames[static_cast<std::size_t>(use)];
  }
};
}  // namespace doctest

namespace {

SignalUse alone(int number, SignalOrigin origin = SignalOrigin::Process) {
  const Plan plan = plan_of(config_of({service("a")}));
  return use_of({Signal{number}, origin}, plan, false);
}

SignalUse with_main(int number, SignalOrigin origin = SignalOrigin::Process, bool main_is_there = true) {
  const Plan plan = plan_of(config_of({service("a")}), {"main"});
  return use_of({Signal{number}, origin}, plan, main_is_there);
}

}  // namespace

TEST_CASE("with a main command every signal goes to it, and SIGTERM begins the stop as well") {
  CHECK(with_main(SIGTERM) == SignalUse::Stop);
  for (const int number :
       {SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGPWR, SIGTSTP, SIGCONT, SIGPIPE, 34, 37, 64}) {
    CAPTURE(number);
    CHECK(with_main(number) == SignalUse::Forward);
  }
  CHECK(with_main(SIGHUP, SignalOrigin::Terminal) == SignalUse::Forward);
}

TEST_CASE("a SIGPIPE that cinit caused itself goes nowhere, one that was sent is as any other") {
  CHECK(with_main(SIGPIPE, SignalOrigin::Self) == SignalUse::Drop);
  CHECK(alone(SIGPIPE, SignalOrigin::Self) == SignalUse::Drop);
  CHECK(alone(SIGPIPE) == SignalUse::Ignore);
}

TEST_CASE("what a terminal tells a process in the background is for cinit itself") {
  for (const int number : {SIGTTIN, SIGTTOU}) {
    CHECK(with_main(number) == SignalUse::Drop);
    CHECK(alone(number) == SignalUse::Drop);
  }
}

TEST_CASE("without a main command the stop signals stop and the rest is ignored") {
  for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGPWR, 37}) CHECK(alone(number) == SignalUse::Stop);
  for (const int number : {SIGUSR1, SIGUSR2, SIGWINCH, SIGALRM, SIGCONT, 34, 36, 64}) {
    CAPTURE(number);
    CHECK(alone(number) == SignalUse::Ignore);
  }
}

TEST_CASE("without a main command a hangup of the terminal stops, and SIGHUP by kill(2) reloads") {
  CHECK(alone(SIGHUP) == SignalUse::Reload);
  CHECK(alone(SIGHUP, SignalOrigin::Terminal) == SignalUse::Stop);
}

TEST_CASE("without a main command a window of another size is nothing, and SIGWINCH by kill(2) is told") {
  CHECK(alone(SIGWINCH, SignalOrigin::Terminal) == SignalUse::Drop);
  CHECK(alone(SIGWINCH) == SignalUse::Ignore);
  const Plan plan = plan_of(config_of({service("a")}, {.stop_signals = {Signal{SIGWINCH}}}));
  CHECK(use_of({Signal{SIGWINCH}}, plan, false) == SignalUse::Stop);
}

TEST_CASE("when the main command has ended, signals are taken as if there had been none") {
  CHECK(with_main(SIGINT, SignalOrigin::Process, false) == SignalUse::Stop);
  CHECK(with_main(SIGUSR1, SignalOrigin::Process, false) == SignalUse::Ignore);
}

TEST_CASE("the configuration says which signals stop") {
  const Plan plan = plan_of(config_of({service("a")}, {.stop_signals = {Signal{SIGUSR1}, Signal{SIGHUP}}}));
  CHECK(use_of({Signal{SIGUSR1}}, plan, false) == SignalUse::Stop);
  CHECK(use_of({Signal{SIGHUP}}, plan, false) == SignalUse::Stop);
  CHECK(use_of({Signal{SIGINT}}, plan, false) == SignalUse::Ignore);
}
