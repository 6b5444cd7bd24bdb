#include "base/signal.hpp"

#include <doctest/doctest.h>

#include <csignal>

using cinit::parse_signal;
using cinit::Signal;
using cinit::standard_signal_name;

TEST_CASE("a signal is read by its name, with and without SIG, in any case, and by its number") {
  for (const char* text : {"SIGTERM", "TERM", "term", "SigTerm", "15"}) {
    CAPTURE(text);
    CHECK(parse_signal(text) == Signal{SIGTERM});
  }
  CHECK(parse_signal("POLL") == Signal{SIGIO});
  CHECK(parse_signal("SIGIOT") == Signal{SIGABRT});
  CHECK(parse_signal("64") == Signal{64});
}

TEST_CASE("real-time signals are counted from 34 and from 64, whatever the libc keeps for itself") {
  CHECK(parse_signal("RTMIN") == Signal{34});
  CHECK(parse_signal("RTMIN+3") == Signal{37});
  CHECK(parse_signal("sigrtmax-1") == Signal{63});
  CHECK(parse_signal("SIGRTMAX") == Signal{64});
  CHECK(parse_signal("RTMIN+30") == Signal{64});
  CHECK(parse_signal("RTMAX-30") == Signal{34});
}

TEST_CASE("what names no signal is refused") {
  for (const char* text : {"",        "SIG",      "SIGSIGTERM",  "TERMINATE", " TERM",
                           "TERM ",   "0",        "65",          "-1",        "+15",
                           "1.5",     "15x",      "99999999999", "RTMIN-1",   "RTMIN+31",
                           "RTMAX+1", "RTMAX-31", "RTMIN+",      "RTMIN+-1",  "RTMIN+99999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_signal(text));
  }
}

TEST_CASE("a signal is printed by its usual name") {
  CHECK(to_string(Signal{SIGTERM}) == "SIGTERM");
  CHECK(to_string(Signal{SIGCHLD}) == "SIGCHLD");
  CHECK(to_string(Signal{34}) == "SIGRTMIN");
  CHECK(to_string(Signal{37}) == "SIGRTMIN+3");
  CHECK(to_string(Signal{32}) == "signal 32");
  CHECK(to_string(Signal{99}) == "signal 99");
}

TEST_CASE("every number with a name is read back from what is printed") {
  for (int number = 1; number <= cinit::kRealTimeMax; ++number) {
    if (number == 32 || number == 33) continue;
    CAPTURE(number);
    CHECK(parse_signal(to_string(Signal{number})) == Signal{number});
  }
}

TEST_CASE("only the standard signals have a name without the heap") {
  CHECK(standard_signal_name(SIGKILL) == doctest::String("SIGKILL"));
  CHECK(standard_signal_name(34) == nullptr);
  CHECK(standard_signal_name(0) == nullptr);
}
