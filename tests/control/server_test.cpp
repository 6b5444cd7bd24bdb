#include "control/server.hpp"

#include <doctest/doctest.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "fake_host.hpp"
#include "forked.hpp"
#include "os/clock.hpp"
#include "passenger.hpp"

using namespace cinit;
using namespace cinit::control;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kFirstToken = 100;

class Directory {
 public:
  Directory() {
    if (!mkdtemp(path_)) throw std::runtime_error("mkdtemp");
  }
  ~Directory() { (void)(std::system(("rm -rf " + std::string(path_)).c_str()) + 1); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::string operator/(const std::string& name) const { return std::string(path_) + "/" + name; }

 private:
  char path_[32] = "/tmp/cinit-control-XXXXXX";
};

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

// PID 1's loop around a server, as short as it can be.
struct Loop {
  explicit Loop(const std::string& path) {
    server.observe_trouble([this](std::string_view, const std::string& message) { complaints.push_back(message); });
    listen_error = server.listen(path.empty() ? std::vector<SocketPlace>()
                                              : std::vector<SocketPlace>{{SocketPlace::Kind::Path, path}});
  }

  // Until nothing more happens by itself.
  void turn() {
    for (bool busy = true; busy;) {
      const auto tokens = poller.wait(os::now());
      busy = !tokens.empty();
      for (const std::uint64_t token : tokens) {
        REQUIRE(server.owns(token));
        server.handle(token);
      }
      reap();
      server.progress();
      turns += busy ? 1 : 0;
      REQUIRE(turns < 100'000);  // else it spins
    }
  }

  // Those of the discarder, and of nothing else.
  void reap() {
    if (discarder.closing() == 0) return;
    for (pid_t pid = 0; (pid = waitpid(-1, nullptr, WNOHANG)) > 0;) discarder.ended(pid);
    discarder.progress();
  }

  os::Poller poller = *os::Poller::make();
  os::Discarder discarder;
  FakeHost host{some_plan()};
  Server server{host, poller, discarder, kFirstToken};
  std::optional<Error> listen_error;
  std::vector<std::string> complaints;
  int turns = 0;
};

// The other end. It never waits.
class Visitor {
 public:
  explicit Visitor(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    const sockaddr_un address = address_of(path);
    connected = connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  Visitor(const std::string& path, const std::string& request) : Visitor(path) { say(request); }

  void say(const std::string& text) { send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL); }
  // Returns 0, or the errno.
  int say_with(os::Fd passenger, const std::string& text, int flags = 0) {
    std::vector<os::Fd> passengers;
    passengers.push_back(std::move(passenger));
    return test::send_with(fd_.get(), text, std::move(passengers), flags);
  }
  void shut() { shutdown(fd_.get(), SHUT_WR); }
  void leave() { fd_.reset(); }

  // What has come by now. At the end of the connection "<end>" is added.
  std::string heard(std::size_t most = SIZE_MAX) {
    std::string text;
    char buffer[65536];
    while (text.size() < most) {
      const ssize_t size = recv(fd_.get(), buffer, std::min(sizeof(buffer), most - text.size()), 0);
      if (size < 0 && errno == EAGAIN) return text;
      if (size <= 0) return text + "<end>";
      text.append(buffer, static_cast<std::size_t>(size));
    }
    return text;
  }

  bool connected = false;

 private:
  os::Fd fd_;
};

struct Fixture {
  Directory directory;
  std::string path = directory / "cinit.sock";
  Loop loop{path};
};

const std::string kHealthy = "end 0\n<end>";

mode_t mode_of(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode : 0;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a request is answered, and the connection is closed") {
  bring_up(loop.host);
  Visitor visitor(path, "cinit/1 health\n");
  loop.turn();
  CHECK(visitor.heard() == kHealthy);
}

TEST_CASE_FIXTURE(Fixture, "the socket belongs to its owner alone, and goes with the server") {
  CHECK_FALSE(loop.listen_error);
  CHECK(mode_of(path) == (S_IFSOCK | 0600));
  {
    Directory other;
    Loop second(other / "s");
    CHECK(mode_of(other / "s") != 0);
  }
  CHECK(mode_of(path) != 0);
}

TEST_CASE("an empty path makes no socket, and the rest does nothing") {
  Loop loop("");
  CHECK_FALSE(loop.listen_error);
  loop.turn();
  loop.server.line(core::ServiceId{0}, "x");
  CHECK(loop.turns == 0);
}

TEST_CASE_FIXTURE(Fixture, "a request may come in pieces, and the writing half may be closed behind it") {
  bring_up(loop.host);
  Visitor visitor(path, "cinit/1 he");
  loop.turn();
  CHECK(visitor.heard().empty());
  visitor.say("alth\n");
  visitor.shut();
  loop.turn();
  CHECK(visitor.heard() == kHealthy);
}

TEST_CASE_FIXTURE(Fixture,
                  "a client that has closed its writing half may wait for its answer, and costs nothing meanwhile") {
  Visitor visitor(path, "cinit/1 start web\n");
  visitor.shut();
  loop.turn();
  const int before = loop.turns;
  loop.turn();
  CHECK(loop.turns == before);
  CHECK(visitor.heard().empty());
  bring_up(loop.host);
  loop.host.pass(1s);
  loop.turn();
  CHECK(visitor.heard() == "out web: started\nend 0\n<end>");
}

TEST_CASE_FIXTURE(Fixture, "half a request that ends there is told so") {
  Visitor visitor(path, "cinit/1 hea");
  visitor.shut();
  loop.turn();
  CHECK(visitor.heard() == "err cinit: the request has no end\nend 64\n<end>");
}

TEST_CASE_FIXTURE(Fixture, "a request of five kilobytes is refused, one of just four is not") {
  Visitor visitor(path, "cinit/1 health " + std::string(5000, 'x') + "\n");
  loop.turn();
  CHECK(visitor.heard() == "err cinit: the request is too long\nend 64\n<end>");

  std::string longest = "cinit/1 health " + std::string(kLongestRequest, 'x');
  longest.resize(kLongestRequest - 1);
  Visitor other(path, longest + "\n");
  loop.turn();
  CHECK(other.heard().starts_with("err cinit: there is no service \"xxx"));
}

TEST_CASE_FIXTURE(Fixture, "garbage is answered, and does not harm") {
  Visitor visitor(path, std::string("\0\xff\n\n", 4));
  loop.turn();
  CHECK(visitor.heard().ends_with("end 64\n<end>"));
}

TEST_CASE_FIXTURE(Fixture, "one that says nothing costs nothing, however many there are") {
  bring_up(loop.host);
  std::vector<Visitor> silent;
  for (std::size_t i = 0; i < 10; ++i) silent.emplace_back(path);
  loop.turn();
  const int before = loop.turns;
  loop.turn();
  CHECK(loop.turns == before);
  Visitor visitor(path, "cinit/1 health\n");
  loop.turn();
  CHECK(visitor.heard() == kHealthy);
}

TEST_CASE_FIXTURE(Fixture, "when all places are taken the one that has been silent longest makes room") {
  bring_up(loop.host);
  std::vector<Visitor> silent;
  for (std::size_t i = 0; i < Server::kMostClients; ++i) silent.emplace_back(path);
  loop.turn();
  silent[0].say("cinit/1");
  loop.turn();
  Visitor visitor(path, "cinit/1 health\n");
  loop.turn();
  CHECK(visitor.heard() == kHealthy);
  CHECK(silent[1].heard() == "err cinit: too many connect at once, and this one asks nothing\nend 75\n<end>");
  CHECK(loop.complaints ==
        std::vector<std::string>{"a client is closed before it has its answer: too many connect at once, and this one "
                                 "asks nothing"});
  CHECK(silent[0].heard().empty());
  CHECK(silent[2].heard().empty());
  silent[0].say(" health\n");
  loop.turn();
  CHECK(silent[0].heard() == kHealthy);
}

TEST_CASE_FIXTURE(Fixture,
                  "when as many clients wait as may, one more is refused until one has gone, and others are answered") {
  bring_up(loop.host);
  loop.host.hold("web");
  loop.host["db"].captured = true;
  std::vector<Visitor> waiting;
  for (std::size_t i = 0; i < Replies::kMostLasting; ++i) waiting.emplace_back(path, "cinit/1 restart web\n");
  loop.turn();
  Visitor late(path, "cinit/1 restart web\n");
  Visitor follower(path, "cinit/1 logs --follow db\n");
  Visitor other(path, "cinit/1 health db\n");
  loop.turn();
  CHECK(late.heard() == "err cinit: too many wait for an answer at once\nend 75\n<end>");
  CHECK(follower.heard() == "err cinit: too many wait for an answer at once\nend 75\n<end>");
  CHECK(other.heard() == kHealthy);
  waiting[5].leave();
  loop.turn();
  Visitor later(path, "cinit/1 restart web\n");
  loop.turn();
  CHECK(later.heard().empty());
  loop.host.runs("web");
  loop.host.pass(1s);
  loop.turn();
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    if (i != 5) CHECK(waiting[i].heard() == "out web: restarted\nend 0\n<end>");
  }
}

TEST_CASE_FIXTURE(
    Fixture, "when all places are taken by clients that do not read, the one that is deaf for longest makes room") {
  for (int i = 0; i < 350; ++i) loop.host.write("db", std::string(1000, 'x'));
  std::vector<Visitor> deaf;
  for (std::size_t i = 0; i < Server::kMostClients; ++i) {
    deaf.emplace_back(path, "cinit/1 logs db\n");
    loop.turn();
  }
  bring_up(loop.host);
  Visitor late(path, "cinit/1 health\n");
  loop.turn();
  CHECK(late.heard() == kHealthy);
  CHECK_FALSE(deaf[0].heard().ends_with("end 0\n<end>"));
  CHECK(loop.complaints.back() ==
        "a client is closed before it has its answer: too many connect at once, and this one does not read");
}

TEST_CASE_FIXTURE(Fixture,
                  "all clients together make it keep four MiB, the deaf are told why, and the others are answered") {
  for (int i = 0; i < 900; ++i) loop.host.write("db", std::string(1000, 'x'));
  loop.host["db"].captured = true;
  std::vector<Visitor> deaf;
  for (std::size_t i = 0; i < Replies::kMostLasting; ++i) {
    deaf.emplace_back(path, "cinit/1 logs --follow db\n");
    loop.turn();
  }
  bring_up(loop.host);
  Visitor reader(path, "cinit/1 logs db\n");
  std::string answer;
  while (!answer.ends_with("<end>")) {
    loop.turn();
    const std::string more = reader.heard();
    REQUIRE(!more.empty());
    answer += more;
  }
  CHECK(answer.ends_with(kHealthy));
  std::size_t kept = 0;
  int told = 0;
  for (Visitor& visitor : deaf) {
    std::string heard;
    for (std::string more = visitor.heard(); !more.empty(); more = visitor.heard()) {
      heard += more;
      if (heard.ends_with("<end>")) break;
      loop.turn();
    }
    kept += heard.size();
    told += heard.ends_with("\nerr cinit: too much is kept for clients that do not read\nend 75\n<end>") ? 1 : 0;
  }
  CHECK(told > 0);
  // The rest is in the kernel: what a socket takes.
  const std::size_t in_kernel = Replies::kMostLasting * (std::size_t{300} << 10U);
  CHECK(kept < Replies::kMostPendingOfAll + in_kernel);
  CHECK(static_cast<std::size_t>(told) >=
        Replies::kMostLasting - Replies::kMostPendingOfAll / (std::size_t{200} << 10U));
}

TEST_CASE_FIXTURE(Fixture, "a thousand come one after the other") {
  bring_up(loop.host);
  for (int i = 0; i < 1000; ++i) {
    Visitor visitor(path, "cinit/1 health\n");
    loop.turn();
    REQUIRE(visitor.heard() == kHealthy);
  }
}

TEST_CASE_FIXTURE(Fixture, "one that dies is forgotten, and its place is another's") {
  Visitor dead(path, "cinit/1 start web\n");
  loop.turn();
  dead.leave();
  loop.turn();
  Visitor follower(path, "cinit/1 logs --follow db\n");
  loop.host["db"].captured = true;
  loop.turn();
  bring_up(loop.host);
  loop.turn();
  CHECK(follower.heard().empty());
}

TEST_CASE_FIXTURE(Fixture, "what was asked for is done, even if the one who asked has gone at once") {
  Visitor gone(path, "cinit/1 stop --no-wait db\n");
  gone.leave();
  loop.turn();
  CHECK(loop.host.calls == std::vector<std::string>{"stop db"});
}

TEST_CASE_FIXTURE(Fixture, "followers get every line when they read") {
  loop.host["db"].captured = true;
  Visitor follower(path, "cinit/1 logs --follow db\n");
  loop.turn();
  std::string expected;
  std::string heard;
  for (int i = 0; i < 20'000; ++i) {
    const std::string line = "line " + std::to_string(i) + std::string(100, '.');
    loop.server.line(loop.host.id("db"), line);
    expected += "out " + line + "\n";
    if (i % 100 != 0) continue;
    loop.turn();
    heard += follower.heard();
  }
  loop.turn();
  CHECK(heard + follower.heard() == expected);
}

TEST_CASE_FIXTURE(Fixture, "a follower that does not read loses lines, is told how many, and hinders nobody") {
  loop.host["db"].captured = true;
  Visitor slow(path, "cinit/1 logs --follow db\n");
  Visitor quick(path, "cinit/1 logs --follow db\n");
  loop.turn();
  constexpr int kLines = 5000;
  const std::string line(1000, 'x');
  std::size_t quick_bytes = 0;
  for (int i = 0; i < kLines; ++i) {
    loop.server.line(loop.host.id("db"), line);
    if (i % 10 != 0) continue;
    loop.turn();
    quick_bytes += quick.heard().size();
  }
  loop.turn();
  CHECK(quick_bytes + quick.heard().size() == kLines * (line.size() + 5));
  const int before = loop.turns;
  loop.turn();
  CHECK(loop.turns == before);  // it waits until the slow one reads

  std::string heard;
  for (std::string more = slow.heard(); !more.empty(); more = slow.heard()) {
    heard += more;
    loop.turn();
  }
  loop.server.line(loop.host.id("db"), "the last");
  loop.turn();
  heard += slow.heard();
  const std::size_t told = heard.find("err cinit: ");
  REQUIRE(told != std::string::npos);
  const std::size_t got = told / (line.size() + 5);
  CHECK(got * (line.size() + 5) == told);
  CHECK(got * line.size() < 2 * Replies::kMostPending);
  CHECK(heard.substr(told) == "err cinit: " + std::to_string(static_cast<std::size_t>(kLines) - got) +
                                  " lines were skipped: they came faster than they were read\nout the last\n");
}

TEST_CASE_FIXTURE(Fixture, "an answer that is not read waits, and one that is too long is cut off") {
  for (int i = 0; i < 500; ++i) loop.host.write("db", std::string(1000, 'x'));
  Visitor late(path, "cinit/1 logs db\n");
  loop.turn();
  const int before = loop.turns;
  loop.turn();
  CHECK(loop.turns == before);
  std::string heard;
  while (!heard.ends_with("<end>")) {
    heard += late.heard(100'000);
    loop.turn();
  }
  CHECK(heard.size() == 500 * 1005 + kHealthy.size());

  bring_up(loop.host);
  core::Notified said{loop.host.id("db")};
  said.status = std::string(2 * Replies::kMostPending, 'y');
  loop.host.tell(said);
  Visitor deaf(path, "cinit/1 status\n");
  loop.turn();
  std::string cut = deaf.heard();
  CHECK(cut.ends_with("<end>"));
  CHECK(cut.find("end 0") == std::string::npos);
  CHECK(loop.complaints ==
        std::vector<std::string>{"a client is closed before it has its answer: it does not read it"});
}

TEST_CASE_FIXTURE(Fixture, "the log is told of each client that is refused") {
  for (int i = 0; i < 3; ++i) {
    Visitor visitor(path, "cinit/1 health");
    visitor.shut();
    loop.turn();
  }
  CHECK(loop.complaints == std::vector<std::string>(3, "a client is refused: the request has no end"));
}

TEST_CASE("a client that the poller does not take gets an answer, and the log a line") {
  const std::string said = test::in_child([]() -> std::string {
    Directory directory;
    Loop loop(directory / "s");
    Visitor visitor(directory / "s", "cinit/1 health\n");
    test::filter_call({SYS_epoll_ctl, 1, EPOLL_CTL_ADD}, SECCOMP_RET_ERRNO | ENOSPC);
    loop.turn();
    return visitor.heard() + (loop.complaints.empty() ? "" : loop.complaints[0]);
  });
  const std::string why =
      "it cannot be waited for: epoll_ctl: No space left on device (the host's sysctl fs.epoll.max_user_watches)";
  CHECK(said == "err cinit: the request is not taken: " + why + "\nend 75\n<end>a client is refused: " + why);
}

TEST_CASE("a client that waits for a service is told so, if it wants to know, before the answer is there") {
  Directory directory;
  Loop loop(directory / "s");
  Visitor restart(directory / "s", "cinit/1 restart --expect-wait web\n");
  loop.host["db"].captured = true;
  Visitor follow(directory / "s", "cinit/1 logs --follow --expect-wait db\n");
  loop.turn();
  CHECK(restart.heard() == "wait\n");
  CHECK(follow.heard() == "wait\n");
  bring_up(loop.host);
  loop.host.pass(1s);
  loop.turn();
  CHECK(restart.heard() == "out web: restarted\nend 0\n<end>");
}

// ---- Descriptors that come along

namespace {

// As on a kernel that is older than SO_PASSRIGHTS.
void forget_pass_rights() {
  constexpr int kPassRights = 83;
  for (const int call : {SYS_setsockopt, SYS_getsockopt}) {
    test::filter_call({call, 2, kPassRights}, SECCOMP_RET_ERRNO | ENOPROTOOPT);
  }
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "descriptors do not get to the server where the kernel can refuse them") {
  Visitor visitor(path);
  CHECK(visitor.say_with(test::lingering_passenger(), "cinit/1 health\n") == EPERM);
  loop.turn();
  CHECK(visitor.say_with(test::lingering_passenger(), "cinit/1 health\n") == EPERM);
  bring_up(loop.host);
  visitor.say("cinit/1 health\n");
  loop.turn();
  CHECK(visitor.heard() == kHealthy);
}

TEST_CASE("on an older kernel a request with descriptors is refused, and none is closed here") {
  const auto heard_for = [](const std::string& before, int flags) {
    return test::in_child([&]() -> std::string {
      forget_pass_rights();
      Directory directory;
      Loop loop(directory / "s");
      bring_up(loop.host);
      Visitor visitor(directory / "s", before);
      loop.turn();
      if (visitor.say_with(test::lingering_passenger(), "cinit/1 health\n", flags) != 0) return "not sent";
      loop.turn();
      const std::string heard = visitor.heard();
      const bool closed = test::eventually([&] {
        loop.turn();
        return loop.discarder.closing() == 0;
      });
      Visitor other(directory / "s", "cinit/1 health\n");
      loop.turn();
      return heard + (closed ? " closed " : " not closed ") + other.heard();
    });
  };
  const std::string refused = "err cinit: descriptors came with the request\nend 64\n<end> closed " + kHealthy;
  CHECK(heard_for("", 0) == refused);
  CHECK(heard_for("cinit/1 he", 0) == refused);
  CHECK(heard_for("", MSG_OOB) == refused);
  // Behind a request nothing is read any more.
  CHECK(heard_for("cinit/1 health\n", 0) == "not sent");
}

TEST_CASE("on an older kernel no descriptor is closed here when clients or the server go") {
  const std::string said = test::in_child([]() -> std::string {
    forget_pass_rights();
    Directory directory;
    std::optional<Loop> loop(std::in_place, directory / "s");
    (*loop).host["db"].captured = true;
    Visitor follows(directory / "s", "cinit/1 logs --follow db\n");
    Visitor leaves(directory / "s", "cinit/1 logs --follow db\n");
    loop->turn();
    follows.say_with(test::lingering_passenger(), "more\n");
    leaves.say_with(test::lingering_passenger(), "more\n");
    leaves.leave();
    loop->turn();  // whoever closed it here would wait for longer than this process may last
    Visitor late(directory / "s");
    late.say_with(test::lingering_passenger(), "cinit/1 health\n");
    loop.reset();
    return follows.heard() + late.heard();
  });
  CHECK(said == "end 0\n<end><end>");
}

TEST_CASE_FIXTURE(Fixture, "when the server ends, who waits is answered and the socket is gone") {
  std::optional<Loop> other(std::in_place, directory / "other");
  other->host["db"].captured = true;
  Visitor follower(directory / "other", "cinit/1 logs --follow db\n");
  other->turn();
  other.reset();
  CHECK(follower.heard() == "end 0\n<end>");
  CHECK(mode_of(directory / "other") == 0);
}

TEST_CASE_FIXTURE(Fixture, "another user is refused, even where the socket lets him in") {
  REQUIRE(chmod(path.c_str(), 0666) == 0);
  REQUIRE(chmod((directory / ".").c_str(), 0755) == 0);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t pid = test::fork_process([&] {
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) return;
    Visitor visitor(path, "cinit/1 stop db\n");
    char go = 'c';
    if (!visitor.connected || write(ends[1], &go, 1) != 1) return;
    std::string said;
    test::eventually([&] { return (said += visitor.heard()).ends_with("<end>"); });
    (void)!write(ends[1], said.data(), said.size());
  });
  close(ends[1]);
  char connected = 0;
  REQUIRE(read(ends[0], &connected, 1) == 1);
  loop.turn();
  CHECK(test::read_all(ends[0]) == "err cinit: only root and the user of cinit may ask it\nend 77\n<end>");
  CHECK(test::end_of(pid) == "code 0");
  CHECK(loop.host.calls.empty());
  close(ends[0]);
}

TEST_CASE("a socket on which nobody answers is replaced") {
  Directory directory;
  const std::string path = directory / "s";
  {
    const os::Fd dead(socket(AF_UNIX, SOCK_STREAM, 0));
    const sockaddr_un address = address_of(path);
    REQUIRE(bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  }
  REQUIRE(mode_of(path) != 0);
  Loop loop(path);
  CHECK_FALSE(loop.listen_error);
  CHECK(mode_of(path) == (S_IFSOCK | 0600));
  bring_up(loop.host);
  Visitor visitor(path, "cinit/1 health\n");
  loop.turn();
  CHECK(visitor.heard() == kHealthy);
}

TEST_CASE_FIXTURE(Fixture, "a socket on which another cinit answers is left to it") {
  {
    Loop second(path);
    REQUIRE(second.listen_error);
    CHECK(second.listen_error->message == path + ": another cinit answers there");
  }
  bring_up(loop.host);
  Visitor visitor(path, "cinit/1 health\n");
  loop.turn();
  CHECK(visitor.heard() == kHealthy);
}

TEST_CASE("one that is too busy to accept is alive, too") {
  Directory directory;
  const std::string path = directory / "s";
  const os::Fd busy(socket(AF_UNIX, SOCK_STREAM, 0));
  const sockaddr_un address = address_of(path);
  REQUIRE(bind(busy.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  REQUIRE(listen(busy.get(), 0) == 0);
  Visitor first(path);
  Visitor second(path);
  Loop loop(path);
  REQUIRE(loop.listen_error);
  CHECK(loop.listen_error->message == path + ": another cinit answers there");
}

TEST_CASE("the directory of the socket is made when it is missing") {
  Directory directory;
  const Loop loop(directory / "of/the/socket");
  CHECK(!loop.listen_error);
  CHECK(access((directory / "of/the/socket").c_str(), F_OK) == 0);
}

TEST_CASE("where there is no place for a socket, the error says why") {
  Directory directory;
  const auto error_at = [](const std::string& path) {
    Loop loop(path);
    return loop.listen_error ? loop.listen_error->message : "no error";
  };
  CHECK(error_at("/proc/self/s") == "/proc/self/s: No such file or directory");
  CHECK(error_at(directory / "") == directory / "" + ": something that is no socket is in its place");
  CHECK(error_at("cinit.sock") == "cinit.sock: the path of a socket is absolute and has at most 107 bytes");
  const std::string longest = directory / std::string(108, 's');
  CHECK(error_at(longest) == longest + ": the path of a socket is absolute and has at most 107 bytes");
  REQUIRE(close(creat((directory / "file").c_str(), 0600)) == 0);
  CHECK(error_at(directory / "file") == directory / "file" + ": something that is no socket is in its place");
}

TEST_CASE("without a descriptor for a connection the loop does not spin, and goes on when there is one") {
  const std::string said = test::in_child([]() -> std::string {
    Directory directory;
    Loop loop(directory / "s");
    bring_up(loop.host);
    Visitor visitor(directory / "s", "cinit/1 health\n");
    const int spare = dup(0);
    const rlimit tight{static_cast<rlim_t>(spare), 100};
    close(spare);
    if (setrlimit(RLIMIT_NOFILE, &tight) != 0) return "setrlimit";
    loop.turn();
    std::string text = visitor.heard() + (loop.turns < 10 ? "calm " : "busy ");
    const rlimit loose{100, 100};
    if (setrlimit(RLIMIT_NOFILE, &loose) != 0) return "setrlimit";
    loop.turn();  // something else has happened: progress() alone
    loop.turn();
    return text + visitor.heard();
  });
  CHECK(said == "calm " + kHealthy);
}
