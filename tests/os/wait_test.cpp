#include "os/wait.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <string>

#include "forked.hpp"

using namespace cinit::test;
namespace os = cinit::os;

namespace {

std::string describe(const os::ChildChange& change) {
  if (change.no_children) return "no children";
  if (change.pid == 0) return "nothing";
  if (change.stopped) return "stopped by " + std::to_string(change.status.signal().number);
  if (change.status.by_signal()) return "signal " + std::to_string(change.status.signal().number);
  return "code " + std::to_string(change.status.code());
}

pid_t fork_exit(int code) {
  return fork_process([code] { _exit(code); });
}

// The next end, once there is one.
os::ChildChange await_end() {
  os::ChildChange change;
  eventually([&] { return (change = os::peek_ended()).pid != 0 || change.no_children; });
  return change;
}

}  // namespace

TEST_CASE("who has no children is told so, and who has running ones is told of nothing") {
  const auto body = [] {
    std::string text = describe(os::peek_ended()) + "; " + describe(os::reap_any()) + "; ";
    const pid_t child = fork_sleeper();
    text += describe(os::peek_ended()) + "; " + describe(os::reap_any());
    kill(child, SIGKILL);
    return text;
  };
  CHECK(in_child(body) == "no children; no children; nothing; nothing");
}

TEST_CASE("exit codes and signals are told apart, the whole range of them") {
  const auto body = [] {
    std::string text;
    for (const int code : {0, 1, 127, 255}) {
      fork_exit(code);
      text += describe(await_end()) + "; ";
      os::reap_any();
    }
    for (const int signal : {SIGTERM, SIGKILL, SIGQUIT, 64}) {
      kill(fork_sleeper(), signal);
      text += describe(await_end()) + "; ";
      os::reap_any();
    }
    return text + describe(os::reap_any());
  };
  CHECK(in_child(body) == "code 0; code 1; code 127; code 255; signal 15; signal 9; signal 3; signal 64; no children");
}

TEST_CASE("a child that was only looked at stays a zombie until it is released") {
  const auto body = [] {
    const pid_t child = fork_exit(7);
    const bool first = await_end().pid == child;
    const bool again = os::peek_ended().pid == child && kill(child, 0) == 0;
    os::release(child);
    return std::to_string(first) + std::to_string(again) + " " + describe(os::peek_ended());
  };
  CHECK(in_child(body) == "11 no children");
}

TEST_CASE("releasing waits for nobody and takes no other child") {
  const auto body = [] {
    const pid_t running = fork_sleeper();
    const pid_t ended = fork_exit(3);
    await_end();
    os::release(running);
    std::string text = describe(os::peek_ended());
    os::release(ended);
    text += "; " + describe(os::peek_ended());
    kill(running, SIGKILL);
    return text;
  };
  CHECK(in_child(body) == "code 3; nothing");
}

TEST_CASE("a stop is told once, with its signal, and is no end") {
  const auto body = [] {
    const pid_t child = fork_sleeper();
    std::string text = describe(os::take_stop(child)) + "; ";
    kill(child, SIGSTOP);  // SIGTSTP does nothing in an orphaned process group, such as that of a CI job
    os::ChildChange change;
    eventually([&] { return (change = os::take_stop(child)).pid == child; });
    text += in_order({describe(change), "; ", describe(os::take_stop(child)), "; ", describe(os::peek_ended())});
    kill(child, SIGKILL);
    return text + "; " + describe(await_end());
  };
  CHECK(in_child(body) == "nothing; stopped by 19; nothing; nothing; signal 9");
}
