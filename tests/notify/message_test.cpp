#include "notify/message.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using cinit::notify::kLongest;
using cinit::notify::kMostStatus;
using cinit::notify::Message;
using cinit::notify::parse;

namespace {

// The flags that are set, in words.
std::string flags_of(std::string_view datagram) {
  const Message message = parse(datagram);
  std::string text;
  if (message.ready) text += "ready ";
  if (message.reloading) text += "reloading ";
  if (message.stopping) text += "stopping ";
  if (message.watchdog) text += "watchdog ";
  if (message.watchdog_trigger) text += "trigger ";
  if (message.barrier) text += "barrier ";
  return text;
}

}  // namespace

TEST_CASE("each flag of a notification is told apart") {
  CHECK(flags_of("READY=1") == "ready ");
  CHECK(flags_of("RELOADING=1\n") == "reloading ");
  CHECK(flags_of("STOPPING=1") == "stopping ");
  CHECK(flags_of("WATCHDOG=1") == "watchdog ");
  CHECK(flags_of("WATCHDOG=trigger") == "trigger ");
  CHECK(flags_of("BARRIER=1") == "barrier ");
  CHECK(flags_of("READY=1\nSTATUS=up\nWATCHDOG=1\n") == "ready watchdog ");
}

TEST_CASE("what a notification does not know is passed over") {
  CHECK(flags_of("") == "");
  CHECK(flags_of("READY") == "");
  CHECK(flags_of("READY=") == "");
  CHECK(flags_of("READY=0\nREADY=11\nready=1\n READY=1\nREADY=1 ") == "");
  CHECK(flags_of("FDSTORE=1\n\n\n=\n==\nX_READY=1\nREADY=1\nMONOTONIC_USEC=5") == "ready ");
  CHECK(flags_of("READY=1\r\nSTOPPING=1") == "stopping ");
}

TEST_CASE("a NUL is only the end of a notification") {
  CHECK(flags_of("READY=1\0"sv) == "ready ");
  CHECK(flags_of("READY=1\0STOPPING=1"sv) == "");
  CHECK(flags_of("READY=1\nSTATUS=\0\0"sv) == "");
  CHECK(flags_of("\0"sv) == "");
}

TEST_CASE("nothing else is taken beside a barrier") {
  const Message message = parse("READY=1\nBARRIER=1\nSTATUS=x\nMAINPID=7");
  CHECK(flags_of("READY=1\nBARRIER=1") == "barrier ");
  CHECK_FALSE(message.status);
  CHECK_FALSE(message.main_pid);
}

TEST_CASE("a status is taken as it is") {
  CHECK(parse("STATUS=Processing 7=8 \x1b[31m\t\xff").status == "Processing 7=8 \x1b[31m\t\xff");
  CHECK(parse("STATUS=").status == "");
  CHECK(parse("STATUS=one\nSTATUS=two").status == "two");
  CHECK_FALSE(parse("STATUS").status);
  CHECK_FALSE(parse("READY=1").status);
}

TEST_CASE("a long status is cut between two characters") {
  const std::string most(kMostStatus, 'x');
  CHECK(parse("STATUS=" + most).status == most);
  CHECK(parse("STATUS=" + most + "y").status == most);
  const std::string almost(kMostStatus - 1, 'x');
  CHECK(parse("STATUS=" + almost + "\xc3\xa4").status == almost);
  CHECK(parse("STATUS=" + almost.substr(1) + "\xc3\xa4" + "z").status == almost.substr(1) + "\xc3\xa4");
  const std::string bytes(kMostStatus + 9, '\x80');
  CHECK(parse("STATUS=" + bytes).status == bytes.substr(0, kMostStatus));
}

TEST_CASE("a main pid is a positive number") {
  CHECK(parse("MAINPID=4711").main_pid == 4711);
  CHECK(parse("MAINPID=2147483647").main_pid == 2147483647);
  CHECK(parse("MAINPID=1\nMAINPID=2").main_pid == 2);
  for (const char* text : {"0", "-1", "", " 1", "1 ", "+1", "1x", "0x10", "2147483648", "99999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse("MAINPID=" + std::string(text)).main_pid);
    CHECK(parse("MAINPID=3\nMAINPID=" + std::string(text)).main_pid == 3);
  }
}

TEST_CASE("an errno is one that the kernel knows") {
  CHECK(parse("ERRNO=2").error == 2);
  CHECK(parse("ERRNO=0").error == 0);
  CHECK(parse("ERRNO=4095").error == 4095);
  CHECK_FALSE(parse("ERRNO=4096").error);
  CHECK_FALSE(parse("ERRNO=-2").error);
}

TEST_CASE("times are microseconds and have a longest") {
  CHECK(parse("EXTEND_TIMEOUT_USEC=1500000").extend_timeout == 1500ms);
  CHECK(parse("EXTEND_TIMEOUT_USEC=1\nEXTEND_TIMEOUT_USEC=2").extend_timeout == 2us);
  CHECK(parse("EXTEND_TIMEOUT_USEC=18446744073709551615").extend_timeout == kLongest);
  CHECK_FALSE(parse("EXTEND_TIMEOUT_USEC=18446744073709551616").extend_timeout);
  CHECK_FALSE(parse("EXTEND_TIMEOUT_USEC=5s").extend_timeout);
  CHECK(parse("WATCHDOG_USEC=20000").watchdog_within == 20ms);
  CHECK(parse("WATCHDOG_USEC=0").watchdog_within == 0us);
  CHECK_FALSE(parse("WATCHDOG_USEC=-1").watchdog_within);
}
