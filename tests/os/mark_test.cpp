// What a process changes about its limits here ends with it.
#include "os/mark.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "forked.hpp"
#include "os/syscall.hpp"

using namespace cinit::test;
namespace os = cinit::os;
using os::Mark;
using os::MarkKind;
using os::Marks;

namespace {

bool take(const std::array<os::ResourceLimit, 2>& limits) {
  bool took = true;
  for (const os::ResourceLimit& limit : limits) took = os::sys::setrlimit(limit.resource, &limit.value) == 0 && took;
  return took;
}

std::string own(const Marks& marks) {
  const auto mark = marks.of(os::Processes(), getpid());
  if (!mark) return "none";
  return std::to_string(mark->number) + (mark->kind == MarkKind::Probe ? " probe" : "");
}

}  // namespace

TEST_CASE("a mark is read back, from a child in a session of its own as well") {
  for (const std::uint32_t number : {0U, 1U, 2U, 77U, 1000U, Marks::kMost - 2}) {
    for (const MarkKind kind : {MarkKind::Service, MarkKind::Probe}) {
      CAPTURE(number);
      CHECK(in_child([&] {
              const Marks marks;
              take(*marks.limits_of({number, kind}));
              become_nobody();
              std::string seen;
              const pid_t child = fork_process([] {
                setsid();
                pause();
              });
              const auto mark = marks.of(os::Processes(), child);
              seen = mark && mark->number == number && mark->kind == kind ? "same" : "another";
              kill(child, SIGKILL);
              end_of(child);
              return seen;
            }) == "same");
    }
  }
}

TEST_CASE("a process without a mark has none, and there is no mark for more services than there is room for") {
  const Marks marks;
  CHECK(own(marks) == "none");
  CHECK(!marks.limits_of({Marks::kMost - 1, MarkKind::Service}));
  CHECK(!marks.limits_of({Marks::kMost + 5, MarkKind::Service}));
}

TEST_CASE("a process without privilege can spoil its mark, and never take that of another") {
  constexpr std::uint32_t kOwn = 5;
  for (std::uint32_t other = 0; other < 12; ++other) {
    CAPTURE(other);
    const std::string seen = in_child([&] {
      const Marks marks;
      take(*marks.limits_of({kOwn, MarkKind::Service}));
      become_nobody();
      const auto wanted = *marks.limits_of({other, MarkKind::Service});
      const bool took = take(wanted);
      if (took && other != kOwn) return std::string("took it");
      return own(marks);
    });
    CHECK((seen == "none" || seen == "5"));
    if (other == kOwn) CHECK(seen == "5");
  }
}

TEST_CASE("marks inside a mark count as that mark for the outer one, down to the third level") {
  CHECK(in_child([] {
          const Marks outer;
          take(*outer.limits_of({3, MarkKind::Service}));
          const Marks middle;
          take(*middle.limits_of({8, MarkKind::Service}));
          const Marks inner;
          take(*inner.limits_of({2, MarkKind::Probe}));
          return own(outer) + ", " + own(middle) + ", " + own(inner) +
                 (Marks().limits_of({0, MarkKind::Service}) ? "!" : "");
        }) == "3, 8, 2 probe");
}

TEST_CASE("where such a limit is set already there is no room for marks") {
  CHECK(in_child([] {
          const rlimit64 limit{1 << 20, 1 << 20};
          os::sys::setrlimit(RLIMIT_RSS, &limit);
          const Marks marks;
          return std::string(marks.limits_of({0, MarkKind::Service}) ? "room" : "no room") + ", " + own(marks);
        }) == "no room, none");
}

TEST_CASE("children are found without a look at every process, zombies included") {
  CHECK(as_init(Proc::Own, [] {
          const pid_t sleeper = fork_sleeper();
          const pid_t zombie = fork_process([] {});
          os::Processes processes;
          eventually([&] {
            os::Process process;
            return processes.read(zombie, process) && process.ended();
          });
          std::string seen;
          const bool all = processes.for_each_child([&](pid_t pid) {
            seen += pid == sleeper ? " sleeper" : pid == zombie ? " zombie" : " another";
          });
          return (all ? "all:" : "some:") + seen;
        }) == "all: sleeper zombie");
  CHECK(as_init(Proc::None, [] {
          return std::string(os::Processes().for_each_child([](pid_t) {}) ? "all" : "cannot look");
        }) == "cannot look");
}
