#include "probe/attempt.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

#include "files.hpp"
#include "forked.hpp"
#include "os/clock.hpp"
#include "server.hpp"

using namespace cinit::test;
using namespace std::chrono_literals;
using cinit::config::Endpoint;
using cinit::config::FileProbe;
using cinit::config::HttpProbe;
using cinit::config::TcpProbe;
using cinit::probe::Attempt;
namespace os = cinit::os;

namespace {

using Outcome = Attempt::Outcome;
using Family = Server::Family;

// The part of the loop that cares for one attempt.
class Loop {
 public:
  explicit Loop(Attempt attempt) : attempt_(std::move(attempt)), poller_(make_poller()) { watch(); }

  // Steps once, when the attempt's descriptor is ready. Returns false when it is not within `limit`.
  bool turn(cinit::Duration limit = 10s) {
    if (poller_.wait(os::now() + limit).empty()) return false;
    attempt_.step();
    watch();
    return true;
  }

  // The outcome in words.
  std::string finish() {
    while (attempt_.outcome() == Outcome::Pending) {
      if (!turn()) return "pending: " + attempt_.progress();
    }
    if (attempt_.fd() != -1) return "still open";
    if (attempt_.outcome() == Outcome::Passed) return "passed" + attempt_.detail();
    return attempt_.detail();
  }

  // Steps until it waits for an answer.
  void until_asked() {
    while (attempt_.outcome() == Outcome::Pending && attempt_.interest() != os::Poller::Interest::Read && turn()) {
    }
  }

  Attempt& operator*() { return attempt_; }
  Attempt* operator->() { return &attempt_; }

 private:
  static os::Poller make_poller() {
    auto poller = os::Poller::make();
    if (!poller) throw std::runtime_error(poller.error().message);
    return *std::move(poller);
  }

  void watch() {
    if (attempt_.outcome() != Outcome::Pending) return;
    if (attempt_.fd() == watched_) {
      poller_.change(watched_, 1, attempt_.interest());
    } else if (!poller_.add(attempt_.fd(), 1, attempt_.interest())) {
      throw std::runtime_error("not added");
    }
    watched_ = attempt_.fd();
  }

  Attempt attempt_;
  os::Poller poller_;
  int watched_ = -1;
};

std::string text_of(const Endpoint& endpoint) { return endpoint.host + ":" + std::to_string(endpoint.port); }

Endpoint endpoint_of(const Server& server) { return {"127.0.0.1", server.port()}; }

Loop ask(const Server& server, const std::string& target = "/") {
  return Loop(Attempt::start(HttpProbe{endpoint_of(server), target}));
}

Loop reach(const Endpoint& endpoint) { return Loop(Attempt::start(TcpProbe{endpoint})); }

// What an HTTP probe makes of a server that takes the request, answers this, and keeps the connection open.
std::string outcome_of(const std::string& answer) {
  Server server;
  Loop loop = ask(server.listen());
  Connection connection = server.accept();
  loop.until_asked();
  connection.receive_until("\r\n\r\n");
  connection.send(answer);
  return loop.finish();
}

// A port of both loopback addresses: bound, not listening.
struct BothFamilies {
  Server v4;
  Server v6{Family::V6, v4.port()};
};

// For a child: a network of its own, whose loopback interface is up.
void enter_network() {
  if (unshare(CLONE_NEWNET) != 0) throw std::runtime_error("unshare");
  const os::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP;
  if (ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) throw std::runtime_error("lo");
}

void set_kernel_parameter(const std::string& path, const std::string& value) {
  std::ofstream file("/proc/sys/" + path);
  if (!(file << value << std::flush)) throw std::runtime_error(path);
}

bool plain_connect(std::uint16_t port) {
  const os::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

}  // namespace

TEST_CASE("a TCP probe passes when somebody listens") {
  Server server;
  CHECK(reach(endpoint_of(server.listen())).finish() == "passed");
  CHECK(reach({"localhost", server.port()}).finish() == "passed");
}

TEST_CASE("a TCP probe of a port where nobody listens says that it was refused") {
  const Server server;
  Loop loop = reach(endpoint_of(server));
  CHECK(loop.finish() == "connection refused by " + text_of(endpoint_of(server)));
  CHECK(loop->conclusive());
  CHECK(loop->step() == Outcome::Failed);
}

TEST_CASE("a probe's descriptor is not inherited and never waits") {
  Server server;
  Loop loop = ask(server.listen());
  REQUIRE(loop->outcome() == Outcome::Pending);
  CHECK((fcntl(loop->fd(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((fcntl(loop->fd(), F_GETFL) & O_NONBLOCK) != 0);
}

TEST_CASE("a connection to itself is none") {
  CHECK(in_child([] {
          enter_network();
          set_kernel_parameter("net/ipv4/ip_local_port_range", "40000 40000");
          const std::string plain = plain_connect(40000) ? "itself" : "nobody";
          // The first connection's end holds its port for a while.
          set_kernel_parameter("net/ipv4/ip_local_port_range", "40002 40002");
          return plain + ", " + reach({"127.0.0.1", 40002}).finish();
        }) == "itself, connection refused by 127.0.0.1:40002");
}

TEST_CASE("localhost is ::1 when 127.0.0.1 refuses") {
  if (!has_ipv6()) {
    MESSAGE("not tried: there is no IPv6 here");
    return;
  }
  BothFamilies port;
  port.v6.listen();
  CHECK(reach({"localhost", port.v4.port()}).finish() == "passed");

  Loop loop(Attempt::start(HttpProbe{{"localhost", port.v4.port()}, "/"}));
  loop.until_asked();
  port.v6.accept();
  Connection connection = port.v6.accept();
  connection.receive_until("\r\n\r\n");
  connection.send("HTTP/1.1 404 Not Found\r\n");
  CHECK(loop.finish() == "HTTP status 404");
}

TEST_CASE("a refusal by both addresses of localhost names both") {
  if (!has_ipv6()) {
    MESSAGE("not tried: there is no IPv6 here");
    return;
  }
  const BothFamilies port;
  const std::string number = std::to_string(port.v4.port());
  CHECK(reach({"localhost", port.v4.port()}).finish() ==
        "connection refused by 127.0.0.1:" + number + ", connection refused by [::1]:" + number);
}

TEST_CASE("an IPv6 address can be asked") {
  if (!has_ipv6()) {
    MESSAGE("not tried: there is no IPv6 here");
    return;
  }
  Server server(Family::V6);
  Loop loop(Attempt::start(HttpProbe{{"::1", server.listen().port()}, "/"}));
  Connection connection = server.accept();
  loop.until_asked();
  const std::string request = connection.receive_until("\r\n\r\n");
  CHECK(request.find("\r\nHost: [::1]:" + std::to_string(server.port()) + "\r\n") != std::string::npos);
  connection.send("HTTP/1.1 200 OK\r\n");
  CHECK(loop.finish() == "passed");
}

TEST_CASE("where there is no IPv6, localhost is refused by 127.0.0.1 alone") {
  CHECK(in_child([] {
          enter_network();
          if (has_ipv6()) set_kernel_parameter("net/ipv6/conf/all/disable_ipv6", "1");
          return reach({"localhost", 5432}).finish();
        }) == "connection refused by 127.0.0.1:5432");
}

TEST_CASE("an address that cannot be reached is named with the reason") {
  CHECK(in_child([] {
          enter_network();
          return reach({"192.0.2.1", 80}).finish();
        }) == "cannot connect to 192.0.2.1:80: Network is unreachable");
}

TEST_CASE("a host that would have to be looked up is refused") {
  for (const char* host : {"example.com", "", "127.1", "1.2.3.4.5", "::g", "[::1]"}) {
    CHECK(reach({host, 80}).finish() == '"' + std::string(host) + "\" is neither an IP address nor \"localhost\"");
  }
}

TEST_CASE("without a free descriptor a probe says nothing about the service") {
  CHECK(in_child([] {
          const rlimit none{0, 0};
          setrlimit(RLIMIT_NOFILE, &none);
          const Attempt attempt = Attempt::start(TcpProbe{{"localhost", 80}});
          return attempt.detail() + (attempt.conclusive() ? " conclusive" : "") + std::to_string(attempt.fd());
        }) == "cannot connect to 127.0.0.1:80: Too many open files-1");
}

TEST_CASE("an HTTP probe passes from status 200 to 399, wherever that points to") {
  CHECK(outcome_of("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") == "passed");
  CHECK(outcome_of("HTTP/1.1 204 No Content\r\n\r\n") == "passed");
  CHECK(outcome_of("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n") == "passed");
  CHECK(outcome_of("HTTP/1.0 399 x\r\n") == "passed");
  CHECK(outcome_of("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n") == "passed");
}

TEST_CASE("an HTTP probe fails with any other status") {
  CHECK(outcome_of("HTTP/1.1 404 Not Found\r\n\r\n") == "HTTP status 404");
  CHECK(outcome_of("HTTP/1.1 400 Bad Request\r\n") == "HTTP status 400");
  CHECK(outcome_of("HTTP/1.0 503 Service Unavailable\r\n\r\n") == "HTTP status 503");
  CHECK(outcome_of("HTTP/1.1 101 Switching Protocols\r\n\r\n") == "HTTP status 101");
  CHECK(outcome_of("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 x\r\n\r\n") == "HTTP status 500");
}

TEST_CASE("an HTTP probe fails when the answer is something else") {
  CHECK(outcome_of("220 mail.example.com ESMTP\r\n") ==
        "no HTTP answer: instead of a status line came \"220 mail.example.com ESMTP\"");
  CHECK(outcome_of("HTTP/1.1 200 " + std::string(9000, 'x')) == "no HTTP answer: no status in its first 8192 bytes");
}

TEST_CASE("an answer may come byte by byte") {
  Server server;
  Loop loop = ask(server.listen(), "/slow");
  Connection connection = server.accept();
  loop.until_asked();
  CHECK(connection.receive_until("\r\n\r\n").starts_with("GET /slow HTTP/1.1\r\n"));
  CHECK(loop->progress() == "connected, but no answer yet");
  const std::string answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r";
  for (const char& byte : answer) {
    connection.send({&byte, 1});
    REQUIRE(loop.turn());
    REQUIRE(loop->outcome() == Outcome::Pending);
  }
  CHECK(loop->progress() == "connected, but no whole answer yet");
  connection.send("\n");
  CHECK(loop.finish() == "passed");
}

TEST_CASE("a probe tells how far it got while nothing answers") {
  Server server;
  Loop loop = ask(server.listen());
  loop.until_asked();
  CHECK_FALSE(loop.turn(0s));
  CHECK(loop->step() == Outcome::Pending);
  CHECK(loop->progress() == "connected, but no answer yet");
  const int fd = loop->fd();
  { const Attempt gone = std::move(*loop); }
  CHECK(fcntl(fd, F_GETFD) == -1);
}

TEST_CASE("a server that takes connections no more leaves the probe without one") {
  Server server;
  server.listen();
  // What is waiting to be accepted fills the queue; then the kernel answers nobody.
  std::vector<Attempt> waiting;
  for (int i = 0; i < 64; ++i) {
    Attempt attempt = Attempt::start(TcpProbe{endpoint_of(server)});
    pollfd wanted{attempt.fd(), POLLOUT, 0};
    if (attempt.outcome() == Outcome::Pending && poll(&wanted, 1, 0) == 0) {
      CHECK(attempt.step() == Outcome::Pending);
      CHECK(attempt.progress() == "not connected to " + text_of(endpoint_of(server)) + " yet");
      return;
    }
    attempt.step();
    waiting.push_back(std::move(attempt));
  }
  FAIL("everybody was let in");
}

TEST_CASE("an HTTP probe fails when the connection ends before an answer") {
  Server server;
  server.listen();
  const auto end_of = [&](const std::string& beginning, void (Connection::*end)()) {
    Loop loop = ask(server);
    Connection connection = server.accept();
    loop.until_asked();
    connection.receive_until("\r\n\r\n");
    connection.send(beginning);
    (connection.*end)();
    return loop.finish();
  };
  CHECK(end_of("", &Connection::close) == "no HTTP answer: the connection was closed");
  CHECK(end_of("HTTP/1.1 200 OK", &Connection::close) ==
        "no HTTP answer: the connection was closed in the middle of it");
  CHECK(end_of("", &Connection::reset) == "no HTTP answer: Connection reset by peer");
  CHECK(end_of("HTTP/1.1 200 OK\r\n\r\n", &Connection::close) == "passed");
}

TEST_CASE("a request that does not fit into the kernel's buffers is sent in parts") {
  Server server;
  Loop loop = ask(server.listen(), "/" + std::string(8 << 20, 'x'));
  Connection connection = server.accept();
  while (loop.turn(0s)) {
  }
  REQUIRE(loop->outcome() == Outcome::Pending);
  CHECK(loop->progress() == "connected, but the request is not taken yet");
  CHECK(loop->interest() == os::Poller::Interest::Write);
  // The server is a process of its own, so that each can wait for the other.
  const pid_t pid = fork_process([&] {
    const std::string request = connection.receive_until("\r\n\r\n");
    connection.send(request.size() > (8 << 20) ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 500 Cut\r\n");
  });
  connection.close();
  CHECK(loop.finish() == "passed");
  CHECK(end_of(pid) == "code 0");
}

TEST_CASE("an answer counts that came before the request was taken, without a SIGPIPE") {
  CHECK(in_child([] {
          Server server;
          Loop loop = ask(server.listen(), "/" + std::string(8 << 20, 'x'));
          Connection connection = server.accept();
          connection.send("HTTP/1.1 414 URI Too Long\r\n");
          connection.close();
          return loop.finish();
        }) == "HTTP status 414");
}

TEST_CASE("what comes with the status is read up to a bound") {
  const auto end_after = [](std::size_t size) {
    Server server;
    Loop loop = ask(server.listen());
    Connection connection = server.accept();
    loop.until_asked();
    connection.receive_until("\r\n\r\n");
    connection.send("HTTP/1.1 200 OK\r\n\r\n" + std::string(size, 'x'));
    CHECK(loop.turn());
    CHECK(loop->outcome() == Outcome::Passed);
    return connection.end();
  };
  CHECK(end_after(1000) == "closed");
  CHECK(end_after(30'000) == "reset");
}

TEST_CASE("a file probe passes when the file is there") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/ready";
  const auto check = [](const std::string& name) { return Loop(Attempt::start(FileProbe{name})).finish(); };
  CHECK(check(path) == path + " does not exist");
  write_file(path, "");
  CHECK(check(path) == "passed");
  CHECK(check(directory.path()) == "passed");
  CHECK(check(path + "/below") == path + "/below does not exist");
  CHECK(check("/" + std::string(300, 'x')).ends_with("x: File name too long"));
  REQUIRE(symlink("nothing", (directory.path() + "/link").c_str()) == 0);
  CHECK(check(directory.path() + "/link") == directory.path() + "/link does not exist");
}
