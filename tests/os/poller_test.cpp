#include "os/poller.hpp"

#include <doctest/doctest.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "forked.hpp"
#include "os/clock.hpp"

using namespace cinit::test;
namespace os = cinit::os;
using namespace std::chrono_literals;

namespace {

os::Poller make_poller() {
  auto poller = os::Poller::make();
  REQUIRE(poller);
  return *std::move(poller);
}

os::Fd event(unsigned count) { return os::Fd(eventfd(count, EFD_CLOEXEC | EFD_NONBLOCK)); }

std::vector<std::uint64_t> sorted(std::span<const std::uint64_t> tokens) {
  std::vector<std::uint64_t> list(tokens.begin(), tokens.end());
  std::ranges::sort(list);
  return list;
}

// Waits for several spans; says of each whether the wait ended too early, and at the end what else went wrong.
std::string wait_for_spans(os::Poller& poller) {
  std::string text;
  for (const cinit::Duration span :
       {cinit::Duration(100us), cinit::Duration(1ms), cinit::Duration(2500us), cinit::Duration(20ms)}) {
    const cinit::Time deadline = os::now() + span;
    const std::size_t count = poller.wait(deadline).size();
    text += os::now() < deadline ? "early " : "in time ";
    if (count != 0) text += "with something ";
  }
  return text;
}

}  // namespace

TEST_CASE("what can be read is reported by its token, again and again until it is read") {
  os::Poller poller = make_poller();
  const os::Fd silent = event(0);
  const os::Fd first = event(1);
  const os::Fd second = event(1);
  REQUIRE(poller.add(silent.get(), 1));
  REQUIRE(poller.add(first.get(), 20));
  REQUIRE(poller.add(second.get(), 0xffff'ffff'ffff'ffff));
  const std::vector<std::uint64_t> both{20, 0xffff'ffff'ffff'ffff};
  CHECK(sorted(poller.wait(cinit::kNever)) == both);
  CHECK(sorted(poller.wait(cinit::kNever)) == both);
  std::uint64_t count = 0;
  REQUIRE(read(first.get(), &count, sizeof(count)) == sizeof(count));
  CHECK(sorted(poller.wait(cinit::kNever)) == std::vector<std::uint64_t>{0xffff'ffff'ffff'ffff});
}

TEST_CASE("a closed descriptor is reported no more") {
  os::Poller poller = make_poller();
  os::Fd closed = event(1);
  REQUIRE(poller.add(closed.get(), 1));
  closed.reset();
  CHECK(poller.wait(os::now()).empty());
}

TEST_CASE("what is no descriptor cannot be added") {
  os::Poller poller = make_poller();
  CHECK_FALSE(poller.add(-1, 1));
  CHECK_FALSE(poller.add(9999, 1));
}

TEST_CASE("a wait ends at its deadline, never before it") {
  os::Poller poller = make_poller();
  CHECK(wait_for_spans(poller) == "in time in time in time in time ");
}

TEST_CASE("where the kernel or a filter knows no precise wait, the deadline holds all the same") {
  for (const int error : {ENOSYS, EPERM}) {
    CAPTURE(error);
    const auto body = [error] {
      refuse_call(SYS_epoll_pwait2, error);
      os::Poller poller = *os::Poller::make();
      std::string text = wait_for_spans(poller);
      const os::Fd ready = event(1);
      poller.add(ready.get(), 5);
      return text + std::to_string(poller.wait(cinit::kNever).size());
    };
    CHECK(in_child(body) == "in time in time in time in time 1");
  }
}

TEST_CASE("a deadline that is over does not wait, and what is there is reported") {
  os::Poller poller = make_poller();
  CHECK(poller.wait(cinit::Time{}).empty());
  const os::Fd ready = event(1);
  REQUIRE(poller.add(ready.get(), 5));
  CHECK(poller.wait(os::now() - 1h).size() == 1);
}

TEST_CASE("more events than fit are reported in turns, each of them") {
  os::Poller poller = make_poller();
  std::vector<os::Fd> events;
  for (std::uint64_t token = 0; token < 200; ++token) {
    events.push_back(event(1));
    REQUIRE(poller.add(events.back().get(), token));
  }
  std::size_t reported = 0;
  while (reported < events.size()) {
    const auto tokens = poller.wait(os::now());
    REQUIRE_FALSE(tokens.empty());
    for (const std::uint64_t token : tokens) {
      std::uint64_t count = 0;
      REQUIRE(read(events[token].get(), &count, sizeof(count)) == sizeof(count));
      ++reported;
    }
  }
  CHECK(poller.wait(os::now()).empty());
}

TEST_CASE("what the poller refuses it gives a reason for, and the way out where there is one") {
  os::Poller poller = make_poller();
  const os::Fd file(os::sys::open(AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC));
  CHECK_FALSE(poller.add(file.get(), 1));
  CHECK(poller.error().message == "epoll_ctl: Operation not permitted");
  CHECK(poller.error().code == EPERM);
  CHECK_FALSE(poller.change(event(0).get(), 1, os::Poller::Interest::Read));
  CHECK(poller.error().code == ENOENT);
  const auto body = [&] {
    refuse_call(SYS_epoll_ctl, ENOSPC);
    return std::string(poller.add(event(1).get(), 2) ? "added" : poller.error().message);
  };
  CHECK(in_child(body) == "epoll_ctl: No space left on device (the host's sysctl fs.epoll.max_user_watches)");
}
