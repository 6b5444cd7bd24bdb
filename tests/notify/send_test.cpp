#include "notify/send.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "files.hpp"
#include "forked.hpp"
#include "os/fd.hpp"
#include "os/socket.hpp"

using namespace cinit::test;
using cinit::notify::send;
namespace os = cinit::os;

namespace {

// A receiver of datagrams, as whoever started cinit has it.
class Receiver {
 public:
  explicit Receiver(const std::string& name, int type = SOCK_DGRAM)
      : fd_(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const auto address = os::UnixAddress::of(name);
    REQUIRE(address);
    REQUIRE(::bind(fd_.get(), address->get(), address->size) == 0);
  }
  std::string receive() const {
    char text[100];
    const auto size = ::recv(fd_.get(), text, sizeof(text), 0);
    return size < 0 ? "nothing" : std::string(text, static_cast<std::size_t>(size));
  }
  void close() { fd_.reset(); }

 private:
  os::Fd fd_;
};

}  // namespace

TEST_CASE("a state is sent to a path and to an abstract name") {
  const TemporaryDirectory directory;
  for (const std::string& address : {directory.path() + "/notify", "@cinit-test-" + std::to_string(getpid())}) {
    CAPTURE(address);
    const Receiver receiver(address);
    CHECK(send(address, "READY=1\nSTATUS=up"));
    CHECK(receiver.receive() == "READY=1\nSTATUS=up");
    CHECK(receiver.receive() == "nothing");
  }
}

TEST_CASE("a path of the longest length that there can be is sent to") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/" + std::string(106 - directory.path().size(), 'x');
  REQUIRE(path.size() == 107);
  const Receiver receiver(path);
  CHECK(send(path, "READY=1"));
  CHECK(receiver.receive() == "READY=1");
  CHECK_FALSE(send(path + "x", "READY=1"));
}

TEST_CASE("an address that is none is refused") {
  for (const char* address : {"", "@", "/", "notify", "./notify", "vsock:2:1234", "/nowhere/notify"}) {
    CAPTURE(address);
    CHECK_FALSE(send(address, "READY=1"));
  }
  CHECK_FALSE(send("/" + std::string(5000, 'x'), "READY=1"));
  CHECK_FALSE(send("@" + std::string(5000, 'x'), "READY=1"));
}

TEST_CASE("a state for nobody is refused without a SIGPIPE") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/notify";
  CHECK(in_child([&] {
          Receiver(path).close();
          return std::string(send(path, "READY=1") ? "sent" : "refused");
        }) == "refused");
  CHECK(in_child([&] {
          const Receiver other(directory.path() + "/stream", SOCK_STREAM);
          return std::string(send(directory.path() + "/stream", "READY=1") ? "sent" : "refused");
        }) == "refused");
}

TEST_CASE("a receiver that does not read is not waited for") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/notify";
  const Receiver receiver(path);
  int sent = 0;
  while (sent < 100'000 && send(path, "WATCHDOG=1")) ++sent;
  CHECK(sent > 0);
  CHECK(sent < 100'000);
  CHECK(receiver.receive() == "WATCHDOG=1");
}
