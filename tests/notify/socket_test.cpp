#include "notify/socket.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "files.hpp"
#include "forked.hpp"
#include "notify/send.hpp"
#include "os/discarder.hpp"
#include "os/socket.hpp"
#include "passenger.hpp"

using namespace cinit::test;
using cinit::notify::may_speak;
using cinit::notify::Socket;
namespace notify = cinit::notify;
namespace os = cinit::os;

namespace {

constexpr uid_t kUser = 12'345;
constexpr uid_t kStranger = 23'456;
constexpr gid_t kGroup = 12'346;

// Directories for sockets that everybody can get to.
struct Places {
  Places() { chmod(directory.path().c_str(), 0755); }
  std::string operator/(const std::string& name) const { return directory.path() + "/" + name; }
  TemporaryDirectory directory;
};

Socket open_in(const std::vector<std::string>& directories, const std::string& service = "web", uid_t uid = 0) {
  const std::vector<std::string_view> views(directories.begin(), directories.end());
  auto socket = Socket::open(service, uid, uid == 0 ? 0 : kGroup, views);
  if (!socket) throw std::runtime_error(socket.error().message);
  return *std::move(socket);
}

// Sends as a process of that user, and returns what became of it.
std::string send_as(uid_t uid, const std::string& address, const std::string& state) {
  return in_child([&] {
    if (setresgid(kGroup, kGroup, kGroup) != 0 || setresuid(uid, uid, uid) != 0) throw std::runtime_error("setresuid");
    return std::string(notify::send(address, state) ? "sent" : "refused");
  });
}

// Sends with descriptors along, which are closed here afterwards. Returns whether it was sent.
bool send_with(const std::string& address, const std::string& state, const std::vector<int>& descriptors) {
  const auto to = os::UnixAddress::of(address);
  const os::Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  REQUIRE(connect(fd.get(), to->get(), to->size) == 0);
  return cinit::test::send_with(fd.get(), state, {descriptors.begin(), descriptors.end()}) == 0;
}

// Takes the next datagram out of the queue, as PID 1 has it done.
void discard_next(const Socket& socket) {
  os::Discarder discarder;
  REQUIRE(discarder.discard_next(socket.fd()));
  REQUIRE(eventually([&] {
    const pid_t pid = waitpid(-1, nullptr, WNOHANG);
    return pid > 0 && discarder.ended(pid);
  }));
}

// The two ends of a pipe; who sends the second away sees at the first when it is closed.
std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
  return ends;
}

bool has_ended(const os::Fd& read_end) {
  pollfd wanted{read_end.get(), POLLIN, 0};
  return poll(&wanted, 1, 0) == 1 && (wanted.revents & POLLHUP) != 0;
}

std::size_t open_descriptors() { return names_in("/proc/self/fd").size(); }

mode_t mode_of(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

}  // namespace

TEST_CASE("a datagram comes with who sent it") {
  const Places places;
  Socket socket = open_in({places / "notify"}, "web", kUser);
  CHECK_FALSE(socket.receive());
  REQUIRE(send_as(kUser, socket.address(), "READY=1\nSTATUS=up") == "sent");
  REQUIRE(notify::send(socket.address(), "STOPPING=1"));
  const auto first = socket.receive();
  REQUIRE(first);
  CHECK(first->message.ready);
  CHECK(first->message.status == "up");
  CHECK(first->uid == kUser);
  CHECK(first->gid == kGroup);
  CHECK(first->pid > 0);
  CHECK(first->pid != getpid());
  const auto second = socket.receive();
  REQUIRE(second);
  CHECK(second->message.stopping);
  CHECK(second->uid == 0);
  CHECK(second->pid == getpid());
  CHECK_FALSE(socket.receive());
}

TEST_CASE("the socket of a service is its user's alone") {
  const Places places;
  const Socket socket = open_in({places / "notify"}, "web", kUser);
  CHECK(socket.address() == places / "notify/web");
  CHECK(mode_of(places / "notify") == 0711);
  CHECK(mode_of(socket.address()) == 0600);
  struct stat status {};
  REQUIRE(stat(socket.address().c_str(), &status) == 0);
  CHECK(status.st_uid == kUser);
  CHECK(status.st_gid == kGroup);
  CHECK(send_as(kUser, socket.address(), "READY=1") == "sent");
  CHECK(send_as(kStranger, socket.address(), "READY=1") == "refused");
  CHECK((fcntl(socket.fd(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a umask changes neither the directory nor the socket") {
  const Places places;
  CHECK(in_child([&] {
          umask(0777);
          const Socket socket = open_in({places / "notify"}, "web", kUser);
          return std::to_string(mode_of(places / "notify")) + " " + std::to_string(mode_of(socket.address()));
        }) == std::to_string(0711) + " " + std::to_string(0600));
}

TEST_CASE("the owner of a service and root may speak for it") {
  CHECK(may_speak(0, kUser));
  CHECK(may_speak(kUser, kUser));
  CHECK(may_speak(0, 0));
  CHECK_FALSE(may_speak(kStranger, kUser));
  CHECK_FALSE(may_speak(kUser, 0));
  CHECK_FALSE(may_speak(static_cast<uid_t>(-1), static_cast<uid_t>(-1)));
}

TEST_CASE("a closed socket leaves no file and no descriptor") {
  const Places places;
  const std::size_t before = open_descriptors();
  std::string address;
  {
    Socket socket = open_in({places / "notify"});
    address = socket.address();
    CHECK(exists(address));
    Socket moved = std::move(socket);
    CHECK(exists(address));
    moved = open_in({places / "notify"}, "other");
    CHECK_FALSE(exists(address));
    CHECK(moved.address() == places / "notify/other");
    CHECK(moved.close());
    CHECK(moved.fd() == -1);
    CHECK_FALSE(moved.receive());
    Socket again = open_in({places / "notify"}, "other");
    CHECK_FALSE(moved.close());
    CHECK(exists(again.address()));
  }
  CHECK(names_in(places / "notify").empty());
  CHECK(open_descriptors() == before);
}

TEST_CASE("what an earlier run left is replaced, what is in use is not") {
  const Places places;
  const std::string path = places / "notify/web";
  const pid_t earlier = fork_process([&] {
    const Socket socket = open_in({places / "notify"});
    _exit(exists(path) ? 0 : 1);
  });
  REQUIRE(end_of(earlier) == "code 0");
  REQUIRE(exists(path));
  Socket first = open_in({places / "notify"});
  CHECK(first.address() == path);
  Socket second = open_in({places / "notify"});
  CHECK(second.address() == path + ".2");
  REQUIRE(notify::send(first.address(), "READY=1"));
  CHECK(first.receive());
  CHECK_FALSE(second.receive());
  write_file(places / "notify/file", "somebody's");
  CHECK(open_in({places / "notify"}, "file").address() == places / "notify/file.2");
  CHECK(read_file(places / "notify/file") == "somebody's");
}

TEST_CASE("a name of any service becomes a file name") {
  const Places places;
  const std::string directory = places / "notify";
  CHECK(open_in({directory}, "../../etc/x y").address() == directory + "/______etc_x_y");
  CHECK(open_in({directory}, "..").address() == directory + "/__");
  CHECK(open_in({directory}, "").address() == directory + "/_");
  const std::string name(300, 'n');
  const Socket first = open_in({directory}, name + "1");
  const Socket second = open_in({directory}, name + "2");
  CHECK(first.address() == directory + "/" + name.substr(0, 40));
  CHECK(second.address() == first.address() + ".2");
}

TEST_CASE("the first directory is taken that can be used") {
  const Places places;
  make_directories(places / "open");
  chmod((places / "open").c_str(), 0777);
  make_directories(places / "other");
  REQUIRE(chown((places / "other").c_str(), kStranger, kGroup) == 0);
  make_directories(places / "closed/notify");
  chmod((places / "closed").c_str(), 0700);
  make_directories(places / "real");
  REQUIRE(symlink("real", (places / "link").c_str()) == 0);
  write_file(places / "file", "");
  const Socket socket = open_in({places / "missing/notify", places / "open", places / "other", places / "closed/notify",
                                 places / "link", places / "file", places / std::string(100, 'x'), places / "good"});
  CHECK(socket.address() == places / "good/web");
}

TEST_CASE("a directory below one in which others may change names is not used") {
  const Places places;
  make_directories(places / "theirs");
  REQUIRE(chown((places / "theirs").c_str(), kStranger, kGroup) == 0);
  make_directories(places / "theirs/notify");
  make_directories(places / "open/notify");
  chmod((places / "open").c_str(), 0777);
  make_directories(places / "shared");
  chmod((places / "shared").c_str(), 01777);
  const Socket socket = open_in({places / "theirs/notify", places / "theirs/new", places / "open/notify",
                                 places / "open/new", places / "shared/notify"});
  CHECK(socket.address() == places / "shared/notify/web");
  CHECK_FALSE(exists(places / "theirs/new"));
  CHECK_FALSE(exists(places / "open/new"));
}

TEST_CASE("without a directory the address is abstract and cannot be guessed") {
  const Places places;
  Socket socket = open_in({places / "missing/notify"}, "web", kUser);
  const Socket other = open_in({}, "web", kUser);
  CHECK(socket.address().starts_with("@cinit-notify-web-"));
  CHECK(socket.address().size() == std::string("@cinit-notify-web-").size() + 32);
  CHECK(socket.address() != other.address());
  // Anybody can send to it, and is told apart.
  CHECK(send_as(kStranger, socket.address(), "READY=1") == "sent");
  const auto stranger = socket.receive();
  REQUIRE(stranger);
  CHECK_FALSE(may_speak(stranger->uid, kUser));
  CHECK(send_as(kUser, socket.address(), "READY=1") == "sent");
  const auto owner = socket.receive();
  REQUIRE(owner);
  CHECK(may_speak(owner->uid, kUser));
  CHECK(open_in({}, std::string(300, '/')).address().size() <= 107);
}

TEST_CASE("a read-only file system is no place") {
  const Places places;
  make_directories(places / "root/notify");
  CHECK(in_child([&] {
          enter_mount_namespace();
          const std::string root = places / "root";
          if (mount("none", root.c_str(), "tmpfs", 0, "mode=755") != 0) throw std::runtime_error("mount");
          mkdir((root + "/notify").c_str(), 0711);
          if (mount(nullptr, root.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0)
            return std::string("remount");
          return open_in({root + "/notify", root + "/new"}).address().substr(0, 18);
        }) == "@cinit-notify-web-");
}

TEST_CASE("without privilege a socket is made for the own user, and abstract for another") {
  const Places places;
  chmod(places.directory.path().c_str(), 01777);
  CHECK(in_child([&] {
          if (setresgid(kGroup, kGroup, kGroup) != 0 || setresuid(kUser, kUser, kUser) != 0) return std::string("set");
          const std::string own = open_in({places / "notify"}, "web", kUser).address();
          const std::string others = open_in({places / "notify"}, "web", kStranger).address();
          return own + " " + others.substr(0, 1) + std::to_string(names_in(places / "notify").size());
        }) == places / "notify/web" + " @0");
}

TEST_CASE("a datagram with descriptors is told of, stays where it is, and none of them gets into this process") {
  const Places places;
  Socket socket = open_in({places / "notify"}, "web", kUser);
  for (const std::size_t count : {1U, 2U, 253U}) {
    CAPTURE(count);
    std::vector<os::Fd> read_ends;
    std::vector<int> write_ends;
    for (std::size_t i = 0; i < count; ++i) {
      const auto ends = make_pipe();
      read_ends.emplace_back(ends[0]);
      write_ends.push_back(ends[1]);
    }
    REQUIRE(notify::send(socket.address(), "STATUS=before"));
    REQUIRE(send_with(socket.address(), "BARRIER=1", write_ends));
    REQUIRE(notify::send(socket.address(), "STATUS=behind"));
    const std::size_t before = open_descriptors();
    const auto first = socket.receive();
    REQUIRE(first);
    CHECK(first->message.status == "before");
    CHECK_FALSE(first->holds_descriptors);
    for (int i = 0; i < 3; ++i) {
      const auto held = socket.receive();
      REQUIRE(held);
      CHECK(held->holds_descriptors);
      CHECK(held->message.barrier);
      CHECK(held->uid == 0);
      CHECK(held->pid == getpid());
    }
    CHECK(open_descriptors() == before);
    for (const os::Fd& read_end : read_ends) CHECK_FALSE(has_ended(read_end));
    discard_next(socket);
    for (const os::Fd& read_end : read_ends) CHECK(has_ended(read_end));
    CHECK(open_descriptors() == before);
    const auto behind = socket.receive();
    REQUIRE(behind);
    CHECK(behind->message.status == "behind");
    CHECK_FALSE(behind->holds_descriptors);
  }
}

TEST_CASE("what is said along with descriptors counts, and who says it") {
  const Places places;
  Socket socket = open_in({}, "web", kUser);
  REQUIRE(send_with(socket.address(), "FDSTORE=1\nREADY=1", {dup(0)}));
  const auto received = socket.receive();
  REQUIRE(received);
  CHECK(received->message.ready);
  CHECK(received->holds_descriptors);
  discard_next(socket);
  CHECK_FALSE(socket.receive());
}

TEST_CASE("descriptors for which there is no number left are not closed here") {
  const Places places;
  CHECK(in_child([&] {
          Socket socket = open_in({places / "notify"});
          const auto ends = make_pipe();
          const os::Fd read_end(ends[0]);
          if (!send_with(socket.address(), "BARRIER=1", {dup(ends[1]), ends[1]})) return std::string("not sent");
          const rlimit no_more{3, 3};
          setrlimit(RLIMIT_NOFILE, &no_more);
          const auto received = socket.receive();
          if (!received) return std::string("not received");
          return std::string(received->holds_descriptors ? "held " : "lost ") +
                 (has_ended(read_end) ? "closed" : "open");
        }) == "held open");
}

TEST_CASE("a socket that lies in the queue of another makes nobody wait, nor does the end of the socket") {
  const Places places;
  CHECK(in_child([&] {
          Socket socket = open_in({places / "notify"});
          if (!send_with(socket.address(), "READY=1", {dup(0), dup(0), lingering_passenger().release()})) {
            return std::string("not sent");
          }
          for (int i = 0; i < 3; ++i) {
            if (!socket.receive()) return std::string("lost");
          }
          return std::string("received");
        }) == "received");
}

TEST_CASE("a datagram that is too long says nothing") {
  const Places places;
  Socket socket = open_in({places / "notify"});
  const std::string longest = "READY=1\n" + std::string(Socket::kMostDatagram - 8, 'x');
  REQUIRE(notify::send(socket.address(), longest));
  REQUIRE(notify::send(socket.address(), longest + "x"));
  REQUIRE(notify::send(socket.address(), ""));
  const auto most = socket.receive();
  REQUIRE(most);
  CHECK(most->message.ready);
  CHECK_FALSE(most->oversized);
  const auto more = socket.receive();
  REQUIRE(more);
  CHECK_FALSE(more->message.ready);
  CHECK(more->oversized);
  CHECK(more->uid == 0);
  const auto empty = socket.receive();
  REQUIRE(empty);
  CHECK_FALSE(empty->message.ready);
  CHECK_FALSE(empty->oversized);
  CHECK_FALSE(socket.receive());
}

TEST_CASE("the directories are tried where a container can write") {
  const auto directories = notify::default_directories();
  REQUIRE(directories.size() == 3);
  CHECK(directories[0] == "/run/cinit-notify");
}
