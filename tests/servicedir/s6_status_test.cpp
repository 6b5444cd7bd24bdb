// What s6's own programs read of a service: tests/dropin compares the file with Debian's s6, this is its newer form and the
// events that lie between two looks.
#include "servicedir/s6_status.hpp"

#include <doctest/doctest.h>

using namespace cinit;
using namespace cinit::servicedir;

namespace {

using State = S6Status::State;

S6Status status(State state, std::uint32_t starts, bool ready = false) {
  S6Status made;
  made.state = state;
  made.starts = starts;
  made.ready = ready;
  return made;
}

}  // namespace

TEST_CASE("s6 status: one file has the form of old versions and that of new ones") {
  S6Status up = status(State::Up, 2, true);
  up.pid = 0x01020304;
  up.group = 0x05060708;
  up.end = WaitStatus::exited(9);
  up.wanted = true;
  const auto bytes = encode(up);
  const auto at = [&](std::size_t from, std::size_t size) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < size; ++i) number = number << 8 | bytes[from + i];
    return number;
  };
  CHECK(at(24, 8) == 0x01020304);
  CHECK(at(32, 2) == 9 << 8);
  CHECK(at(34, 1) == (4 | 8));
  CHECK((at(32, 8) & 0xffffffff) == 0x05060708);
  CHECK(at(40, 2) == 9 << 8);
  CHECK(at(42, 1) == (4 | 8));
}

TEST_CASE("s6 status: flags and wait statuses") {
  const auto flags = [](const S6Status& seen) { return static_cast<int>(encode(seen)[42]); };
  const auto end = [](WaitStatus of_run) {
    S6Status down = status(State::Down, 1);
    down.end = of_run;
    return encode(down)[40] << 8 | encode(down)[41];
  };
  S6Status finishing = status(State::Finishing, 1);
  CHECK(flags(finishing) == 0);  // there is no ./finish
  finishing.pid = 7;
  CHECK(flags(finishing) == 2);
  CHECK(flags(status(State::Down, 1, true)) == 8);
  CHECK(end(WaitStatus::signaled(Signal{15})) == 15);
  CHECK(end(WaitStatus::signaled(Signal{11}, true)) == (11 | 0x80));
}

TEST_CASE("s6 status: the events between two looks, also where much has happened between them") {
  const auto events = [](const S6Status& before, const S6Status& after, bool gave_up = false) {
    return events_between(before, after, gave_up);
  };
  const S6Status down = status(State::Down, 0, true);
  const S6Status up = status(State::Up, 1);
  CHECK(events(down, up) == "u");
  CHECK(events(up, status(State::Up, 1, true)) == "U");
  CHECK(events(down, status(State::Up, 1, true)) == "uU");
  CHECK(events(up, status(State::Finishing, 1)) == "d");
  CHECK(events(status(State::Finishing, 1), status(State::Down, 1, true)) == "D");
  CHECK(events(status(State::Finishing, 1), status(State::Down, 1, true), true) == "OD");
  CHECK(events(up, status(State::Down, 1, true)) == "dD");
  CHECK(events(up, status(State::Up, 2)) == "dDu");
  CHECK(events(down, status(State::Finishing, 1)) == "ud");
  CHECK(events(down, status(State::Down, 1, true)) == "udD");
  CHECK(events(status(State::Finishing, 1), status(State::Up, 2)) == "Du");
  CHECK(events(up, up).empty());
  CHECK(events(down, down).empty());
}
