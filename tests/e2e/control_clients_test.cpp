// Who connects to the control socket, well or badly behaved: PID 1 does not care.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

#include "container.hpp"
#include "spawn.hpp"
#include "temporary_directory.hpp"

using namespace cinit::e2e;
using namespace std::chrono_literals;

namespace {

constexpr char kWeb[] = "[service.web]\ncommand = 'app app1 web'\n";

// A service that writes as fast as it can, through cinit, into a file.
constexpr char kFlood[] =
    "[service.flood]\ncommand = ['busybox', 'yes', 'a line of a service that does not stop to write']\n"
    "stdout = 'file:/tmp/flood'\nlog-max-size = '1MB'\nlog-max-files = 1\n";

// One that talks to the control socket by hand.
class Client {
 public:
  explicit Client(const Container& container, const std::string& path = "/run/cinit.sock") {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string place = "/proc/" + std::to_string(container.host_pid()) + "/root" + path;
    std::memcpy(address.sun_path, place.c_str(), place.size());
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      throw std::runtime_error("connect: " + std::string(std::strerror(errno)));
    }
  }
  ~Client() { close(fd_); }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Client& say(std::string_view text) {
    send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    return *this;
  }
  // All that comes until `end` is there, or the connection is closed.
  std::string hear(const std::string& end = "") {
    std::string text;
    std::array<char, 65536> buffer{};
    while (end.empty() || text.find(end) == std::string::npos) {
      pollfd ready{fd_, POLLIN, 0};
      if (poll(&ready, 1, static_cast<int>(milliseconds(kLimit))) != 1)
        throw std::runtime_error("not in time: " + text);
      const ssize_t size = recv(fd_, buffer.data(), buffer.size(), 0);
      if (size <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(size));
    }
    return text;
  }

 private:
  int fd_;
};

Output status_of(Container& container) { return container.exec({"/sbin/cinit", "status"}); }

// What PID 1 has of memory now, in KB.
long memory_of(const Container& container) {
  const std::string status = read_file("/proc/" + std::to_string(container.host_pid()) + "/status");
  return std::atol(status.substr(status.find("VmRSS:") + 6).c_str());
}

// What it may need more for its clients: 64 of them with a request each, and an answer here and there.
constexpr long kMoreMemory = 6 * 1024;

void stops_in_time(Container& container) {
  container.signal(SIGTERM);
  const End end = container.wait_exit();
  CHECK(end.code == 0);
  CHECK(end.took < 2s);
}

}  // namespace

// ---- The socket

TEST_CASE("the control socket belongs to its owner alone, and another user is refused") {
  Container container;
  container.config(kWeb).cinit().wait_for("web: ready\n");
  CHECK(container.exec({"busybox", "stat", "-c", "%a %u %F", "/run/cinit.sock"}).text == "600 0 socket\n");
  const Output closed = container.exec({"app", "as", "65534", "/sbin/cinit", "status"});
  CHECK(closed.code == 77);
  CHECK(closed.text == "cinit: /run/cinit.sock: Permission denied\n");

  container.exec({"chmod", "666", "/run/cinit.sock"});
  const Output refused = container.exec({"app", "as", "65534", "/sbin/cinit", "stop", "web"});
  CHECK(refused.code == 77);
  CHECK(refused.text == "cinit: only root and the user of cinit may ask it\n");
  CHECK(!container.logged("web: handle signal"));
}

TEST_CASE("a cinit that is not root is asked by its own user, and by root") {
  Container container;
  container.config("[cinit]\ncontrol-socket = '/tmp/cinit.sock'\n" + std::string(kWeb));
  container.cinit({}, {.user = "1000:1000"}).wait_for("web: ready\n");
  CHECK(container.exec({"app", "as", "1000", "/sbin/cinit", "status"}).code == 0);
  CHECK(status_of(container).code == 0);
  CHECK(container.exec({"app", "as", "65534", "/sbin/cinit", "status"}).code == 77);
}

TEST_CASE("where no socket can be made there is a warning, and everything else works") {
  Container container;
  const std::string place = "/cinit.sock";
  std::string why;
  SUBCASE("the root is read-only") { why = "Read-only file system"; }
  SUBCASE("something else is there") {
    container.file(place, "a file of somebody\n");
    why = "something that is no socket is in its place";
  }
  container.config("[cinit]\ncontrol-socket = '" + place + "'\n" + kWeb);
  container.cinit({}, {.read_only = why.starts_with("Read")}).wait_for("web: ready\n");
  CHECK(container.logged("cinit: cinit status, health and the like will not work: cannot create /cinit.sock: " + why +
                         " (set control-socket in [cinit])\n"));
  CHECK(status_of(container).code == 69);
  CHECK(container.read(place) == (why.starts_with("Read") ? "" : "a file of somebody\n"));
  stops_in_time(container);
}

TEST_CASE("a socket that an earlier cinit has left is replaced, and is gone at the end") {
  const TemporaryDirectory machine;
  Container container;
  container.config("[cinit]\ncontrol-socket = '/place/cinit.sock'\n" + std::string(kWeb));
  {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, (machine / "cinit.sock").c_str());
    const int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    close(left);
  }
  container.cinit({}, {.volumes = {machine.path() + ":/place"}}).wait_for("web: ready\n");
  CHECK(!container.logged("no commands"));
  CHECK(status_of(container).code == 0);
  stops_in_time(container);
  CHECK(access((machine / "cinit.sock").c_str(), F_OK) != 0);
}

// ---- Many

TEST_CASE("those who ask at the same moment are all answered, also when there are not enough places for all") {
  Container container;
  container.config("[cinit]\nlog-prefix = 'name'\n" + std::string(kWeb)).cinit().wait_for("web: ready\n");
  const long before = memory_of(container);
  std::vector<Client> followers;
  for (int i = 0; i < 50; ++i) {
    followers.emplace_back(container).say("cinit/1 logs --follow\n").hear("ready\n");
  }
  container.signal(SIGSTOP);
  std::vector<Client> clients;
  for (int i = 0; i < 60; ++i) clients.emplace_back(container).say("cinit/1 status\n");
  container.signal(SIGCONT);
  for (Client& client : clients) CHECK(client.hear().ends_with("\nend 0\n"));
  CHECK(memory_of(container) - before < kMoreMemory);
}

TEST_CASE("a hundred commands at once are all carried out") {
  Container container;
  container.config(kWeb).cinit().wait_for("web: ready\n");
  container.exec_in_background(
      {"sh", "-c", "for i in $(seq 100); do (cinit status web > /dev/null; echo \"code $?\") & done"});
  container.wait_for("code 0\n", 100);
  stops_in_time(container);
}

TEST_CASE("those who connect and say nothing hinder nobody, however many they are") {
  Container container;
  container.config(kWeb).cinit().wait_for("web: ready\n");
  const long before = memory_of(container);
  std::vector<Client> clients;
  for (int i = 0; i < 200; ++i) {
    clients.emplace_back(container);
    if (i % 2 == 0) clients.back().say("cinit/1 sta");
  }
  CHECK(status_of(container).code == 0);
  CHECK(container.exec({"/sbin/cinit", "restart", "web"}).code == 0);
  CHECK(memory_of(container) - before < kMoreMemory);
  CHECK(container.descriptors() < 100);
  stops_in_time(container);
}

// ---- Strange ones

TEST_CASE("one that reads nothing of logs -f while a service floods costs no memory and no time") {
  Container container;
  container.config("[cinit]\nlog-prefix = 'name'\n" + std::string(kWeb) + kFlood).cinit().wait_for("web: ready\n");
  container.wait_until([&] { return !container.read("/tmp/flood").empty(); }, "the flood");
  const long before = memory_of(container);
  std::vector<Client> deaf;
  for (int i = 0; i < 3; ++i) deaf.emplace_back(container).say("cinit/1 logs --follow\n");
  Client reads(container);
  reads.say("cinit/1 logs --follow flood\n");
  for (int i = 0; i < 20; ++i) CHECK(reads.hear("out a line of a service").size() > 10);
  container.watch_for(500ms);
  constexpr long kAnswers = 4 * 2 * 1024;  // four of at most 1 MiB, in strings that may be half empty
  CHECK(memory_of(container) - before < kAnswers + kMoreMemory);
  CHECK(status_of(container).code == 0);
  CHECK(container.exec({"/sbin/cinit", "restart", "web"}).code == 0);
  stops_in_time(container);
}

TEST_CASE(
    "when clients use up all memory that there is, the stop is graceful, with the exit code of an internal error") {
  Container container;
  container
      .config(
          "[cinit]\nlog-prefix = 'name'\nstop-timeout = '5s'\n" + std::string(kWeb) + kFlood +
          "[service.obeys]\ncommand = ['sh', '-c', 'trap \"echo ended >/shared/ended; exit\" TERM; while :; do sleep "
          "0.05; done']\n")
      .cinit();
  container.wait_for("web: ready\n");
  container.wait_until([&] { return !container.read("/tmp/flood").empty(); }, "the flood");
  // Not more than it has now, and a little: the followers need a hundred times that.
  const std::string pid = std::to_string(container.host_pid());
  const std::string limit =
      "data=$(($(sed -n 's/VmData:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/" + pid + "/status) * 1024 + 300000)); ";
  REQUIRE(system((limit + "prlimit --pid " + pid + " --data=$data:$data").c_str()) == 0);
  std::vector<Client> deaf;
  for (int i = 0; i < 30; ++i) deaf.emplace_back(container).say("cinit/1 logs --follow\n");
  const End end = container.wait_exit();
  CHECK(end.code == 70);
  CHECK(container.logged("no memory is left"));
  CHECK(container.read_shared("ended") == "ended\n");
}

TEST_CASE("one that follows gets all that is written until cinit ends, and then the end") {
  Container container;
  container.config("[cinit]\nlog-prefix = 'name'\n" + std::string(kWeb)).cinit().wait_for("web: ready\n");
  Client client(container);
  CHECK(client.say("cinit/1 logs --follow\n").hear("ready\n") == "out web: ready\n");
  stops_in_time(container);
  CHECK(client.hear() == "out web: handle signal: terminated\nout web: app exit normally\nend 0\n");
}

TEST_CASE("clients that die in the middle leave nothing behind") {
  Container container;
  container.config(
      "[cinit]\nlog-prefix = 'name'\n" + std::string(kWeb) +
      "[service.late]\nautostart = false\ncommand = 'app app1 late'\nready = { file = '/shared/never' }\n");
  container.cinit().wait_for("web: ready\n");
  const std::size_t descriptors = container.descriptors();
  constexpr std::size_t kOfLate = 8;  // pipes of a service that runs then
  const long before = memory_of(container);
  for (int i = 0; i < 200; ++i) {
    Client(container).say("cinit/1 status --js");
    Client(container).say("cinit/1 status\n");
    Client(container).say("cinit/1 logs --follow\n");
    Client(container).say("cinit/1 start late\n");
    Client(container).say("no such protocol\n");
  }
  Client waits(container);
  waits.say("cinit/1 start late\n");
  container.exec(
      {"sh", "-c", "cinit logs -f > /dev/null & sleep 0.1; kill -KILL $!; cinit start late & kill -KILL $!"});
  CHECK(status_of(container).code == 0);
  container.wait_until([&] { return container.descriptors() <= descriptors + kOfLate; },
                       "their descriptors are closed");
  CHECK(memory_of(container) - before < kMoreMemory);
  stops_in_time(container);
  CHECK(waits.hear() == "err cinit: cinit is stopping\nend 1\n");
}

TEST_CASE("nonsense is answered, too much of it is cut off, and cinit goes on") {
  Container container;
  container.config(kWeb).cinit().wait_for("web: ready\n");
  CHECK(Client(container).say("GET / HTTP/1.1\n").hear().ends_with("end 64\n"));
  CHECK(Client(container).say("cinit/9 status\n").hear().ends_with("end 64\n"));
  CHECK(Client(container).say("cinit/1 dance\n").hear().ends_with("end 64\n"));
  CHECK(Client(container).say("\n").hear().ends_with("end 64\n"));
  CHECK(Client(container).say(std::string(5000, 'x')).hear().ends_with("end 64\n"));
  CHECK(Client(container).say(std::string(1000, '\0') + "\n").hear().ends_with("end 64\n"));
  CHECK(status_of(container).code == 0);
}
